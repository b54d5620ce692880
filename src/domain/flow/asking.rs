//! Of many who want the person asked at the same moment, on whatever node, one asks: one phone rings once, and one
//! message is sent [security.md 5.6, flows.md F9].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Flow, Proved, SecondFactor};
use crate::secret::Digest;

/// Somebody is being asked, for a flow as it stood when this was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking;

impl Asking {
    /// Longer than anybody who has seen the flow so takes to come to it.
    pub const LIFETIME: Duration = Duration::from_secs(10);
}

impl Flow {
    /// Read in this version from where it rests.
    #[must_use]
    pub const fn seen_as(mut self, version: u32) -> Self {
        self.seen = Some(version);
        self
    }

    /// The same for all who have seen the flow as it is now, and another one once it has gone on.
    pub fn claim(&self) -> Digest<Asking> {
        let version = self.seen.map(u32::to_be_bytes);
        let version = version.as_ref().map(<[u8; 4]>::as_slice).unwrap_or_default();
        Digest::of(&[self.transaction.uuid().as_bytes().as_slice(), version].concat())
    }

    /// Whether a code has come back, and the flow has not gone on from there.
    pub const fn is_by_code(&self) -> bool {
        matches!(
            &self.second_factor,
            Some(SecondFactor::OtpVerified(_) | SecondFactor::Pairing(_, Some(Proved::Code(_))))
        )
    }
}
