//! publicdata-catalog
