//! `/admin/v1/users/{user_id}/otp-devices`.

use poem_openapi::param::{Header, Path};
use poem_openapi::{Object, OpenApi};

use crate::domain::otp::{Channel, OtpDevice};
use crate::http::Tag;
use crate::http::admin::access::{Admin, UsersRead, UsersWrite};
use crate::http::admin::closed::closed;
use crate::http::admin::devices::as_it_is;
use crate::http::admin::members::{Members, Patch, parsed};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Created, Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::protocol::public_id::{self, Kind};
use crate::usecase::admin::otp_devices::{ManageOtpDevices, otp_device_id};
use crate::usecase::admin::users::user_id;

pub struct OtpDevicesApi {
    pub devices: ManageOtpDevices,
}

closed! {
    #[doc = "By what one-time codes are sent: `email`; `sms`, a text message; `voice`, a call that says them."]
    OtpChannel: Channel = Channel::ALL.iter().map(|channel| channel.as_str());
}

/// Where a user gets one-time codes.
#[derive(Clone, Debug, Object)]
#[oai(rename = "OtpDevice", skip_serializing_if_is_none)]
pub struct OtpDeviceBody {
    pub id: String,
    #[oai(rename = "type")]
    pub channel: OtpChannel,
    /// The address, or the number as E.164 has it.
    pub target: String,
    pub nickname: Option<String>,
    pub created_at: DateTime,
}

/// Where a user is to get one-time codes.
#[derive(Debug, Object)]
#[oai(rename = "OtpDeviceCreation")]
pub struct NewOtpDeviceBody {
    #[oai(rename = "type")]
    pub channel: OtpChannel,
    /// The address, or the number with `+` and its country; spaces and hyphens do no harm. That it is the user's, whoever
    /// calls has found out.
    pub target: String,
    /// 100 characters at most.
    pub nickname: Option<String>,
}

/// Changes to where a user gets one-time codes, as a merge patch.
#[derive(Debug, Object)]
pub struct OtpDevicePatch {
    /// 100 characters at most; `null` takes it away.
    pub nickname: Option<String>,
}

/// Where a user gets one-time codes.
#[derive(Debug, Object)]
pub struct OtpDeviceList {
    pub items: Vec<OtpDeviceBody>,
}

impl From<&OtpDevice> for OtpDeviceBody {
    fn from(device: &OtpDevice) -> Self {
        Self {
            id: public_id::encode(Kind::Device, device.id.uuid()),
            channel: device.channel.into(),
            target: device.target.clone(),
            nickname: device.nickname.clone(),
            created_at: device.created_at.into(),
        }
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminUsers")]
impl OtpDevicesApi {
    /// List where a user gets one-time codes
    ///
    /// The oldest first; there are 5 at most.
    #[oai(path = "/users/:user_id/otp-devices", method = "get", operation_id = "listUserOtpDevices")]
    async fn list(
        &self,
        #[oai(scope = "Permission::UsersRead")] admin: Admin<UsersRead>,
        user_id: Path<String>,
    ) -> Result<Shown<OtpDeviceList>> {
        let Admin { .. } = admin;
        let found = self.devices.list(self::user_id(&user_id)?).await?;
        Ok(Shown::of(OtpDeviceList { items: found.iter().map(OtpDeviceBody::from).collect() }))
    }

    /// Give a user a place for one-time codes
    ///
    /// Where an MFA policy has codes of this type, they are a second factor of the user from now on.
    #[oai(
        path = "/users/:user_id/otp-devices",
        method = "post",
        operation_id = "createUserOtpDevice",
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
        body: Members<NewOtpDeviceBody>,
    ) -> Result<Created<OtpDeviceBody>> {
        let made = self.devices.add(&admin, self::user_id(&user_id)?, parsed(body.value)?).await?;
        let made = OtpDeviceBody::from(&made);
        let at = format!("/admin/v1/users/{}/otp-devices/{}", user_id.0, made.id);
        Ok(Created::at(at, &made.clone(), made))
    }

    /// Read where a user gets one-time codes
    #[oai(path = "/users/:user_id/otp-devices/:otp_device_id", method = "get", operation_id = "getUserOtpDevice")]
    async fn read(
        &self,
        #[oai(scope = "Permission::UsersRead")] admin: Admin<UsersRead>,
        user_id: Path<String>,
        otp_device_id: Path<String>,
    ) -> Result<Read<OtpDeviceBody>> {
        let Admin { .. } = admin;
        let found = self.devices.read(self::user_id(&user_id)?, self::otp_device_id(&otp_device_id)?).await?;
        Ok(Read::of((&found).into()))
    }

    /// Name where a user gets one-time codes
    ///
    /// A merge patch (RFC 7396).
    #[oai(path = "/users/:user_id/otp-devices/:otp_device_id", method = "patch", operation_id = "updateUserOtpDevice")]
    async fn update(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        otp_device_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Patch<OtpDevicePatch, OtpDeviceBody>,
    ) -> Result<Read<OtpDeviceBody>> {
        let unchanged = unchanged::<OtpDevice, OtpDeviceBody>(if_match);
        let (user, id) = (self::user_id(&user_id)?, self::otp_device_id(&otp_device_id)?);
        let mut members = body.value;
        let nickname = members.remove("nickname");
        if !members.is_empty() {
            as_it_is(&members, &OtpDeviceBody::from(&self.devices.read(user, id).await?))?;
        }
        Ok(Read::of((&self.devices.rename(&admin, (user, id), nickname, &unchanged).await?).into()))
    }

    /// Take a place for one-time codes from a user
    ///
    /// No code goes there any more, and one that is on its way is worth nothing.
    #[oai(path = "/users/:user_id/otp-devices/:otp_device_id", method = "delete", operation_id = "deleteUserOtpDevice")]
    async fn delete(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        otp_device_id: Path<String>,
    ) -> Result<Done> {
        self.devices.delete(&admin, self::user_id(&user_id)?, self::otp_device_id(&otp_device_id)?).await?;
        Ok(Done)
    }
}
