//! A pushed authorization request [RFC 9126]: what a client has said to us directly, until its person's browser
//! comes for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::protocol::id::ClientId;

/// [RFC 9126 §2.2] asks for 5 to 600 seconds. The browser is sent at once.
pub const LIFETIME: Duration = Duration::from_secs(60);
/// What every `request_uri` of ours begins with [RFC 9126 §2.2].
pub const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedRequest {
    pub client: ClientId,
    /// As they were judged when they came: those of a request object instead of the request object.
    pub parameters: Vec<(String, String)>,
    pub expires_at: Timestamp,
    /// A browser came for it.
    pub used: bool,
}

/// What a `request_uri` comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    First(Vec<(String, String)>),
    /// Another client's: nothing is changed by it.
    Foreign,
    Used,
    Expired,
}

impl PushedRequest {
    /// Once [RFC 9126 §4].
    #[must_use]
    pub fn taken(self, client: &ClientId, now: Timestamp) -> (Self, Taken) {
        if self.client != *client {
            return (self, Taken::Foreign);
        }
        if self.used {
            return (self, Taken::Used);
        }
        if now >= self.expires_at {
            return (self, Taken::Expired);
        }
        let parameters = self.parameters.clone();
        (Self { used: true, ..self }, Taken::First(parameters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn take(request: PushedRequest, client: &str, seconds: i64) -> (PushedRequest, Taken) {
        request.taken(&ClientId::parse(client).unwrap(), at(seconds))
    }

    fn pushed() -> PushedRequest {
        PushedRequest {
            client: ClientId::parse("shop").unwrap(),
            parameters: vec![("scope".into(), "openid".into())],
            expires_at: at(0) + LIFETIME,
            used: false,
        }
    }

    #[test]
    fn rfc9126_4_a_pushed_request_is_its_clients_once_and_for_a_minute() {
        let (after, taken) = take(pushed(), "shop", 59);
        assert_eq!(taken, Taken::First(pushed().parameters));
        assert_eq!(take(after, "shop", 59).1, Taken::Used);
        assert_eq!(take(pushed(), "shop", 60).1, Taken::Expired);
        let (after, taken) = take(pushed(), "other", 0);
        assert_eq!(taken, Taken::Foreign);
        assert_eq!(after, pushed(), "a stranger spoils nothing");
    }
}
