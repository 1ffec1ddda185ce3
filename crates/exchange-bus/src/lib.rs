//! publicdata-exchange-bus
