//! The services that carry word to phones. Each is one file; what comes of a try is the same for all.

use std::time::Duration;

use http::{HeaderMap, header};
use nod_device::{ProofValue, PushMessage};
use url::Url;

use super::apns::Apns;
use super::egress::{Egress, EgressError};
use super::fcm::Fcm;
use super::web_push::WebPush;
use crate::clock::Timestamp;
use crate::domain::push::{Environment, Told};
use crate::domain::push_credentials::Credentials;
use crate::protocol::id::NotificationId;
use crate::secret::Secret;

/// A service that needs longer counts as one that does not answer.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// Longer answers are not theirs.
pub(super) const LONGEST_ANSWER: usize = 16 * 1024;

/// Where the services are.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub fcm: Url,
    pub apns: Url,
    pub apns_sandbox: Url,
}

impl Default for Addresses {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "constants")]
        let url = |text: &str| Url::parse(text).expect("a URL");
        Self {
            fcm: url("https://fcm.googleapis.com/"),
            apns: url("https://api.push.apple.com/"),
            apns_sandbox: url("https://api.sandbox.push.apple.com/"),
        }
    }
}

/// What is said: nothing but that there is something to look at, or no more.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    pub told: Told,
    pub notification: NotificationId,
    /// What the app answers with, where it is to answer.
    pub value: Option<ProofValue>,
    /// Of no use afterwards.
    pub expires_at: Timestamp,
}

impl Message {
    pub(super) const fn body(&self) -> PushMessage {
        let notification_id = nod_device::NotificationId::new(self.notification.uuid());
        match (self.told, self.value) {
            (Told::Question, _) => PushMessage::authentication(notification_id),
            (Told::Test, _) => PushMessage::test(notification_id),
            (Told::Silent, Some(value)) => PushMessage::silent_verify(notification_id, value),
            // Without a value there is nothing to answer.
            (Told::Ended | Told::Silent, _) => PushMessage::auth_canceled(notification_id),
        }
    }

    /// In whole seconds, one at least: zero means "now or never" to some.
    pub(super) fn seconds_left(&self, now: Timestamp) -> u64 {
        self.expires_at.since(now).as_secs().max(1)
    }
}

/// To whom, as it was handed in.
#[derive(Debug)]
pub struct Address<'a> {
    pub token: &'a Secret<String>,
    pub environment: Environment,
    /// What the app is called on Apple's systems.
    pub bundle_id: Option<&'a str>,
}

/// What came of a try. Only words of ours, and codes that are known.
#[derive(Debug)]
pub enum Outcome {
    Taken(u16),
    /// There is no such installation any more; since when, where the service says so.
    Gone {
        since: Option<Timestamp>,
    },
    /// The token is not one of this app, or of this environment. That says nothing about the installation [flows.md F5].
    BadToken(String),
    /// The same, and the other environment may know it.
    BadHere(String),
    /// It may be taken later. `unwell`: the service itself does not work.
    NotNow {
        why: String,
        retry_after: Option<Duration>,
        unwell: bool,
    },
    Refused(String),
}

impl Outcome {
    pub(super) fn failed(error: &EgressError) -> Self {
        match error {
            // That address is no better later.
            EgressError::Url(_) | EgressError::PrivateAddress | EgressError::Header | EgressError::TrustAnchor => {
                Self::Refused(error.to_string())
            }
            EgressError::NoAddress | EgressError::Timeout | EgressError::TooLarge | EgressError::Connection(_) => {
                Self::NotNow { why: error.to_string(), retry_after: None, unwell: true }
            }
        }
    }

    /// A status that means the same everywhere.
    pub(super) fn of_status(status: u16, headers: &HeaderMap, code: Option<&'static str>) -> Self {
        let why = code.map_or_else(|| format!("status {status}"), |code| format!("status {status} {code}"));
        match status {
            200..=299 => Self::Taken(status),
            429 => Self::NotNow { why, retry_after: retry_after(headers), unwell: false },
            500..=599 => Self::NotNow { why, retry_after: retry_after(headers), unwell: true },
            // No redirect is followed [security.md 81].
            _ => Self::Refused(why),
        }
    }
}

/// [RFC 9110 §10.2.3] in its form of seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// One of the words that a service is known to say. What else it says stays where it is.
pub(super) fn known(words: &[&'static str], said: &str) -> Option<&'static str> {
    words.iter().find(|word| **word == said).copied()
}

/// All of them.
#[derive(Debug)]
pub struct Gateways {
    pub fcm: Fcm,
    pub apns: Apns,
    pub web_push: WebPush,
}

impl Gateways {
    pub fn new(egress: &Egress, addresses: &Addresses, entropy: std::sync::Arc<crate::entropy::Entropy>) -> Self {
        Self {
            fcm: Fcm::new(egress.clone(), addresses.fcm.clone()),
            apns: Apns::new(egress.clone(), addresses.apns.clone(), addresses.apns_sandbox.clone()),
            web_push: WebPush::new(egress.clone(), entropy),
        }
    }

    pub async fn send(
        &self,
        credentials: &Credentials,
        address: &Address<'_>,
        message: &Message,
        now: Timestamp,
    ) -> Outcome {
        match credentials {
            Credentials::Fcm(account) => self.fcm.send(account, address.token, message, now).await,
            Credentials::Apns(key) => self.apns.send(key, address, message, now).await,
            Credentials::WebPush(vapid) => self.web_push.send(vapid, address.token, message, now).await,
        }
    }
}
