//! A person.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::protocol::id::UserId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    /// What a relying party sends as `login_hint`. Unique, compared exactly.
    pub username: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub email_verified: bool,
    pub status: Status,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    /// Stopped by an administrator, or because the person reported a question as fraud: somebody else
    /// acts in their name. Nothing may be requested, decided, redeemed or refreshed for this person until
    /// an administrator unlocks them.
    Locked,
    Disabled,
}

impl User {
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }
}
