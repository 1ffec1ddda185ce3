//! publicdata-audit
