//! publicdata-proto
