//! Word to relying parties that a session has ended: whom to tell, what, and how often to try.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::pauses::Pauses;
use crate::protocol::id::{ClientId, SessionId, UserId};
use crate::secret::sha256;

/// What is told: one session, to one client that people signed in to in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    pub session: SessionId,
    pub user: UserId,
    pub client: ClientId,
}

impl Ended {
    pub fn encode(&self) -> Vec<u8> {
        // Nothing in it that JSON does not have.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Names it. A session ends once, so there is one of these for it and a client, whoever makes it.
    pub fn id(&self) -> Uuid {
        let text = [self.session.uuid().as_bytes().as_slice(), self.client.as_str().as_bytes()].concat();
        let digest = sha256(&text);
        let half = digest.first_chunk::<16>().copied().unwrap_or_default();
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }
}

/// For how long a logout token is good [BCL §2.4]: two minutes at most, for clocks that differ.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(120);

/// How long after each failure the next try is made: half a day in all, which is as long as a session lasts.
pub const PAUSES: Pauses = Pauses(&[1, 5, 30, 120, 600, 1_800, 3_600, 7_200, 10_800, 18_000]);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::LONGEST;

    #[test]
    fn there_is_one_word_for_a_session_and_a_client() {
        let ended = |session, client| Ended {
            session: SessionId::new(Uuid::from_u128(session)),
            user: UserId::new(Uuid::nil()),
            client: ClientId::parse(client).unwrap(),
        };
        assert_eq!(ended(1, "shop").id(), ended(1, "shop").id());
        assert_ne!(ended(1, "shop").id(), ended(2, "shop").id());
        assert_ne!(ended(1, "shop").id(), ended(1, "bank").id());
        assert_eq!(ended(1, "shop").id().get_version_num(), 8);
    }

    #[test]
    fn it_is_tried_for_as_long_as_a_session_lasts() {
        let all: Duration = (1..).map_while(|attempts| PAUSES.after(attempts)).sum();
        assert!(all + Duration::from_secs(3_600) > LONGEST && all < LONGEST, "{all:?}");
        assert_eq!((PAUSES.after(0), PAUSES.after(1)), (None, Some(Duration::from_secs(1))));
    }
}
