//! publicdata-views
