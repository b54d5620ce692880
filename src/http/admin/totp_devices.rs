//! `/admin/v1/users/{user_id}/totp-devices`.

use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use crate::domain::totp::{TotpDevice, TotpStatus};
use crate::http::Tag;
use crate::http::admin::access::{Admin, UsersRead, UsersWrite};
use crate::http::admin::closed::closed;
use crate::http::admin::members::{Members, parsed};
use crate::http::admin::reply::{Created, Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::protocol::public_id::{self, Kind};
use crate::secret::Secret;
use crate::usecase::admin::otp_devices::otp_device_id as device_id;
use crate::usecase::admin::totp_devices::{MadeTotpDevice, ManageTotpDevices};
use crate::usecase::admin::users::user_id;

pub struct TotpDevicesApi {
    pub devices: ManageTotpDevices,
}

closed! {
    #[doc = "Whether it counts: `activation_required`, not before somebody has brought a code; `active`, it does."]
    TotpDeviceStatus: TotpStatus = TotpStatus::ALL.iter().map(|status| status.as_str());
}

/// An authenticator app of a user.
#[derive(Clone, Debug, Object)]
#[oai(rename = "TotpDevice", skip_serializing_if_is_none)]
pub struct TotpDeviceBody {
    pub id: String,
    pub status: TotpDeviceStatus,
    pub nickname: Option<String>,
    pub created_at: DateTime,
    /// Absent until somebody has brought a code.
    pub activated_at: Option<DateTime>,
}

/// An authenticator app of a user, with the key that it is to have.
#[derive(Clone, Object)]
#[oai(rename = "TotpDeviceWithSecret", skip_serializing_if_is_none)]
pub struct MadeTotpDeviceBody {
    pub id: String,
    pub status: TotpDeviceStatus,
    pub nickname: Option<String>,
    pub created_at: DateTime,
    /// The key in base32, for whoever types it. It is not shown again.
    pub secret: String,
    /// The same as an `otpauth` URI, for a QR code. It is not shown again.
    pub key_uri: String,
}

/// An authenticator app that a user is to have.
#[derive(Debug, Object)]
#[oai(rename = "TotpDeviceCreation")]
pub struct NewTotpDeviceBody {
    /// 100 characters at most.
    pub nickname: Option<String>,
}

/// The first code of an authenticator app.
#[derive(Object, Deserialize)]
#[oai(rename = "TotpDeviceActivation")]
pub struct TotpDeviceActivation {
    /// What the app shows now.
    pub otp: String,
}

/// The authenticator apps of a user.
#[derive(Debug, Object)]
pub struct TotpDeviceList {
    pub items: Vec<TotpDeviceBody>,
}

impl From<&TotpDevice> for TotpDeviceBody {
    fn from(device: &TotpDevice) -> Self {
        Self {
            id: public_id::encode(Kind::Device, device.id.uuid()),
            status: device.status().into(),
            nickname: device.nickname.clone(),
            created_at: device.created_at.into(),
            activated_at: device.activated_at.map(Into::into),
        }
    }
}

impl MadeTotpDeviceBody {
    fn of(made: &MadeTotpDevice, read: TotpDeviceBody) -> Self {
        let TotpDeviceBody { id, status, nickname, created_at, activated_at: _ } = read;
        let (secret, key_uri) = (made.secret.expose().clone(), made.key_uri.expose().clone());
        Self { id, status, nickname, created_at, secret, key_uri }
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminUsers")]
impl TotpDevicesApi {
    /// List a user's authenticator apps
    ///
    /// The oldest first; there are 5 at most.
    #[oai(path = "/users/:user_id/totp-devices", method = "get", operation_id = "listUserTotpDevices")]
    async fn list(
        &self,
        #[oai(scope = "Permission::UsersRead")] admin: Admin<UsersRead>,
        user_id: Path<String>,
    ) -> Result<Shown<TotpDeviceList>> {
        let Admin { .. } = admin;
        let found = self.devices.list(self::user_id(&user_id)?).await?;
        Ok(Shown::of(TotpDeviceList { items: found.iter().map(TotpDeviceBody::from).collect() }))
    }

    /// Make a key for a user's authenticator app
    ///
    /// Shown once, and handed over by a way of yours. It counts once a code of the app was brought.
    #[oai(
        path = "/users/:user_id/totp-devices",
        method = "post",
        operation_id = "createUserTotpDevice",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn create(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        body: Members<NewTotpDeviceBody>,
    ) -> Result<Created<MadeTotpDeviceBody>> {
        let made = self.devices.add(&admin, self::user_id(&user_id)?, parsed(body.value)?).await?;
        let read = TotpDeviceBody::from(&made.device);
        let at = format!("/admin/v1/users/{}/totp-devices/{}", user_id.0, read.id);
        Ok(Created::at(at, &read, MadeTotpDeviceBody::of(&made, read.clone())))
    }

    /// Read a user's authenticator app
    ///
    /// The key nobody can read.
    #[oai(path = "/users/:user_id/totp-devices/:totp_device_id", method = "get", operation_id = "getUserTotpDevice")]
    async fn read(
        &self,
        #[oai(scope = "Permission::UsersRead")] admin: Admin<UsersRead>,
        user_id: Path<String>,
        totp_device_id: Path<String>,
    ) -> Result<Read<TotpDeviceBody>> {
        let Admin { .. } = admin;
        let found = self.devices.read(self::user_id(&user_id)?, device_id(&totp_device_id)?).await?;
        Ok(Read::of((&found).into()))
    }

    /// Activate a user's authenticator app
    ///
    /// With a code that it shows: from now on, where an MFA policy has `totp`, it is a second factor of the user. The code
    /// is worth nothing after that.
    #[oai(
        path = "/users/:user_id/totp-devices/:totp_device_id/activate",
        method = "post",
        operation_id = "activateUserTotpDevice",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn activate(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        totp_device_id: Path<String>,
        body: Members<TotpDeviceActivation>,
    ) -> Result<Read<TotpDeviceBody>> {
        let whose = (self::user_id(&user_id)?, device_id(&totp_device_id)?);
        let TotpDeviceActivation { otp } = parsed(body.value)?;
        Ok(Read::of((&self.devices.activate(&admin, whose, &Secret::new(otp)).await?).into()))
    }

    /// Delete a user's authenticator app
    ///
    /// Its codes are worth nothing any more.
    #[oai(
        path = "/users/:user_id/totp-devices/:totp_device_id",
        method = "delete",
        operation_id = "deleteUserTotpDevice"
    )]
    async fn delete(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        totp_device_id: Path<String>,
    ) -> Result<Done> {
        self.devices.delete(&admin, self::user_id(&user_id)?, device_id(&totp_device_id)?).await?;
        Ok(Done)
    }
}
