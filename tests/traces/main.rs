//! Traces: a collector that only listens gets spans with our names, in the caller's trace, and nothing
//! that was sent to us. Only with the feature `otel`, and a target of its own: nothing else is built for it.

#![expect(dead_code, unused_imports, reason = "the nodes have more to them than is needed here")]

#[cfg(test)]
#[path = "../suite/backends.rs"]
mod backends;
#[cfg(test)]
#[path = "../suite/world/certificates.rs"]
mod certificates;
#[cfg(test)]
#[path = "../suite/nodes/mod.rs"]
mod nodes;
#[cfg(test)]
mod spans;
#[cfg(test)]
mod world {
    pub(crate) use crate::certificates::Authority;

    pub(crate) const MASTER_KEY: [u8; 32] = [7; 32];

    /// The nodes here are few: they make their own keys.
    pub(crate) mod template {
        use std::future::{Ready, ready};

        use nod::clock::Timestamp;
        use nod::store::sql::Database;

        pub(crate) fn give_keys(_: &Database, _: Timestamp) -> Ready<()> {
            ready(())
        }
    }
}
