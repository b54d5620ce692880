//! One sign-in of one browser.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::protocol::acr::Acr;
use crate::protocol::id::{SessionId, SessionToken, UserId};
use crate::secret::Digest;

/// Unused for this long, a session ends.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// No session is longer than this.
pub const LONGEST: Duration = Duration::from_secs(12 * 3600);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub token: Digest<SessionToken>,
    pub user: UserId,
    pub authentication: Authentication,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
}

/// How and when somebody was authenticated: `auth_time`, `acr` and `amr` [OIDCC §2].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Authentication {
    pub at: Timestamp,
    pub acr: Acr,
    /// Space-separated RFC 8176 names.
    pub amr: String,
}

impl Session {
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.seen_at + IDLE && now < self.created_at + LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_after_half_a_day() {
        let start = Timestamp::from_seconds(1_800_000_000);
        let session = Session {
            id: SessionId::new(uuid::Uuid::nil()),
            token: Digest::of(b"token"),
            user: UserId::new(uuid::Uuid::nil()),
            authentication: Authentication { at: start, acr: Acr::Password, amr: "pwd".into() },
            created_at: start,
            seen_at: start,
        };
        assert!(session.is_live(start + IDLE - Duration::from_millis(1)));
        assert!(!session.is_live(start + IDLE));
        let used = Session { seen_at: start + LONGEST, ..session };
        assert!(!used.is_live(start + LONGEST));
    }
}
