//! publicdata-node-agent
