//! What else a server is told of a device authentication [flows.md A.3].

use crate::domain::device::Status;
use crate::domain::device_authentication::DeviceAuthentication;
use crate::protocol::id::DeviceId;
use crate::store::ephemeral::StoreError;
use crate::usecase::sign_in::device_authentications::DeviceAuthentications;

impl DeviceAuthentications {
    /// The devices of the person that are blocked.
    pub(super) async fn blocked(&self, own: &DeviceAuthentication) -> Result<Vec<DeviceId>, StoreError> {
        let Some(user) = own.flow.user() else { return Ok(Vec::new()) };
        let devices = self.known.directory.devices_of(&user).await?;
        let blocked = devices.iter().map(|(device, _)| device).filter(|device| device.status == Status::Blocked);
        Ok(blocked.map(|device| device.id).collect())
    }

    /// Whether the policy lets through whoever has nothing to show. Not where there is something to read.
    pub(super) async fn allows_bypass(&self, own: &DeviceAuthentication) -> Result<bool, StoreError> {
        let sign_on = self.known.directory.sign_on().await?;
        let policy = sign_on.mfa_policy(&own.policy);
        Ok(own.flow.said.is_none() && policy.is_some_and(|policy| policy.may_do_without()))
    }
}
