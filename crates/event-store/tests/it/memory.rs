//! The twin in memory.

use std::sync::Arc;

use proptest::prelude::*;
use publicdata_event_store::memory::MemoryStore;

use crate::contract::{self, contract};
use crate::kit::Bed;

fn bed() -> Bed {
    Bed::new(Arc::new(MemoryStore::new()), "catalog")
}

macro_rules! in_memory {
    ($($claim:ident,)*) => {
        $(
            #[tokio::test]
            async fn $claim() {
                contract::$claim(bed()).await;
            }
        )*
    };
}
contract!(in_memory);

proptest! {
    /// H1: whatever is tried in whatever order, the store says what a list of commits would say.
    #[test]
    fn store_behaves_as_its_model(steps in crate::contract::model::steps(40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(crate::contract::model::check(bed(), &steps));
    }
}
