//! What is asked for, and given, besides scopes: single claims, the servers that a token is for, and details.

use serde::{Deserialize, Serialize};

use super::authorization_details::AuthorizationDetails;
use super::claims_request::ClaimsRequest;
use super::error::{ErrorCode, Refusal};
use super::jwt::Audience;
use super::parameters::Parameters;
use super::resource;
use super::scope::Scope;

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
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty() && self.resources.is_empty() && self.details.is_empty()
    }

    /// A client for itself, at these servers.
    pub fn of_resources(resources: Vec<String>) -> Self {
        Self { resources, ..Self::default() }
    }

    /// What is left of it for whoever may have this now. `None`: it named servers, or details, and all of them
    /// are gone. Without any, it would be good for us.
    pub fn left(self, scope: &Scope, server: impl Fn(&str) -> bool, detail: impl Fn(&str) -> bool) -> Option<Self> {
        let Self { claims, mut resources, details } = self;
        let (named, detailed) = (!resources.is_empty(), !details.is_empty());
        resources.retain(|uri| server(uri));
        let left = Self { claims: claims.only(|name| scope.contains(name)), resources, details: details.only(detail) };
        ((!named || !left.resources.is_empty()) && (!detailed || !left.details.is_empty())).then_some(left)
    }

    /// What a token request wants of it [RFC 8707 §2.2, RFC 9396 §6]. `None`: all.
    pub fn narrowed(&self, parameters: &Parameters) -> Result<Option<Self>, Refusal> {
        let granted = |uri: &str| self.resources.iter().any(|own| own == uri);
        let resources = resource::asked(parameters, granted)?;
        let details = match parameters.get("authorization_details") {
            None if resources.is_empty() => return Ok(None),
            None => self.details.clone(),
            Some(_) if self.details.is_empty() => {
                let told = "No authorization_details were granted.";
                return Err(Refusal::new(ErrorCode::InvalidAuthorizationDetails, told));
            }
            Some(text) => self.details.narrowed(text)?,
        };
        let resources = if resources.is_empty() { self.resources.clone() } else { resources };
        Ok(Some(Self { claims: self.claims.clone(), resources, details }))
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
