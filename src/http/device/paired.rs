//! What a new device is told of itself.

use nod_device as wire;
use nod_device::messages::{Authenticator, PairedUser, Pairing};

use super::{DeviceApi, PairingAnswer};
use crate::call;
use crate::domain::device::Device;
use crate::domain::user::User;
use crate::http::described::Described;
use crate::protocol::device_error::DeviceErrorCode;
use crate::usecase::authenticate_device::DeviceError;

/// No push reaches the phone until the app hands in a token.
pub(super) const MISSING_TOKEN: &str = "MissingDeviceToken";

/// The phone is a device without passcodes.
const NO_PASSCODES: &str = "Unavailable";

/// Why the token that came along is of no use.
pub(super) fn lacking(error: &DeviceError) -> &'static str {
    match error {
        DeviceError::Refused(refusal) if refusal.code == DeviceErrorCode::PushUnavailable => "MissingPushCredentials",
        DeviceError::Refused(_) => "InvalidDeviceToken",
        DeviceError::TooMany { .. } | DeviceError::Unavailable(_) => MISSING_TOKEN,
    }
}

impl DeviceApi {
    /// `lacks`: why no push reaches it. It is a device already, with or without pushes and passcodes.
    pub(super) async fn paired(&self, device: &Device, user: &User, lacks: Option<&str>) -> PairingAnswer {
        call::about_person(&user.username);
        tracing::info!(device.id = %device.id, user.id = %user.id, status = 201_u16, "device paired");
        let agreed = self.passcodes.agree(device).await;
        let key =
            agreed.inspect_err(|error| tracing::warn!(device.id = %device.id, %error, "a device has no passcodes"));
        let key = key.ok();
        let without = key.is_none().then_some(NO_PASSCODES);
        PairingAnswer::Created(Described::new(Pairing {
            device_id: wire::DeviceId::new(device.id.uuid()),
            installation_id: wire::InstallationId::new(device.installation.uuid()),
            user: PairedUser {
                user_id: wire::UserId::new(user.id.uuid()),
                username: user.username.clone(),
                name: user.name.clone(),
            },
            authenticators: vec![authenticator("push", lacks), authenticator("one_time_passcode", without)],
            one_time_passcode_key: key.map(|key| wire::PasscodeKey::new(*key.expose())),
        }))
    }
}

fn authenticator(kind: &str, lacks: Option<&str>) -> Authenticator {
    Authenticator {
        kind: kind.to_owned(),
        status: if lacks.is_none() { "completed" } else { "failed" }.to_owned(),
        error_code: lacks.map(str::to_owned),
    }
}
