#![doc = include_str!("../README.md")]
#![allow(
    clippy::disallowed_methods,
    reason = "generated clients can connect; ours use service-kit's channel"
)]
#![allow(clippy::large_enum_variant, reason = "what a message may hold is as large as it is")]

/// Messages of package `publicdata.event.v1`: the commit, which is what an event stream stores.
pub mod event {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("publicdata.event.v1");
    }
}

/// Messages of package `publicdata.common.v1`: signatures.
pub mod common {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("publicdata.common.v1");
    }
}

/// Service and events of the catalogue.
pub mod catalog {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("publicdata.catalog.v1");
    }
}

/// Services and events of the exchange bus.
pub mod exchange {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("publicdata.exchange.v1");
    }
}

/// Service of a data service node.
pub mod node {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("publicdata.node.v1");
    }
}

/// Service and events of the opening of data.
pub mod opendata {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("publicdata.opendata.v1");
    }
}

/// Service of the audit log.
pub mod audit {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("publicdata.audit.v1");
    }
}

/// Events of disaster recovery, and what a backup's segments hold.
pub mod recovery {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("publicdata.recovery.v1");
    }
}

/// The encoded `FileDescriptorSet` of every message and service: for gRPC reflection, and for whoever decodes an event by
/// its type URL alone.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
