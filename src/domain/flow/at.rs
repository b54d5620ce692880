//! Where a flow can be.

use serde::{Deserialize, Serialize};

use super::errand::Errand;
use crate::domain::policy::Source;
use crate::domain::session::{Authentication, Session};
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::{SessionId, StepId, UserId};
use crate::protocol::scope::Scope;

/// Where a flow is. What is over says how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum At {
    /// The person is to type what a device shows: nobody knows yet which one it is.
    UserCode,
    /// The person is to look at the device and what it asks for, before anything is proved.
    Device,
    /// The person is to say whether they go on as this one.
    Account(Offered),
    Asking(StepId, Source),
    /// The person does something about their password first.
    Errand(Errand),
    /// The person is to agree to this.
    Consent(Scope),
    /// Nothing is left to ask: the browser may come for the answer, once.
    Ready,
    /// The answer was given to the authentication application, which may ask for it again: sealed, since
    /// it is worth tokens.
    Completed(Vec<u8>),
    /// The browser was sent back to the relying party.
    Left,
    /// The device has what it waited for.
    Connected,
    Failed(Failure),
}

/// Who is signed in already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    pub(super) session: SessionId,
    pub(super) user: UserId,
    pub(super) authentication: Authentication,
}

impl From<&Session> for Offered {
    fn from(session: &Session) -> Self {
        Self { session: session.id, user: session.user, authentication: session.authentication.clone() }
    }
}

/// Why somebody who is signed in is asked all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Again {
    /// They were there too long ago.
    LongAgo,
    /// What they showed then is too little.
    Stronger,
}

/// Why nobody was signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The person gave up.
    Cancelled,
    /// The person did not agree.
    NotAgreed,
    /// The policy ends so.
    ByPolicy,
    /// The policy would let in somebody of whom nothing was proved.
    NothingVerified,
    /// Another person signed in than the relying party means.
    AnotherPerson,
    /// It needs a class of authentication that this was not.
    NotWellEnough,
}

impl Failure {
    /// [RFC 6749 §4.1.2.1]
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::Cancelled => Refusal::new(ErrorCode::AccessDenied, "The person cancelled the sign-in."),
            Self::NotAgreed => Refusal::new(ErrorCode::AccessDenied, "The person did not agree."),
            Self::ByPolicy => Refusal::new(ErrorCode::AccessDenied, "The sign-on policy does not let the person in."),
            Self::AnotherPerson => Refusal::new(ErrorCode::LoginRequired, "Another person signed in."),
            Self::NotWellEnough => Refusal::new(
                ErrorCode::UnmetAuthenticationRequirements,
                "The person cannot be authenticated in a way that acr asks for.",
            ),
            Self::NothingVerified => {
                Refusal::new(ErrorCode::ServerError, "The sign-on policy asks for no proof of anything.")
            }
        }
    }
}
