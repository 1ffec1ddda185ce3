//! publicdata-tests
