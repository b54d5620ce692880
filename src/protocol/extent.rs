//! What is asked for, and given, besides scopes: single claims, the servers that a token is for, and details.

use serde::{Deserialize, Serialize};

use super::authorization_details::AuthorizationDetails;
use super::claims_request::ClaimsRequest;
use super::error::{ErrorCode, Refusal};
use super::jwt::Audience;
use super::parameters::Parameters;
use super::resource;

/// `#[serde(default)]`: one that was stored before it had a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extent {
    pub claims: ClaimsRequest,
    /// [RFC 8707] none: us.
    pub resources: Vec<String>,
    /// [RFC 9396]
    pub details: AuthorizationDetails,
}

impl Extent {
    /// A client for itself, at these servers.
    pub fn of_resources(resources: Vec<String>) -> Self {
        Self { resources, ..Self::default() }
    }

    /// What a token request wants of it [RFC 8707 §2.2, RFC 9396 §6]: the same, or less.
    pub fn narrowed(&self, parameters: &Parameters) -> Result<Self, Refusal> {
        let granted = |uri: &str| self.resources.iter().any(|own| own == uri);
        let resources = resource::asked(parameters, granted)?;
        let details = match parameters.get("authorization_details") {
            None => self.details.clone(),
            Some(_) if self.details.is_empty() => {
                let told = "No authorization_details were granted.";
                return Err(Refusal::new(ErrorCode::InvalidAuthorizationDetails, told));
            }
            Some(text) => self.details.narrowed(text)?,
        };
        let resources = if resources.is_empty() { self.resources.clone() } else { resources };
        Ok(Self { claims: self.claims.clone(), resources, details })
    }

    /// Whom a token of this extent is for [RFC 9068 §3].
    pub fn audience(&self, issuer: &str) -> Audience {
        match self.resources.as_slice() {
            [] => Audience::from(issuer),
            [one] => Audience::from(one.as_str()),
            many => Audience::Many(many.to_vec()),
        }
    }
}
