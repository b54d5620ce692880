//! `/admin/v1/devices`, and the devices of one user.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::ToJSON;
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::{Map, Value};

use crate::domain::device::{self as domain};
use crate::http::Tag;
use crate::http::admin::access::{Admin, DevicesRead, DevicesWrite};
use crate::http::admin::audit::named;
use crate::http::admin::members::Patch;
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_error::{FieldCode, FieldProblem};
use crate::protocol::admin_scope::Permission;
use crate::protocol::id::{DeviceId, UserId};
use crate::protocol::public_id::{self, Kind};
use crate::usecase::admin::AdminError;
use crate::usecase::admin::device_deliveries::{Became, DeliveryFilter, ReadDeliveries, Recorded};
use crate::usecase::admin::devices::{DeviceFilter, ManageDevices, Whole, device_id};
use crate::usecase::admin::users::user_id;

pub struct DevicesApi {
    pub devices: ManageDevices,
    pub deliveries: ReadDeliveries,
    pub cursors: Cursors,
}

/// A blocked device is neither asked nor believed.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum DeviceState {
    Active,
    Blocked,
}

/// The primary device is asked first.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case", rename = "AdminDeviceRole")]
pub enum Role {
    Primary,
    Trusted,
}

/// A phone that a user trusts. What it says of itself is believed by nobody.
#[derive(Clone, Debug, Object)]
#[oai(rename = "Device", skip_serializing_if_is_none)]
pub struct DeviceBody {
    pub id: String,
    pub user_id: String,
    /// The app on the phone: one for all users who share it.
    pub installation_id: String,
    pub nickname: Option<String>,
    pub status: DeviceState,
    pub role: Role,
    pub platform: Option<String>,
    pub name: Option<String>,
    pub model: Option<String>,
    pub os_version: Option<String>,
    pub app_version: Option<String>,
    pub application: Option<String>,
    pub paired_at: DateTime,
}

/// Changes to a device, as a merge patch.
#[derive(Debug, Object)]
pub struct DevicePatch {
    /// `null` takes it away.
    pub nickname: Option<String>,
}

/// Part of a list of devices.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct DevicePage {
    pub items: Vec<DeviceBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum DeviceDeliveryState {
    Delivered,
    /// Given up.
    Failed,
}

/// Word to a device that there is a question, or that its app is to answer.
#[derive(Clone, Debug, Object)]
#[oai(rename = "DeviceDelivery", skip_serializing_if_is_none)]
pub struct DeviceDeliveryBody {
    /// Of the event `request.pushed`.
    pub id: String,
    pub device_id: String,
    pub state: DeviceDeliveryState,
    /// Why, of one that failed; `test` of a test that did not.
    pub reason: Option<String>,
    pub user_id: Option<String>,
    pub client_id: Option<String>,
    pub request_id: Option<String>,
    /// When the service took it, or it was given up.
    pub finished_at: DateTime,
}

/// Part of what was told to a device.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct DeviceDeliveryPage {
    pub items: Vec<DeviceDeliveryBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

/// Whether a test is on its way.
#[derive(Debug, Object)]
pub struct DeviceTestPush {
    /// `false` where no push service reaches the device, where its person does not want it to ring, and where it is blocked.
    pub sent: bool,
}

impl DeviceDeliveryBody {
    fn of(push: &Recorded, device: DeviceId) -> Self {
        Self {
            id: public_id::encode(Kind::Event, push.id),
            device_id: public_id::encode(Kind::Device, device.uuid()),
            state: match Became::of(push) {
                Became::Delivered => DeviceDeliveryState::Delivered,
                Became::Failed => DeviceDeliveryState::Failed,
            },
            reason: push.reason.clone(),
            user_id: push.user.map(|id| public_id::encode(Kind::User, id.uuid())),
            client_id: push.client.clone(),
            request_id: push.request.map(|id| public_id::encode(Kind::Request, id.uuid())),
            finished_at: push.at.into(),
        }
    }
}

impl From<&Whole> for DeviceBody {
    fn from((device, installation): &Whole) -> Self {
        let about = installation.about.clone();
        Self {
            id: public_id::encode(Kind::Device, device.id.uuid()),
            user_id: public_id::encode(Kind::User, device.user.uuid()),
            installation_id: public_id::encode(Kind::Installation, installation.id.uuid()),
            nickname: device.nickname.clone(),
            status: match device.status {
                domain::Status::Active => DeviceState::Active,
                domain::Status::Blocked => DeviceState::Blocked,
            },
            role: if device.is_primary() { Role::Primary } else { Role::Trusted },
            platform: about.platform,
            name: about.name,
            model: about.model,
            os_version: about.os_version,
            app_version: about.app_version,
            application: about.application,
            paired_at: device.paired_at.into(),
        }
    }
}

