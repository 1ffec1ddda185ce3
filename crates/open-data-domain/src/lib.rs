//! publicdata-open-data-domain
