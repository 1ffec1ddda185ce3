//! publicdata-open-data
