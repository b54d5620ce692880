//! Authentication applications: pages of the operator's own that show the sign-in in place of ours. They
//! see what people type, so they are registered, and only their origins may call the flow API.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::protocol::id::{ApplicationId, ClientId};
use crate::protocol::origin::{AllowedOrigin, ApplicationUrl};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    pub id: ApplicationId,
    /// For operators.
    pub name: String,
    pub url: ApplicationUrl,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_allowed_origins: Vec<AllowedOrigin>,
    /// The client whose flows without a browser it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_for_redirectless_mode: Option<ClientId>,
    pub created_at: Timestamp,
}

impl Application {
    /// Whether a page of this origin is one of the application's.
    pub fn admits(&self, origin: &str) -> bool {
        self.url.origin() == origin || self.additional_allowed_origins.iter().any(|allowed| allowed.accepts(origin))
    }
}
