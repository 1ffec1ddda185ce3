//! publicdata
