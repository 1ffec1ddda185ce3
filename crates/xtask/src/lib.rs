//! publicdata-xtask
