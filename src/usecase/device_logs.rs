//! What apps have to tell to whoever helps their person; and a push that an app asks for, to see that one arrives
//! [flows.md B.2, H.3].

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::device::{Device, Status};
use crate::domain::device_log::{DeviceLog, KEPT, SupportId, is_log};
use crate::entropy::Entropy;
use crate::metrics::Limit;
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::store::ephemeral::{Attempts, Shelf, StoreError};
use crate::usecase::authenticate_device::{AuthenticatedInstallation, DeviceError};
use crate::usecase::limit::{Most, limit};
use crate::usecase::push::queue::QueuePushes;

const A_DAY: Duration = Duration::from_hours(24);
const TEN_MINUTES: Duration = Duration::from_mins(10);
/// Logs of one installation in a day.
const LOGS: u32 = 5;
/// Test pushes of one installation in ten minutes.
const TESTS: u32 = 3;
/// Of a billion names, one after the other is taken.
const TRIES: u32 = 4;

/// Who is blocked is not heard.
fn speaks(caller: &AuthenticatedInstallation) -> Result<&Device, DeviceError> {
    let active = caller.devices.iter().find(|device| device.status == Status::Active);
    active.ok_or_else(|| DeviceErrorCode::DeviceBlocked.into())
}

pub struct KeepLogs {
    pub logs: Shelf<DeviceLog>,
    pub attempts: Attempts,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl KeepLogs {
    /// Under which name operators find it.
    #[tracing::instrument(level = "debug", name = "keep_logs", skip_all)]
    pub async fn keep(&self, caller: &AuthenticatedInstallation, text: String) -> Result<SupportId, DeviceError> {
        speaks(caller)?;
        if !is_log(&text) {
            let why = "no text, a longer one than is kept, or control characters";
            return Err(DeviceRefusal::new(DeviceErrorCode::InvalidRequest, why).into());
        }
        admitted(&self.attempts, ("device log", LOGS, A_DAY, Limit::DeviceLogs), caller).await?;
        let log = DeviceLog {
            installation: caller.installation.id,
            users: caller.devices.iter().map(|device| device.user).collect(),
            about: caller.installation.about.clone(),
            received_at: self.clock.now(),
            text,
        };
        for _ in 0..TRIES {
            let id = SupportId::draw(|| self.entropy.below(32));
            if self.logs.insert(&id, &log, KEPT).await? {
                return Ok(id);
            }
        }
        Err(StoreError::unavailable("no free name for a log").into())
    }

    /// `None`: there is none of that name, or none any more.
    pub async fn read(&self, id: &SupportId) -> Result<Option<DeviceLog>, StoreError> {
        let log = self.logs.get(id).await?;
        Ok(log.filter(|log| self.clock.now() < log.received_at + KEPT))
    }
}

pub struct TestPush {
    pub pushes: QueuePushes,
    pub attempts: Attempts,
    pub clock: Arc<dyn Clock>,
}

impl TestPush {
    /// Pushes something that asks nothing. `false`: no push service reaches the app, or it is not to ring.
    pub async fn of(&self, caller: &AuthenticatedInstallation) -> Result<bool, DeviceError> {
        let device = speaks(caller)?;
        admitted(&self.attempts, ("test push", TESTS, TEN_MINUTES, Limit::TestPushes), caller).await?;
        if caller.installation.rung_by().is_none() {
            return Ok(false);
        }
        self.pushes.test(device, self.clock.now()).await?;
        Ok(true)
    }
}

async fn admitted(
    attempts: &Attempts,
    (what, times, window, counted_as): (&str, u32, Duration, Limit),
    caller: &AuthenticatedInstallation,
) -> Result<(), DeviceError> {
    let most = Most { what, times, window, limit: counted_as };
    match limit(attempts, most, caller.installation.id.uuid().as_bytes()).await? {
        Some(retry_after) => Err(DeviceError::TooMany { retry_after }),
        None => Ok(()),
    }
}
