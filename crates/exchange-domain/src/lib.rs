//! publicdata-exchange-domain
