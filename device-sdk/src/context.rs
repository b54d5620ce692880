//! What a person saw, as one number.
//!
//! A decision names the hash of the text that was on the screen. The server computes the same hash
//! from what it stored, never from what the device sent: a yes to one text is no yes to another.
//!
//! `contextHash = base64url(SHA-256(JCS({"title", "body", "clientContext", "newDevice", "notificationId"})))`
//! with JCS as in [RFC 8785], and `newDevice` only where there is one. Text is hashed as it is: no Unicode normalization, no trimming.

use serde::{Deserialize, Serialize};

use crate::digest::ContextHash;
use crate::id::NotificationId;
use crate::notification::NewDevice;

/// Who asks and for what. Every member is shown to the person or can be looked at by them.
///
/// A new member changes the hash, so members are added with a new version of the device API only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientContext {
    pub client_id: String,
    pub client_name: String,
    /// [CIBA §7.1] what the person can compare with the screen of the consumption device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_message: Option<String>,
    /// Space-separated [RFC 6749 §3.3].
    pub scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
}

/// All that was shown for one question. [`Notification::shown`](crate::Notification::shown) makes
/// it on the device; the server makes it from its own record.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown<'a> {
    pub title: &'a str,
    pub body: &'a str,
    pub client_context: &'a ClientContext,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_device: Option<&'a NewDevice>,
    pub notification_id: NotificationId,
}

impl Shown<'_> {
    /// The text that is hashed.
    #[expect(clippy::expect_used, reason = "strings under fixed names: nothing that JCS could refuse")]
    pub fn canonical_json(&self) -> String {
        serde_json_canonicalizer::to_string(self).expect("strings only")
    }

    pub fn context_hash(&self) -> ContextHash {
        self.hashed().0
    }

    /// The hash, and the text that it is the hash of.
    pub fn hashed(&self) -> (ContextHash, String) {
        let text = self.canonical_json();
        (ContextHash::of_bytes(text.as_bytes()), text)
    }
}
