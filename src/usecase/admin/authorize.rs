//! Who calls the admin API: a client, by a token of its own. Looked at again at each call.

use std::sync::Arc;

use crate::domain::audit::Actor;
use crate::protocol::access_token::Scheme;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::admin_scope::Permissions;
use crate::protocol::error::ErrorCode;
use crate::usecase::Error;
use crate::usecase::admin::{AdminError, Administrator};
use crate::usecase::introspect::Active;
use crate::usecase::use_token::{Presented, Unusable, UseToken};

pub struct Authorize {
    pub tokens: Arc<UseToken>,
}

impl Authorize {
    pub async fn identify(&self, presented: &Presented<'_>) -> Result<Administrator, AdminError> {
        let active = self.tokens.active(presented).await.map_err(|unusable| refused(unusable, presented.scheme))?;
        administrator(&active)
    }

    /// Who has a stream open, as far as they reach now: what the token is bound to was shown when it was opened.
    pub async fn still(&self, token: &str) -> Result<Administrator, AdminError> {
        let active = self.tokens.still_active(token).await.map_err(|unusable| refused(unusable, Scheme::Bearer))?;
        administrator(&active)
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

/// Why a token opens nothing, in the words of this API.
fn refused(unusable: Unusable, scheme: Scheme) -> AdminError {
    match (unusable, scheme) {
        (Unusable::Token(why), _) => invalid(why),
        (Unusable::Unproved(refusal), _) if refusal.code == ErrorCode::UseDpopNonce => {
            AdminErrorCode::UseDpopNonce.into()
        }
        (Unusable::Unproved(refusal), Scheme::Dpop) => {
            AdminError::because(AdminErrorCode::InvalidDpopProof, refusal.detail)
        }
        // Another certificate, or none.
        (Unusable::Unproved(refusal), Scheme::Bearer) => {
            AdminError::because(AdminErrorCode::TokenInvalid, refusal.detail)
        }
        (Unusable::Failed(Error::Unavailable(error)), _) => AdminError::Unavailable(error),
        (Unusable::Failed(Error::TooMany { retry_after } | Error::Busy { retry_after }), _) => {
            AdminError::TooMany { retry_after }
        }
        (Unusable::Failed(Error::Refused(_) | Error::NotYet { .. } | Error::Recorded(_)), _) => {
            invalid("the token could not be looked at")
        }
    }
}
