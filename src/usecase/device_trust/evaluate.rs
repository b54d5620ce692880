//! What the second factor of somebody comes to, as things are now.

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::enrolment::Enrolment;
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::mobile_app::MobileApp;
use crate::domain::otp::Served;
use crate::domain::second_factor::{Asked, By, Verdict};
use crate::protocol::id::{MfaPolicyId, UserId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::app_standings::AppStandings;
use crate::store::sql::directory::Directory;
use crate::store::sql::otp_devices::OtpDevices;

pub struct Evaluate {
    pub directory: Arc<Directory>,
    pub otp_devices: OtpDevices,
    /// By what codes can be sent here, and how far.
    pub served: Served,
    pub standings: AppStandings,
    pub clock: Arc<dyn Clock>,
}

impl Evaluate {
    pub async fn policy(&self, id: &MfaPolicyId) -> Result<Arc<MfaPolicy>, StoreError> {
        let sign_on = self.directory.sign_on().await?;
        let policy = sign_on.mfa_policy(id).cloned();
        policy.ok_or(StoreError::Corrupt("a step names an MFA policy that there is not"))
    }

    #[tracing::instrument(level = "debug", name = "evaluate_second_factor", skip_all)]
    pub async fn evaluate(
        &self,
        user: UserId,
        policy: &MfaPolicyId,
        app: Option<&MobileApp>,
    ) -> Result<(Verdict, Option<Enrolment>), StoreError> {
        let policy = self.policy(policy).await?;
        let all = self.directory.devices_of(&user).await?;
        let own = |app: &MobileApp| all.iter().find(|(_, installation)| installation.has_key(&app.jkt));
        let by = match app.map(|app| (app, own(app))) {
            Some((app, Some((device, _)))) => Some(By { app, device: Some(device), standing: None }),
            Some((app, None)) => {
                let standing = self.standings.find(user, &app.jkt, &policy.id, self.clock.now()).await?;
                Some(By { app, device: None, standing })
            }
            None => None,
        };
        let mut devices: Vec<_> = all.iter().map(|(device, _)| device.clone()).collect();
        devices.sort_by_key(|device| device.position);
        let addresses = self.otp_devices.of_user(user).await?;
        let (devices, addresses, served) = (&devices[..], &addresses[..], &self.served);
        Ok(Asked { policy: &policy, devices, addresses, served, app: by }.evaluate())
    }
}
