//! A person.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::protocol::claims_request::PersonalClaim;
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
    /// What is known. A mail address and whether it is verified go together.
    pub fn claim(&self, claim: PersonalClaim) -> Option<Value> {
        match claim {
            PersonalClaim::Name => self.name.as_deref().map(Value::from),
            PersonalClaim::PreferredUsername => Some(self.username.as_str().into()),
            PersonalClaim::UpdatedAt => Some(self.updated_at.seconds().into()),
            PersonalClaim::Email => self.email.as_deref().map(Value::from),
            PersonalClaim::EmailVerified => self.email.as_ref().map(|_| self.email_verified.into()),
        }
    }

    /// What of it `wanted` has told.
    pub fn claims(&self, wanted: impl Fn(PersonalClaim, &Value) -> bool) -> Map<String, Value> {
        let known = PersonalClaim::ALL.iter().filter_map(|claim| Some((*claim, self.claim(*claim)?)));
        known
            .filter(|(claim, value)| wanted(*claim, value))
            .map(|(claim, value)| (claim.as_str().to_owned(), value))
            .collect()
    }

    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }
}
