//! Somebody uses an access token at this server: whether it is good for anything here, and whether they have what it is
//! bound to. One rule for everything that tokens open here.

use std::sync::Arc;

use crate::domain::profile::Profiles;
use crate::protocol::access_token::Scheme;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::store::ephemeral::StoreError;
use crate::usecase::Error;
use crate::usecase::introspect::{Active, Introspect};
use crate::usecase::prove_possession::{ProvePossession, Shown};

pub struct UseToken {
    pub introspect: Arc<Introspect>,
    pub prove: Arc<ProvePossession>,
    pub profiles: Profiles,
}

/// A token as it came.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    pub scheme: Scheme,
    pub token: &'a str,
    pub shown: Shown<'a>,
}

/// Why a token opens nothing.
#[derive(Debug)]
pub enum Unusable {
    /// It is not active here, or came another way than what it is bound to asks for. For the log.
    Token(&'static str),
    /// What came along does not show that whoever uses it has what it is bound to.
    Unproved(Refusal),
    /// There is no telling.
    Failed(Error),
}

const INVALID: Refusal = Refusal::new(ErrorCode::InvalidToken, "The access token is not valid, or no longer.");

impl From<Unusable> for Error {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Token(why) => INVALID.because(why).into(),
            Unusable::Unproved(refusal) => refusal.into(),
            Unusable::Failed(error) => error,
        }
    }
}

impl From<StoreError> for Unusable {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl UseToken {
    /// Of somebody who has shown what it is bound to when they came with it.
    pub async fn still_active(&self, token: &str) -> Result<Active, Unusable> {
        let active = self.introspect.here(token).await?;
        let active = active.ok_or(Unusable::Token("unknown, ended, or for other servers"))?;
        // [FAPI 2 §5.3.2.1] one that was given before the client was held to more.
        if active.bound_to.is_none() && self.profiles.of(&active.client).bound {
            return Err(Unusable::Token("a bearer token, and the security profile demands bound ones"));
        }
        Ok(active)
    }

    pub async fn active(&self, presented: &Presented<'_>) -> Result<Active, Unusable> {
        let active = self.still_active(presented.token).await?;
        let demands = self.profiles.of(&active.client);
        match (presented.scheme, active.bound_to) {
            (Scheme::Bearer, None) => Ok(active),
            // [RFC 8705 §3] has no scheme of its own.
            (Scheme::Dpop, Some(bound_to @ Confirmation::Key(_)))
            | (Scheme::Bearer, Some(bound_to @ Confirmation::Certificate(_))) => {
                let proved = self.prove.of_holder(bound_to, &presented.shown, demands.algorithms).await;
                proved.map_err(|error| match error {
                    Error::Refused(refusal) => Unusable::Unproved(refusal),
                    other @ (Error::NotYet { .. }
                    | Error::Recorded(_)
                    | Error::TooMany { .. }
                    | Error::Busy { .. }
                    | Error::Unavailable(_)) => Unusable::Failed(other),
                })?;
                Ok(active)
            }
            // [RFC 9449 §7.2] whoever has lost the key, or never had it, tries so.
            (Scheme::Bearer, Some(Confirmation::Key(_))) => Err(Unusable::Token("a bound token without its proof")),
            (Scheme::Dpop, Some(Confirmation::Certificate(_)) | None) => Err(Unusable::Token("bound to no key")),
        }
    }
}
