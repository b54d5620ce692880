//! A person has given their password.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::protocol::id::UserId;

/// It can rest among the state of a flow, and `usecase/check_password.rs` alone makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    user: UserId,
    at: Timestamp,
    changed_at: Timestamp,
}

impl Confirmed {
    pub const fn new(user: UserId, at: Timestamp, changed_at: Timestamp) -> Self {
        Self { user, at, changed_at }
    }

    pub const fn user(&self) -> UserId {
        self.user
    }

    /// When they were asked: what the `auth_time` of a session is. Taken before the password was looked at, so
    /// that a change meanwhile is later.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Since when that password is theirs.
    pub const fn changed_at(&self) -> Timestamp {
        self.changed_at
    }
}
