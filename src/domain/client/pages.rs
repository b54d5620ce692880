//! What people can read about a client.

use serde::{Deserialize, Serialize};

use super::{Client, SelfRegistered};
use crate::protocol::registration::About;

/// Addresses on the web [RFC 7591 §2].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pages {
    pub client_uri: Option<String>,
    pub logo_uri: Option<String>,
    pub policy_uri: Option<String>,
    pub tos_uri: Option<String>,
}

impl Pages {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Said in place of what the client said of itself.
    pub fn said_of(self, own: SelfRegistered) -> SelfRegistered {
        let Self { client_uri, logo_uri, policy_uri, tos_uri } = self;
        SelfRegistered { about: About { client_uri, logo_uri, policy_uri, tos_uri, ..own.about }, ..own }
    }
}

impl Client {
    /// As it says itself where it registered itself, and otherwise as who looks after it does.
    pub fn read_about(&self) -> Pages {
        let Some(SelfRegistered { about, .. }) = &self.registered else { return self.pages.clone() };
        Pages {
            client_uri: about.client_uri.clone(),
            logo_uri: about.logo_uri.clone(),
            policy_uri: about.policy_uri.clone(),
            tos_uri: about.tos_uri.clone(),
        }
    }
}
