//! What push services were told for a device, and what became of it. The audit trail has the end of each push, so that
//! is the log: a push costs no row of its own, and what waits is in the outbox alone.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Outcome};
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::id::DeviceId;
use crate::protocol::words::words;
use crate::store::ephemeral::StoreError;
use crate::store::sql::devices::Devices;
pub use crate::store::sql::trail::Recorded;
use crate::store::sql::trail::{Trail, Wanted};
use crate::usecase::admin::{AdminError, Page, Position};

words! {
    /// What became of a push.
    Became {
        /// The service took it. What the phone does with it, nobody says.
        Delivered = "delivered",
        /// Given up.
        Failed = "failed",
    }
}

impl Became {
    pub fn of(push: &Recorded) -> Self {
        if push.result == Outcome::Done.as_str() { Self::Delivered } else { Self::Failed }
    }

    const fn outcome(self) -> Outcome {
        match self {
            Self::Delivered => Outcome::Done,
            Self::Failed => Outcome::Refused,
        }
    }
}

/// Which pushes are listed.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryFilter {
    pub device: DeviceId,
    pub state: Option<Became>,
    pub since: Option<Timestamp>,
}

impl From<DeliveryFilter> for Wanted {
    fn from(DeliveryFilter { device, state, since }: DeliveryFilter) -> Self {
        Self {
            action: Some(Action::RequestPushed.as_str().to_owned()),
            result: state.map(|state| state.outcome().as_str().to_owned()),
            device: Some(device),
            since,
            ..Self::default()
        }
    }
}

pub struct ReadDeliveries {
    pub devices: Devices,
    pub trail: Arc<Trail>,
}

impl ReadDeliveries {
    /// The newest first, of a device that is one.
    pub async fn list(
        &self,
        filter: DeliveryFilter,
        after: Option<Position>,
        limit: u32,
    ) -> Result<Page<Recorded>, AdminError> {
        if self.devices.find(filter.device).await?.is_none() {
            return Err(AdminErrorCode::NotFound.into());
        }
        let before = after.map_or(i64::MAX, |position| position.at);
        let found = self.trail.page(&filter.into(), before, limit.saturating_add(1)).await?;
        Ok(Page::of(found, limit, |push| Position { at: push.seq, id: Vec::new() }))
    }

    /// How many there are in all parts.
    pub async fn count(&self, filter: DeliveryFilter) -> Result<u64, StoreError> {
        self.trail.count(&filter.into()).await
    }
}
