//! publicdata-catalog-domain
