//! What the second factor of somebody comes to, as things are now.

use std::sync::Arc;

use crate::domain::enrolment::Enrolment;
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::mobile_app::MobileApp;
use crate::domain::otp::Served;
use crate::domain::second_factor::{Asked, By, Verdict};
use crate::protocol::id::{MfaPolicyId, UserId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::directory::Directory;
use crate::store::sql::otp_devices::OtpDevices;

pub struct Evaluate {
    pub directory: Arc<Directory>,
    pub otp_devices: OtpDevices,
    /// By what codes can be sent here, and how far.
    pub served: Served,
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
        let by = app.map(|app| {
            let own = all.iter().find(|(_, installation)| installation.has_key(&app.jkt));
            By { app, device: own.map(|(device, _)| device) }
        });
        let mut devices: Vec<_> = all.iter().map(|(device, _)| device.clone()).collect();
        devices.sort_by_key(|device| device.position);
        let addresses = self.otp_devices.of_user(user).await?;
        let (devices, addresses, served) = (&devices[..], &addresses[..], &self.served);
        Ok(Asked { policy: &policy, devices, addresses, served, app: by }.evaluate())
    }
}
