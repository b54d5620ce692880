//! The question on the phone, and the words of its answer.

use serde::{Deserialize, Serialize};

use crate::context::{ClientContext, Shown};
use crate::digest::ContextHash;
use crate::id::{DeviceId, NotificationId, UserId};
use crate::timestamp::Timestamp;

/// One question to one device. Members that this version does not know are ignored; kinds that it
/// does not know can be denied, but not approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    pub notification_id: NotificationId,
    pub device_id: DeviceId,
    pub user_id: UserId,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub title: String,
    pub body: String,
    pub client_context: ClientContext,
    /// What wants to be a device of the person: with [`Kind::ApproveNewDevice`], and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_device: Option<NewDevice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_matching: Option<NumberMatching>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// Seconds that were left when the server sent this: for a progress bar that does not depend
    /// on the phone's clock.
    pub timeout_duration: u64,
}

impl Notification {
    /// What the app has to show, and what the decision will vouch for.
    pub fn shown(&self) -> Shown<'_> {
        Shown {
            title: &self.title,
            body: &self.body,
            client_context: &self.client_context,
            new_device: self.new_device.as_ref(),
            notification_id: self.notification_id,
        }
    }

    pub fn context_hash(&self) -> ContextHash {
        self.shown().context_hash()
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Somebody signs in, or asks for a yes, through a client.
    Authentication,
    /// Somebody signs in as the person by an app that is no device of theirs. What becomes of that one is a
    /// [`NewDeviceChoice`].
    ApproveNewDevice,
    /// From a server newer than this version.
    #[serde(other, skip_serializing)]
    Unknown,
}

/// An app by which somebody signs in as the person. It says all of this of itself, and proves nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDevice {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// For example `android 16`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// What the app is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
}

/// What becomes of a new device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NewDeviceChoice {
    /// It is the person's, and may become a device of theirs.
    Trusted,
    /// The person is signed in there, and it stays none.
    Once,
    /// It is not let in,
    Deny,
    /// now or later.
    Block,
}

/// The person proves that they look at the screen that asks: against approving by reflex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NumberMatching {
    /// Pick the number that the other screen shows.
    SelectNumber { options: Vec<u32> },
    /// Type the number that the other screen shows.
    EnterManually,
    /// From a server newer than this version.
    #[serde(other, skip_serializing)]
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Decision {
    Approved,
    Denied,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DenyReason {
    #[default]
    None,
    /// "It was not me." The person is locked, until an administrator has looked.
    ReportFraud,
    /// The phone did not recognise its owner.
    BiometricsRejected,
}

/// Why a question is no longer open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelReason {
    /// Answered elsewhere, on another device of the same person.
    AlreadyDecided,
    /// The asking side withdrew it.
    Canceled,
    Expired,
    /// From a server newer than this version.
    #[serde(other, skip_serializing)]
    Unknown,
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> serde_json::Value {
        json!({
            "notificationId": "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff",
            "deviceId": "11111111-2222-4333-8444-555555555555",
            "userId": "66666666-7777-4888-9999-aaaaaaaaaaaa",
            "type": "AUTHENTICATION",
            "title": "Sign in to Shop",
            "body": "Is it you?",
            "clientContext": {"clientId": "shop", "clientName": "Shop", "scope": "openid"},
            "issuedAt": "2026-03-01T12:00:00Z",
            "expiresAt": "2026-03-01T12:02:00Z",
            "timeoutDuration": 120,
        })
    }

    pub(crate) fn notification() -> Notification {
        serde_json::from_value(document()).unwrap()
    }

    #[test]
    fn a_notification_keeps_its_form() {
        assert_eq!(serde_json::to_value(notification()).unwrap(), document());
    }

    #[test]
    fn a_newer_server_is_understood_as_far_as_possible() {
        let mut newer = document();
        newer["type"] = json!("TRANSACTION");
        newer["numberMatching"] = json!({"type": "DRAW_A_SHAPE", "shape": "circle"});
        newer["more"] = json!([1, 2, 3]);
        let read: Notification = serde_json::from_value(newer).unwrap();
        assert_eq!(read.kind, Kind::Unknown);
        assert_eq!(read.number_matching, Some(NumberMatching::Unknown));
        // It is never written: there is no name to write.
        assert!(serde_json::to_value(&read).is_err());
    }

    #[test]
    fn number_matching_has_its_two_forms() {
        let select = NumberMatching::SelectNumber { options: vec![12, 47, 83] };
        assert_eq!(serde_json::to_value(&select).unwrap(), json!({"type": "SELECT_NUMBER", "options": [12, 47, 83]}));
        assert_eq!(serde_json::to_value(NumberMatching::EnterManually).unwrap(), json!({"type": "ENTER_MANUALLY"}));
    }
}
