//! Bodies of requests and answers of the device API. The server reads and writes these types too.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::ContextHash;
use crate::id::{DeviceId, InstallationId, NotificationId, UserId};
use crate::issuer::Issuer;
use crate::jwk::PublicJwk;
use crate::notification::{CancelReason, Decision, DenyReason, NewDeviceChoice, Notification};
use crate::pairing_link::PairingKey;
use crate::passcode::PasscodeKey;
use crate::push::ProofValue;
use crate::timestamp::Timestamp;

/// `POST /pairings`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingRequest {
    pub pairing_key: PairingKey,
    pub installation: InstallationInfo,
}

/// What the app says about itself and the phone: shown to people who manage devices, believed by
/// nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallationInfo {
    /// For example `ANDROID`, `IOS`, `WEB`.
    pub platform: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdk_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
}

/// 201 to `POST /pairings`, and to the approval of an enrollment
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pairing {
    pub device_id: DeviceId,
    pub installation_id: InstallationId,
    pub user: PairedUser,
    #[serde(default)]
    pub authenticators: Vec<Authenticator>,
    /// What the one-time passcodes of this person are made of: to be kept as the installation key is. `None`: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_time_passcode_key: Option<PasscodeKey>,
}

/// 200 to `GET /enrollments/{ticket}`: what the person is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrollment {
    pub user: EnrollmentUser,
    pub application: EnrollmentApplication,
    pub expires_at: Timestamp,
}

/// Who would be asked on this phone from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollmentUser {
    pub id: UserId,
    /// A name to show.
    pub display: String,
}

/// The app that the person signed in to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollmentApplication {
    pub id: String,
    pub name: String,
}

/// `POST /enrollments/{ticket}/approve`. The answer is that of `POST /pairings`: [`Pairing`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApproveEnrollmentRequest {
    pub installation: InstallationInfo,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_token: Option<PushToken>,
}

/// `POST /enrollments/{ticket}/deny`. The decision is in the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyEnrollmentRequest {}

/// `PUT /push-token`: where a push reaches this installation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushToken {
    /// `FCM`, `APNS`, `WEB_PUSH`.
    pub provider: String,
    /// `production` or `sandbox`.
    pub environment: String,
    /// As the platform gave it; of a browser, the subscription as JSON. Whoever has it and the credentials of the app can
    /// write to this phone.
    pub token: String,
}

/// Without the token.
impl fmt::Debug for PushToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushToken({} {})", self.provider, self.environment)
    }
}

/// `PUT /push-enabled`: whether the person wants this installation to be told by a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PushEnabled {
    pub enabled: bool,
}

/// `POST /test-push`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestPushRequest {}

/// 200 to `POST /test-push`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestPushAnswer {
    /// `false`: no push service reaches this installation, or it is not to ring.
    pub sent: bool,
}

/// `POST /logs`: what the app has noted down, 16384 bytes at most.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogsRequest {
    pub log: String,
}

/// Without the log, which is for operators.
impl fmt::Debug for LogsRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogsRequest({} bytes)", self.log.len())
    }
}

/// 200 to `POST /logs`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogsAnswer {
    /// To be shown to the person, who reads it out to whoever helps them.
    pub support_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairedUser {
    pub user_id: UserId,
    pub username: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One way in which the new device can serve, and whether it works yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authenticator {
    /// `push` or `one_time_passcode`
    #[serde(rename = "type")]
    pub kind: String,
    /// `completed` or `failed`
    pub status: String,
    /// `MissingDeviceToken`: no push until the app hands one in; questions still arrive by
    /// `GET /events` and `GET /notifications/pending`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// 200 to `GET /notifications/pending`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    pub notifications: Vec<Notification>,
}

/// `POST /notifications/{id}/approve`. It repeats what the proof says; the proof is what counts,
/// and the server refuses a body that differs from it (`PROOF_MISMATCH`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApproveRequest {
    pub device_id: DeviceId,
    pub user_id: UserId,
    /// How the phone knew its owner [RFC 8176], for example `["face"]`.
    pub amr: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_picked: Option<u32>,
    /// What becomes of a new device: `TRUSTED` or `ONCE`. With that question, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<NewDeviceChoice>,
    pub context_hash: ContextHash,
}

/// `POST /notifications/{id}/deny`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DenyRequest {
    pub device_id: DeviceId,
    pub user_id: UserId,
    pub reason: DenyReason,
    /// What becomes of a new device: `DENY`, as when it is left out, or `BLOCK`. With that question, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<NewDeviceChoice>,
}

/// 200 to both decisions
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionAnswer {
    pub status: Decision,
}

/// `POST /notifications/{id}/ack`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AckRequest {
    pub pv: ProofValue,
}

/// 200 to `POST /notifications/{id}/ack`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AckAnswer {
    pub status: AckStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AckStatus {
    /// It was the value of the push, in time.
    Done,
    /// From a server newer than this version.
    #[serde(other, skip_serializing)]
    Unknown,
}

/// Data of the event `canceled`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Canceled {
    pub notification_id: NotificationId,
    pub reason: CancelReason,
}

/// 200 to `GET /me`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    pub installation_id: InstallationId,
    pub issuer: Issuer,
    pub users: Vec<MyUser>,
    /// The server's clock.
    pub time: Timestamp,
}

/// One person on this installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MyUser {
    pub user_id: UserId,
    pub username: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub device_id: DeviceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    pub role: DeviceRole,
    pub status: DeviceStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceRole {
    /// The device that is asked first.
    Primary,
    Trusted,
    /// From a server newer than this version.
    #[serde(other, skip_serializing)]
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceStatus {
    Active,
    Blocked,
    /// From a server newer than this version.
    #[serde(other, skip_serializing)]
    Unknown,
}

/// `POST /keys/rotate`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotateRequest {
    pub new_jwk: PublicJwk,
    /// A compact JWS of [`RotationClaims`](crate::proof::RotationClaims) by the new key: nobody
    /// can move an installation to a key that they do not hold.
    pub proof_by_new: String,
}

/// 200 to `POST /keys/rotate`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotateAnswer {
    pub installation_id: InstallationId,
}

/// Bytes of a body. Every message above is strings, integers, lists and names.
#[expect(clippy::expect_used, reason = "no map keys and no foreign Serialize: nothing here can fail")]
pub(crate) fn to_json<T: Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(message).expect("a message serializes")
}
