//! What may be changed of how browsers are remembered.

use serde::{Deserialize, Serialize};

use super::{whole, within};
use crate::domain::mfa_policy::RememberMe;
use crate::usecase::admin::client_metadata::Problems;

/// Times in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RememberMeWish {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub lifetime: Option<u32>,
}

impl RememberMeWish {
    pub(super) const fn of(remember_me: RememberMe) -> Self {
        let RememberMe { enabled, lifetime } = remember_me;
        Self { enabled: Some(enabled), lifetime: Some(lifetime) }
    }

    pub(super) fn remember_me(&self, problems: &mut Problems) -> RememberMe {
        let usual = RememberMe::default();
        let wished = self.lifetime.unwrap_or(usual.lifetime);
        let range = ("/remember_me/lifetime", "3600 to 7776000 seconds.");
        RememberMe {
            enabled: self.enabled.unwrap_or(usual.enabled),
            lifetime: within(range, wished, RememberMe::LIFETIME, problems),
        }
    }
}
