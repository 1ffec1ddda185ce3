//! publicdata-directory
