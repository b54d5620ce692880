//! Who calls the admin API: a client, by a token of its own. Looked at again at each call.

use std::sync::Arc;

use crate::domain::audit::Actor;
use crate::domain::profile::Profiles;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::admin_scope::Permissions;
use crate::protocol::error::ErrorCode;
use crate::usecase::Error;
use crate::usecase::admin::{AdminError, Administrator};
use crate::usecase::introspect::{Active, Introspect};
use crate::usecase::prove_possession::{ProvePossession, Shown};

pub struct Authorize {
    pub introspect: Arc<Introspect>,
    pub prove: Arc<ProvePossession>,
    pub profiles: Profiles,
}

impl Authorize {
    /// `shown`: how the token came, where it did not come as a bearer token.
    pub async fn identify(&self, token: &str, shown: Option<&Shown<'_>>) -> Result<Administrator, AdminError> {
        let active = self.active(token).await?;
        match (shown, active.bound_to) {
            // [FAPI 2 §5.3.2.1] one that was given before the client was held to more.
            (None, None) if self.profiles.of(&active.client).bound => {
                Err(invalid("a bearer token, and the security profile demands bound ones"))
            }
            (None, None) => administrator(&active),
            (Some(shown), Some(bound_to)) => {
                let allowed = self.profiles.of(&active.client).algorithms;
                self.prove.of_holder(bound_to, shown, allowed).await.map_err(unproved)?;
                administrator(&active)
            }
            // [RFC 9449 §7.2] a bound one is worth nothing without its proof.
            (None, Some(_)) => Err(invalid("a bound token without its proof")),
            (Some(_), None) => Err(invalid("the token is bound to no key")),
        }
    }

    /// Who has a stream open, as far as they reach now: what the token is bound to was shown when it was opened.
    pub async fn still(&self, token: &str) -> Result<Administrator, AdminError> {
        administrator(&self.active(token).await?)
    }

    async fn active(&self, token: &str) -> Result<Active, AdminError> {
        Ok(self.introspect.here(token).await?.ok_or(AdminErrorCode::TokenInvalid)?)
    }
}

fn administrator(active: &Active) -> Result<Administrator, AdminError> {
    // No person is an administrator yet, whatever their token says.
    if active.person.is_some() {
        return Err(invalid("the token is a person's"));
    }
    // What the client may ask for may have been cut since.
    let permissions = Permissions::of(&active.scope).within(&Permissions::of(&active.client.scope));
    Ok(Administrator { actor: Actor::Client(active.client.id.clone()), permissions })
}

fn invalid(why: &'static str) -> AdminError {
    AdminError::because(AdminErrorCode::TokenInvalid, why)
}

/// Why a proof shows nothing, in the words of this API.
fn unproved(error: Error) -> AdminError {
    match error {
        Error::Refused(refusal) if refusal.code == ErrorCode::UseDpopNonce => AdminErrorCode::UseDpopNonce.into(),
        Error::Refused(refusal) => AdminError::because(AdminErrorCode::InvalidDpopProof, refusal.detail),
        Error::Unavailable(error) => AdminError::Unavailable(error),
        Error::TooMany { retry_after } => AdminError::TooMany { retry_after },
        Error::NotYet { .. } | Error::Recorded(_) | Error::Busy { .. } => AdminErrorCode::InvalidDpopProof.into(),
    }
}
