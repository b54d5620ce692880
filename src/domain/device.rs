//! What a person carries: installations of an app, each with one key, and the devices (user,
//! installation) that they make.

use serde::{Deserialize, Serialize};

use super::push::Provider;
use crate::clock::Timestamp;
use crate::protocol::id::{DeviceId, InstallationId, NativeApplicationId, UserId};

/// One installation of an app on one phone. It signs with a key of its own and may serve several
/// users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    pub id: InstallationId,
    /// RFC 7638 thumbprint of the key: how a proof finds its installation.
    pub jkt: String,
    /// The public key, as a JWK.
    pub public_jwk: String,
    /// Where a rotation was announced: this key is valid too, and its first use ends the other one.
    pub next_jkt: Option<String>,
    pub about: About,
    /// Who carries a push to it. `None`: it has to come by itself.
    pub pushed_by: Option<Provider>,
    /// The person does not want it to be told by a push.
    pub pushes_off: bool,
    pub created_at: Timestamp,
}

impl Installation {
    /// Who carries a push to it now. `None`: nobody may, or can.
    pub fn rung_by(&self) -> Option<Provider> {
        self.pushed_by.filter(|_| !self.pushes_off)
    }

    /// Whether this is its key, or the one that it announced.
    pub fn has_key(&self, jkt: &str) -> bool {
        self.jkt == jkt || self.next_jkt.as_deref() == Some(jkt)
    }
}

/// What the app says of itself. Shown to people, believed by nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub platform: Option<String>,
    pub name: Option<String>,
    pub model: Option<String>,
    pub os_version: Option<String>,
    pub app_version: Option<String>,
    pub sdk_version: Option<String>,
    pub application: Option<String>,
}

impl About {
    /// What it runs on, for example `android 16`.
    pub fn os(&self) -> Option<String> {
        match (&self.platform, &self.os_version) {
            (Some(platform), Some(version)) => Some(format!("{platform} {version}")),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        }
    }
}

impl From<nod_device::InstallationInfo> for About {
    fn from(info: nod_device::InstallationInfo) -> Self {
        Self {
            platform: Some(info.platform),
            name: info.name,
            model: info.model,
            os_version: info.os_version,
            app_version: info.app_version,
            sdk_version: info.sdk_version,
            application: info.application,
        }
    }
}

/// A user's trust in an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub id: DeviceId,
    pub user: UserId,
    pub installation: InstallationId,
    /// The native application by which it was enrolled, or that the key was for with which it was paired. `None`: that was
    /// for any app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<NativeApplicationId>,
    pub nickname: Option<String>,
    pub status: Status,
    /// 0 is the primary device; unique for a user.
    pub position: u32,
    pub paired_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    Blocked,
}

const LONGEST_NICKNAME: usize = 64;

/// What a person calls a device. `None`: empty, too long, or with control characters.
pub fn nickname(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = (1..=LONGEST_NICKNAME).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

impl Device {
    /// Whether this device may be asked, and believed. A device that was paired after the question
    /// was put is not asked: whoever got it paired in between must not answer for the others.
    pub fn may_answer(&self, asked_at: Timestamp) -> bool {
        self.status == Status::Active && self.paired_at <= asked_at
    }

    pub fn is_primary(&self) -> bool {
        self.position == 0
    }
}
