//! publicdata-types
