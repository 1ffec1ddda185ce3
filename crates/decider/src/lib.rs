//! publicdata-decider
