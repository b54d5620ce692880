//! Word to a phone that there is something to look at, or no more, or that its app is to answer. It goes through services
//! that are not ours, so it says nothing else: no name, no number, no message [security.md 95, 123].

use serde::{Deserialize, Serialize};

use super::pauses::Pauses;
use crate::clock::Timestamp;
use crate::protocol::id::{
    AuthReqId, ClientId, DeviceId, InstallationId, NativeApplicationId, NotificationId, RequestId, UserId,
};
use crate::protocol::words::words;
use crate::secret::{Digest, Sealed};

words! {
    /// Who carries it.
    Provider {
        /// Firebase Cloud Messaging, HTTP v1.
        Fcm = "fcm",
        /// Apple Push Notification service.
        Apns = "apns",
        /// [RFC 8030]
        WebPush = "web_push",
    }
}

impl Provider {
    /// As the device API spells it.
    pub fn of_device_api(text: &str) -> Option<Self> {
        Some(match text {
            "FCM" => Self::Fcm,
            "APNS" => Self::Apns,
            "WEB_PUSH" => Self::WebPush,
            _ => return None,
        })
    }
}

words! {
    /// For which builds of an app a token of Apple's is good.
    Environment {
        Production = "production",
        Sandbox = "sandbox",
    }
}

impl Environment {
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Production => Self::Sandbox,
            Self::Sandbox => Self::Production,
        }
    }
}

words! {
    /// What is told.
    Told {
        /// There is a question.
        Question = "question",
        /// There is none any more.
        Ended = "ended",
        /// The app is to answer, and nobody is to see it.
        Silent = "silent",
        /// Nothing: somebody looks whether it gets there.
        Test = "test",
    }
}

/// What is to be told to one installation. Where it is reached is looked up when it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    pub told: Told,
    pub notification: NotificationId,
    pub request: RequestId,
    pub digest: Digest<AuthReqId>,
    /// Who asks. `None`: nobody does.
    pub client: Option<ClientId>,
    pub user: UserId,
    pub device: DeviceId,
    pub installation: InstallationId,
    /// When the question is over, and nothing is left to be told.
    pub expires_at: Timestamp,
}

impl Push {
    pub fn encode(&self) -> Vec<u8> {
        // Nothing in it that JSON does not have.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// How long after each failure the next try is made: two minutes in all, as long as a question usually lives.
pub const PAUSES: Pauses = Pauses(&[1, 2, 4, 8, 15, 30, 60]);

/// A token, for being recognised.
#[derive(Debug)]
pub enum Token {}

/// Where an installation is reached. Sealed: whoever has it and the credentials of the app can write to the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushToken {
    pub installation: InstallationId,
    /// By whose credentials.
    pub application: NativeApplicationId,
    pub provider: Provider,
    pub environment: Environment,
    /// Each is one installation's.
    pub digest: Digest<Token>,
    pub sealed: Sealed,
    /// When the app handed it in, the last time.
    pub registered_at: Timestamp,
}

impl PushToken {
    /// Where it is sealed.
    pub fn place(installation: InstallationId) -> String {
        format!("push_token|sealed|{installation}")
    }

    /// [flows.md F5] whether word that the app was gone at some time is of this token as it was handed in, and not of an
    /// earlier life of it.
    pub fn was_gone(&self, since: Option<Timestamp>) -> bool {
        since.is_none_or(|since| since > self.registered_at)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn token(registered_at: i64) -> PushToken {
        PushToken {
            installation: InstallationId::new(Uuid::nil()),
            application: NativeApplicationId::parse("app").unwrap(),
            provider: Provider::Apns,
            environment: Environment::Production,
            digest: Digest::of(b"token"),
            sealed: Sealed::from_bytes(Vec::new()),
            registered_at: Timestamp::from_seconds(registered_at),
        }
    }

    #[test]
    fn t5_2_word_of_an_earlier_life_is_no_word_of_this_one() {
        let at = Timestamp::from_seconds;
        assert!(token(100).was_gone(Some(at(101))) && token(100).was_gone(None));
        assert!(!token(100).was_gone(Some(at(100))) && !token(100).was_gone(Some(at(99))));
    }

    #[test]
    fn a_push_reads_as_it_was_written() {
        let push = Push {
            told: Told::Question,
            notification: NotificationId::new(Uuid::from_u128(1)),
            request: RequestId::new(Uuid::from_u128(2)),
            digest: Digest::of(b"id"),
            client: ClientId::parse("shop"),
            user: UserId::new(Uuid::from_u128(3)),
            device: DeviceId::new(Uuid::from_u128(4)),
            installation: InstallationId::new(Uuid::from_u128(5)),
            expires_at: Timestamp::from_seconds(1000),
        };
        assert_eq!(Push::decode(&push.encode()), Some(push));
        assert_eq!(Push::decode(b"{}"), None);
    }
}
