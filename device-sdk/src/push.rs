//! What a push says: that there is something to look at, or no more, or that the app is to answer by itself. It names
//! nobody, and proves nothing: anybody may have sent it. Whoever gets one asks the server.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{InstallationId, NotificationId};

/// 16 bytes that are in one push and nowhere else: whoever has them got that push. They never print.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ProofValue([u8; 16]);

/// Not 22 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the value of a push")]
pub struct NotAProofValue;

impl ProofValue {
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The text on the wire. Each caller is a place to look at in a review.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl FromStr for ProofValue {
    type Err = NotAProofValue;

    fn from_str(text: &str) -> Result<Self, NotAProofValue> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAProofValue)?;
        bytes.try_into().map(Self).map_err(|_| NotAProofValue)
    }
}

impl fmt::Debug for ProofValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Serialize for ProofValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.expose())
    }
}

impl<'de> Deserialize<'de> for ProofValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The signed answer to a push that nobody sees. What was in the push is in the body, which the proof covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The claim `iss`.
    pub installation_id: InstallationId,
    pub notification_id: NotificationId,
}

/// The data of a message of FCM, the member `nod` of one of APNs, the text of one of Web Push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushMessage {
    #[serde(rename = "type")]
    pub kind: PushKind,
    pub notification_id: NotificationId,
    /// Of [`PushKind::SilentVerify`] alone: what the answer has to have in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pv: Option<ProofValue>,
}

/// Newer servers may say more; what an app does not know it leaves alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PushKind {
    /// There is a question: fetch it.
    Authentication,
    /// It was answered elsewhere, or withdrawn: show it no more.
    AuthCanceled,
    /// Somebody signs in by this app: answer, and show nothing.
    SilentVerify,
    /// Somebody looks whether pushes get there: nothing is asked.
    Test,
    #[serde(other)]
    Other,
}

impl PushMessage {
    pub const fn authentication(notification_id: NotificationId) -> Self {
        Self { kind: PushKind::Authentication, notification_id, pv: None }
    }

    pub const fn auth_canceled(notification_id: NotificationId) -> Self {
        Self { kind: PushKind::AuthCanceled, notification_id, pv: None }
    }

    pub const fn test(notification_id: NotificationId) -> Self {
        Self { kind: PushKind::Test, notification_id, pv: None }
    }

    pub const fn silent_verify(notification_id: NotificationId, pv: ProofValue) -> Self {
        Self { kind: PushKind::SilentVerify, notification_id, pv: Some(pv) }
    }

    /// Reads what a platform handed over. Nothing when it is not ours.
    pub fn read(json: &[u8]) -> Option<Self> {
        /// Of APNs.
        #[derive(Deserialize)]
        struct Around {
            nod: PushMessage,
        }
        serde_json::from_slice(json).or_else(|_| serde_json::from_slice(json).map(|Around { nod }| nod)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_push_has_a_value_that_never_prints() {
        let id = "3d0c8a1e-5f0b-4d52-9a53-6a1d0c1f2b3a";
        let plain = format!(r#"{{"type":"SILENT_VERIFY","notificationId":"{id}","pv":"AAECAwQFBgcICQoLDA0ODw"}}"#);
        let said = PushMessage::read(plain.as_bytes()).unwrap();
        let value = ProofValue::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(said, PushMessage::silent_verify(said.notification_id, value));
        assert_eq!(serde_json::to_string(&said).unwrap(), plain);
        assert!(!format!("{said:?}").contains("AAECAw"));
        for bad in ["AAECAwQFBgcICQoLDA0OD", "AAECAwQFBgcICQoLDA0ODw==", "AAECAwQFBgcICQoLDA0ODx", ""] {
            assert_eq!(PushMessage::read(plain.replace("AAECAwQFBgcICQoLDA0ODw", bad).as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_push_reads_from_each_platform() {
        let id = "3d0c8a1e-5f0b-4d52-9a53-6a1d0c1f2b3a";
        let said = PushMessage::authentication(serde_json::from_str(&format!("\"{id}\"")).unwrap());
        let plain = format!(r#"{{"type":"AUTHENTICATION","notificationId":"{id}"}}"#);
        assert_eq!(serde_json::to_string(&said).unwrap(), plain);
        assert_eq!(PushMessage::read(plain.as_bytes()), Some(said));
        let around = format!(r#"{{"aps":{{"mutable-content":1}},"nod":{plain}}}"#);
        assert_eq!(PushMessage::read(around.as_bytes()), Some(said));
        let newer = plain.replace("AUTHENTICATION", "SOMETHING_NEW");
        assert_eq!(PushMessage::read(newer.as_bytes()).map(|said| said.kind), Some(PushKind::Other));
        for foreign in ["", "{}", "null", r#"{"type":"AUTHENTICATION"}"#] {
            assert_eq!(PushMessage::read(foreign.as_bytes()), None, "{foreign}");
        }
    }
}
