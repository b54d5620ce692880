//! A phone that is paired gets what it makes one-time passcodes of, for when no push reaches it [flows.md F2, F9].

use std::sync::Arc;

use crate::domain::device::Device;
use crate::domain::totp::DevicePasscode;
use crate::entropy::Entropy;
use crate::protocol::totp::TotpKey;
use crate::secret::MasterKey;
use crate::store::ephemeral::StoreError;
use crate::store::sql::device_passcodes::DevicePasscodes;

pub struct AgreePasscode {
    pub passcodes: DevicePasscodes,
    pub master: Arc<MasterKey>,
    pub entropy: Arc<Entropy>,
}

impl AgreePasscode {
    /// The key of this device: whoever pairs again, or has not heard the answer, is told the same one.
    pub async fn agree(&self, device: &Device) -> Result<TotpKey, StoreError> {
        let made = TotpKey::new(self.entropy.bytes());
        let sealed = self.master.seal(&DevicePasscode::place(device.id), made.expose(), &self.entropy);
        self.passcodes.add(device.id, &sealed).await?;
        let kept = self.passcodes.find(device.user, device.id).await?;
        let key = kept.and_then(|kept| kept.opened(&self.master));
        key.ok_or(StoreError::Corrupt("the key of the one-time passcodes of a device"))
    }
}
