//! What a push says: that there is something to look at, or no more. It names nobody, and proves nothing: anybody may
//! have sent it. Whoever gets one asks the server.

use serde::{Deserialize, Serialize};

use crate::id::NotificationId;

/// The data of a message of FCM, the member `nod` of one of APNs, the text of one of Web Push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushMessage {
    #[serde(rename = "type")]
    pub kind: PushKind,
    pub notification_id: NotificationId,
}

/// Newer servers may say more; what an app does not know it leaves alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PushKind {
    /// There is a question: fetch it.
    Authentication,
    /// It was answered elsewhere, or withdrawn: show it no more.
    AuthCanceled,
    #[serde(other)]
    Other,
}

impl PushMessage {
    pub const fn authentication(notification_id: NotificationId) -> Self {
        Self { kind: PushKind::Authentication, notification_id }
    }

    pub const fn auth_canceled(notification_id: NotificationId) -> Self {
        Self { kind: PushKind::AuthCanceled, notification_id }
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
