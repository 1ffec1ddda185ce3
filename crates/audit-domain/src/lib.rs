//! publicdata-audit-domain
