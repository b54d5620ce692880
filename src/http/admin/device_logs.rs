//! `/admin/v1/device-logs`.

use std::sync::Arc;

use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};

use crate::domain::device_log::{DeviceLog, SupportId};
use crate::http::Tag;
use crate::http::admin::access::{Admin, DevicesRead};
use crate::http::admin::reply::{Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::admin_scope::Permission;
use crate::protocol::public_id::{self, Kind};
use crate::usecase::device_logs::KeepLogs;

pub struct DeviceLogsApi {
    pub logs: Arc<KeepLogs>,
}

/// What an app has sent to whoever helps its person.
#[derive(Debug, Object)]
#[oai(rename = "DeviceLog", skip_serializing_if_is_none)]
pub struct DeviceLogBody {
    /// What the person reads out.
    pub support_id: String,
    pub installation_id: String,
    /// Whom the app served then.
    pub user_ids: Vec<String>,
    pub platform: Option<String>,
    pub model: Option<String>,
    pub os_version: Option<String>,
    pub app_version: Option<String>,
    pub sdk_version: Option<String>,
    pub received_at: DateTime,
    /// As the app wrote it. Nothing of it is known to be true.
    pub log: String,
}

impl DeviceLogBody {
    fn of(id: &SupportId, log: DeviceLog) -> Self {
        let DeviceLog { installation, users, about, received_at, text } = log;
        Self {
            support_id: id.to_string(),
            installation_id: public_id::encode(Kind::Installation, installation.uuid()),
            user_ids: users.iter().map(|user| public_id::encode(Kind::User, user.uuid())).collect(),
            platform: about.platform,
            model: about.model,
            os_version: about.os_version,
            app_version: about.app_version,
            sdk_version: about.sdk_version,
            received_at: received_at.into(),
            log: text,
        }
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminDevices")]
impl DeviceLogsApi {
    /// Read what an app has sent
    ///
    /// By the support ID that it shows to its person, who reads it out. It is kept for three days.
    #[oai(path = "/device-logs/:support_id", method = "get", operation_id = "getDeviceLog")]
    async fn read(
        &self,
        #[oai(scope = "Permission::DevicesRead")] admin: Admin<DevicesRead>,
        support_id: Path<String>,
    ) -> Result<Shown<DeviceLogBody>> {
        let Admin { .. } = admin;
        let id = SupportId::parse(&support_id).ok_or(AdminErrorCode::NotFound)?;
        let log = self.logs.read(&id).await?.ok_or(AdminErrorCode::NotFound)?;
        Ok(Shown::of(DeviceLogBody::of(&id, log)))
    }
}
