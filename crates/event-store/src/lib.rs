//! publicdata-event-store
