//! What people can read about a client, as an administrator says [RFC 7591 §2].

use super::{ClientMetadata, Problems};
use crate::domain::client::Pages;
use crate::protocol::admin_error::FieldCode;
use crate::protocol::registration::is_page;

impl ClientMetadata {
    pub(super) fn pages(&self, problems: &mut Problems) -> Pages {
        let mut page = |pointer, given: &Option<String>| {
            if given.as_deref().is_some_and(|text| !is_page(text)) {
                problems.add(
                    pointer,
                    FieldCode::Invalid,
                    "An https URL of at most 400 characters, without credentials.",
                );
            }
            given.clone()
        };
        Pages {
            client_uri: page("/client_uri", &self.client_uri),
            logo_uri: page("/logo_uri", &self.logo_uri),
            policy_uri: page("/policy_uri", &self.policy_uri),
            tos_uri: page("/tos_uri", &self.tos_uri),
        }
    }
}
