//! How browsers are remembered, as administrators read and write it.

use poem_openapi::Object;

use crate::domain::mfa_policy::RememberMe;

/// Browsers in which somebody has shown a second factor.
#[derive(Clone, Debug, Object)]
#[oai(rename = "MfaRememberMe", skip_serializing_if_is_none)]
pub struct RememberMeBody {
    /// Whether the person may say that none is asked of them there for some time. `false` when left out.
    pub enabled: Option<bool>,
    /// For so many seconds, 2592000 when left out.
    #[oai(validator(minimum(value = "3600"), maximum(value = "7776000")))]
    pub lifetime: Option<u32>,
}

impl From<RememberMe> for RememberMeBody {
    fn from(remember_me: RememberMe) -> Self {
        Self { enabled: Some(remember_me.enabled), lifetime: Some(remember_me.lifetime) }
    }
}