impl DevicesApi {
    async fn page(
        &self,
        filter: DeviceFilter,
        created_after: Option<DateTime>,
        limit: Option<u32>,
        cursor: Option<&str>,
        count: Option<bool>,
    ) -> Result<Shown<DevicePage>> {
        let since = created_after.map(|DateTime(at)| at);
        let list = page::since(&format!("devices {filter:?}"), since);
        let after = self.cursors.open(&list, cursor)?;
        let found =
            self.devices.list(filter, after, page::limit(limit)).await?.since(since, |(device, _)| device.paired_at);
        Ok(Shown::of(DevicePage {
            next_cursor: self.cursors.next(&list, found.next.as_ref()),
            total: page::total(count, self.devices.count(filter, since)).await?,
            items: found.items.iter().map(DeviceBody::from).collect(),
        }))
    }
}

/// Whoever sends back what was read sends these too.
pub(super) fn as_it_is(members: &Map<String, Value>, body: &impl ToJSON) -> Result<()> {
    let is = body.to_json().unwrap_or_default();
    let other = members.iter().filter(|(name, value)| is.get(name.as_str()).unwrap_or(&Value::Null) != *value);
    let problems: Vec<FieldProblem> = other
        .map(|(name, _)| FieldProblem::member(format!("/{name}"), FieldCode::ReadOnly, "This cannot be changed."))
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(AdminError::invalid(problems).into()) }
}

