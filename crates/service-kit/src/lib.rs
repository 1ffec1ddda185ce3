//! publicdata-service-kit
