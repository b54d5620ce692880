//! A person.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::protocol::id::UserId;
use crate::protocol::scope::Scope;
use crate::protocol::standard_claims::StandardClaims;

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

    /// What may be told of them, as far as the scope goes [OIDCC §5.4].
    pub fn claims(&self, scope: &Scope) -> StandardClaims {
        let profile = scope.contains("profile");
        let email = scope.contains("email").then(|| self.email.clone()).flatten();
        StandardClaims {
            name: self.name.clone().filter(|_| profile),
            preferred_username: profile.then(|| self.username.clone()),
            updated_at: profile.then(|| self.updated_at.seconds()),
            email_verified: email.as_ref().map(|_| self.email_verified),
            email,
        }
    }
}
