//! publicdata-identity
