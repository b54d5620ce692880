//! Word to a client in ping mode that its request was decided [CIBA §10.2]: what is told, what that is
//! made from, and how often to try.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::domain::authentication_request::{AuthenticationRequest, FINALISE};
use crate::domain::client::Client;
use crate::domain::decision::Record;
use crate::domain::pauses::Pauses;
use crate::protocol::id::{AuthReqId, ClientId, RequestId, UserId};
use crate::secret::{Digest, sha256};

/// What is to be told. The `auth_req_id` and the token are not here: they rest, sealed, where the request
/// waits, and no longer than that does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    pub request: RequestId,
    pub digest: Digest<AuthReqId>,
    pub client: ClientId,
    pub user: UserId,
    pub expires_at: Timestamp,
}

impl Ping {
    /// For the client that asked. `None`: it polls.
    pub fn to(client: &Client, record: &Record) -> Option<Box<Self>> {
        client.notification_endpoint().map(|_| {
            Box::new(Self {
                request: record.request,
                digest: record.request_digest,
                client: record.client.clone(),
                user: record.user,
                expires_at: record.expires_at,
            })
        })
    }

    /// For a request that was denied when it was made.
    pub fn of_request(request: &AuthenticationRequest, digest: Digest<AuthReqId>) -> Self {
        Self {
            request: request.id,
            digest,
            client: request.client.clone(),
            user: request.user,
            expires_at: request.expires_at,
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        // Nothing in it that JSON does not have.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Names it. A request is decided once, so there is one of these, whoever makes it.
    pub fn id(&self) -> Uuid {
        let digest = sha256(&[b"ping".as_slice(), self.request.uuid().as_bytes()].concat());
        let half = digest.first_chunk::<16>().copied().unwrap_or_default();
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }

    /// Whether there is still something to come for.
    pub fn is_of_use(&self, now: Timestamp) -> bool {
        now < self.expires_at + FINALISE
    }
}

/// What a ping is made from, sealed: whoever reads the store can neither poll with it nor call the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    pub sealed: Vec<u8>,
}

/// How long after each failure the next try is made: two minutes in all, as long as a question usually lives.
pub const PAUSES: Pauses = Pauses(&[1, 2, 5, 10, 20, 30, 60]);

/// A request that is denied at once is told of this long after it: its client knows the `auth_req_id` by then.
pub const AFTER_THE_ANSWER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn ping(request: u128, client: &str) -> Ping {
        Ping {
            request: RequestId::new(Uuid::from_u128(request)),
            digest: Digest::of(b"id"),
            client: ClientId::parse(client).unwrap(),
            user: UserId::new(Uuid::nil()),
            expires_at: Timestamp::from_seconds(1000),
        }
    }

    #[test]
    fn there_is_one_word_for_a_request_and_it_is_not_that_to_its_devices() {
        assert_eq!(ping(1, "shop").id(), ping(1, "bank").id());
        assert_ne!(ping(1, "shop").id(), ping(2, "shop").id());
        assert_ne!(ping(1, "shop").id(), Uuid::from_u128(1));
        assert_eq!(ping(1, "shop").id().get_version_num(), 8);
    }

    #[test]
    fn it_is_tried_while_there_is_something_to_come_for() {
        assert!(ping(1, "shop").is_of_use(Timestamp::from_seconds(1059)));
        assert!(!ping(1, "shop").is_of_use(Timestamp::from_seconds(1060)));
        assert_eq!((PAUSES.after(0), PAUSES.after(1), PAUSES.after(8)), (None, Some(Duration::from_secs(1)), None));
        assert_eq!((1..).map_while(|attempts| PAUSES.after(attempts)).sum::<Duration>(), Duration::from_secs(128));
    }
}