fn state(state: DeviceState) -> domain::Status {
    match state {
        DeviceState::Active => domain::Status::Active,
        DeviceState::Blocked => domain::Status::Blocked,
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminDevices")]
impl DevicesApi {
    /// List devices
    ///
    /// Those paired last first.
    #[expect(clippy::too_many_arguments, reason = "each filter is one")]
    #[oai(path = "/devices", method = "get", operation_id = "listDevices")]
    async fn list(
        &self,
        #[oai(scope = "Permission::DevicesRead")] admin: Admin<DevicesRead>,
        /// Of this user only.
        user_id: Query<Option<String>>,
        status: Query<Option<DeviceState>>,
        /// Not paired before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<DevicePage>> {
        let Admin { .. } = admin;
        let user = named(Kind::User, "user_id", user_id.0.as_deref(), UserId::new)?;
        let filter = DeviceFilter { user, status: status.0.map(state) };
        self.page(filter, created_after.0, limit.0, cursor.0.as_deref(), count.0).await
    }

    /// List a user's devices
    ///
    /// Those paired last first. A user who is not there has none.
    #[expect(clippy::too_many_arguments, reason = "each filter is one")]
    #[oai(path = "/users/:user_id/devices", method = "get", operation_id = "listUserDevices")]
    async fn list_of_user(
        &self,
        #[oai(scope = "Permission::DevicesRead")] admin: Admin<DevicesRead>,
        user_id: Path<String>,
        /// Not paired before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<DevicePage>> {
        let Admin { .. } = admin;
        let filter = DeviceFilter { user: Some(self::user_id(&user_id)?), status: None };
        self.page(filter, created_after.0, limit.0, cursor.0.as_deref(), count.0).await
    }

    /// Read a device
    #[oai(path = "/devices/:device_id", method = "get", operation_id = "getDevice")]
    async fn read(
        &self,
        #[oai(scope = "Permission::DevicesRead")] admin: Admin<DevicesRead>,
        device_id: Path<String>,
    ) -> Result<Read<DeviceBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.devices.read(self::device_id(&device_id)?).await?).into()))
    }

    /// Name a device
    ///
    /// A merge patch (RFC 7396).
    #[oai(path = "/devices/:device_id", method = "patch", operation_id = "updateDevice")]
    async fn update(
        &self,
        #[oai(scope = "Permission::DevicesWrite")] admin: Admin<DevicesWrite>,
        device_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Patch<DevicePatch, DeviceBody>,
    ) -> Result<Read<DeviceBody>> {
        let unchanged = unchanged::<Whole, DeviceBody>(if_match);
        let id = self::device_id(&device_id)?;
        let mut members = body.value;
        let nickname = members.remove("nickname");
        if !members.is_empty() {
            as_it_is(&members, &DeviceBody::from(&self.devices.read(id).await?))?;
        }
        Ok(Read::of((&self.devices.rename(&admin, id, nickname, &unchanged).await?).into()))
    }

    /// Unpair a device
    ///
    /// Ends the trust in it. When it was the primary one, the next follows.
    #[oai(path = "/devices/:device_id", method = "delete", operation_id = "deleteDevice")]
    async fn delete(
        &self,
        #[oai(scope = "Permission::DevicesWrite")] admin: Admin<DevicesWrite>,
        device_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Done> {
        let unchanged = unchanged::<Whole, DeviceBody>(if_match);
        self.devices.unpair(&admin, self::device_id(&device_id)?, &unchanged).await?;
        Ok(Done)
    }

    /// List what was pushed to a device
    ///
    /// Each push that its service took or that was given up: newest first.
    #[expect(clippy::too_many_arguments, reason = "each filter is one")]
    #[oai(path = "/devices/:device_id/deliveries", method = "get", operation_id = "listDeviceDeliveries")]
    async fn deliveries(
        &self,
        #[oai(scope = "Permission::DevicesRead")] admin: Admin<DevicesRead>,
        device_id: Path<String>,
        state: Query<Option<DeviceDeliveryState>>,
        /// Not ended before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<DeviceDeliveryPage>> {
        let Admin { .. } = admin;
        let device = self::device_id(&device_id)?;
        let state = state.0.map(|state| match state {
            DeviceDeliveryState::Delivered => Became::Delivered,
            DeviceDeliveryState::Failed => Became::Failed,
        });
        let filter = DeliveryFilter { device, state, since: created_after.0.map(|DateTime(at)| at) };
        let list = format!("device deliveries {filter:?}");
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let found = self.deliveries.list(filter, after, page::limit(limit.0)).await?;
        Ok(Shown::of(DeviceDeliveryPage {
            next_cursor: self.cursors.next(&list, found.next.as_ref()),
            total: page::total(count.0, self.deliveries.count(filter)).await?,
            items: found.items.iter().map(|push| DeviceDeliveryBody::of(push, device)).collect(),
        }))
    }

    /// Block a device
    ///
    /// It is neither asked nor believed until it is unblocked.
    #[oai(
        path = "/devices/:device_id/block",
        method = "post",
        operation_id = "blockDevice",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn block(
        &self,
        #[oai(scope = "Permission::DevicesWrite")] admin: Admin<DevicesWrite>,
        device_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Read<DeviceBody>> {
        let unchanged = unchanged::<Whole, DeviceBody>(if_match);
        let id = self::device_id(&device_id)?;
        Ok(Read::of((&self.devices.set_status(&admin, id, domain::Status::Blocked, &unchanged).await?).into()))
    }

    /// Unblock a device
    ///
    /// It is asked and believed again.
    #[oai(
        path = "/devices/:device_id/unblock",
        method = "post",
        operation_id = "unblockDevice",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn unblock(
        &self,
        #[oai(scope = "Permission::DevicesWrite")] admin: Admin<DevicesWrite>,
        device_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Read<DeviceBody>> {
        let unchanged = unchanged::<Whole, DeviceBody>(if_match);
        let id = self::device_id(&device_id)?;
        Ok(Read::of((&self.devices.set_status(&admin, id, domain::Status::Active, &unchanged).await?).into()))
    }

    /// Push a test to a device
    ///
    /// By its push service, as a question would be. Nothing is asked; the list of deliveries tells what came of it.
    #[oai(
        path = "/devices/:device_id/test-push",
        method = "post",
        operation_id = "testDevicePush",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn test_push(
        &self,
        #[oai(scope = "Permission::DevicesWrite")] admin: Admin<DevicesWrite>,
        device_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Shown<DeviceTestPush>> {
        let Admin { .. } = admin;
        let unchanged = unchanged::<Whole, DeviceBody>(if_match);
        let sent = self.devices.test_push(self::device_id(&device_id)?, &unchanged).await?;
        Ok(Shown::of(DeviceTestPush { sent }))
    }

    /// Make a device the primary one
    ///
    /// It is asked first. The one that was takes its place.
    #[oai(
        path = "/devices/:device_id/make-primary",
        method = "post",
        operation_id = "makeDevicePrimary",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn make_primary(
        &self,
        #[oai(scope = "Permission::DevicesWrite")] admin: Admin<DevicesWrite>,
        device_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Read<DeviceBody>> {
        let unchanged = unchanged::<Whole, DeviceBody>(if_match);
        let id = self::device_id(&device_id)?;
        Ok(Read::of((&self.devices.make_primary(&admin, id, &unchanged).await?).into()))
    }
}
