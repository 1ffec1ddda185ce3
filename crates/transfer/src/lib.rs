//! publicdata-transfer
