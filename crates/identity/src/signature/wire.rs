//! Signatures on the wire: `publicdata.common.v1.Signature`.

use publicdata_proto::common::v1 as wire;

use super::{Signature, UnknownAlgorithm};

impl From<Signature> for wire::Signature {
    fn from(signature: Signature) -> Self {
        Self {
            algorithm: signature.algorithm.to_string(),
            certificate_chain: signature.certificate_chain,
            value: signature.value,
        }
    }
}

impl TryFrom<wire::Signature> for Signature {
    type Error = UnknownAlgorithm;

    fn try_from(signature: wire::Signature) -> Result<Self, UnknownAlgorithm> {
        Ok(Self {
            algorithm: signature.algorithm.parse()?,
            certificate_chain: signature.certificate_chain,
            value: signature.value,
        })
    }
}
