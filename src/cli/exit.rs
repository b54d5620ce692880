//! How a command ends: the exit codes that scripts rely on, and one line of why for people.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::app::StartError;
use crate::cli::terminal::safe;
use crate::config::ConfigError;
use crate::protocol::admin_error::AdminErrorCode;
use crate::store::ephemeral::StoreError;
use crate::store::sql::WriteError;
use crate::usecase::admin::AdminError;

/// An end other than success.
#[derive(Debug)]
pub(super) struct Exit {
    pub why: Why,
    /// Empty when the command's own output says it already.
    message: String,
}

/// Every exit code but 0. They are documented (`docs/cli.md`) and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Something went wrong that has no code of its own; for `nod test`, a rule was broken.
    Failed,
    Usage,
    Config,
    /// Server, database or store.
    Unreachable,
    NotPermitted,
    NotFound,
    Conflict,
    /// Too late, or not in time.
    Expired,
    /// The person said no.
    Denied,
}

impl Why {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::Unreachable => 4,
            Self::NotPermitted => 5,
            Self::NotFound => 6,
            Self::Conflict => 7,
            Self::Expired => 8,
            Self::Denied => 9,
        }
    }
}

impl Exit {
    /// `message` may hold what a server said: it is made harmless when it is shown.
    pub(super) fn new(why: Why, message: impl Into<String>) -> Self {
        Self { why, message: message.into() }
    }

    /// The command has said why already.
    pub(super) const fn told(why: Why) -> Self {
        Self { why, message: String::new() }
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(Why::Failed, message)
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Why::Usage, message)
    }

    pub(super) fn config(message: impl Into<String>) -> Self {
        Self::new(Why::Config, message)
    }

    pub(super) fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Why::Unreachable, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Why::NotFound, message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(Why::Conflict, message)
    }

    /// Says why without ending.
    pub(super) fn warn(self) {
        self.report();
    }

    pub(super) fn report(self) -> ExitCode {
        let lines: Vec<String> = self.message.lines().map(safe).collect();
        if !lines.is_empty() {
            // Where standard error is gone too, the code is all that is left to say.
            let text = lines.join("\n     ").replace("\n     \n", "\n\n");
            let _ = writeln!(io::stderr(), "nod: {text}");
        }
        ExitCode::from(self.why.code())
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What the rules of administration say no to.
impl From<AdminError> for Exit {
    fn from(error: AdminError) -> Self {
        let refusal = match error {
            AdminError::Unavailable(error) => return error.into(),
            AdminError::TooMany { retry_after } => {
                return Self::failed(format!("too many; again in {} s", retry_after.as_secs()));
            }
            AdminError::Refused(refusal) => refusal,
        };
        let title = refusal.code.title();
        match refusal.code {
            AdminErrorCode::NotFound => Self::not_found(title),
            AdminErrorCode::ValidationFailed => {
                let problems = refusal.problems.iter();
                let lines = problems.map(|problem| format!("{}: {}", problem.name(), problem.detail));
                Self::usage(lines.collect::<Vec<_>>().join("\n"))
            }
            AdminErrorCode::ClientExists
            | AdminErrorCode::ClientInUse
            | AdminErrorCode::ClientHasNoSecret
            | AdminErrorCode::UsernameTaken
            | AdminErrorCode::TooManyPairingKeys
            | AdminErrorCode::PolicyExists
            | AdminErrorCode::PolicyInUse
            | AdminErrorCode::ApplicationExists
            | AdminErrorCode::ApplicationInUse
            | AdminErrorCode::NativeApplicationExists
            | AdminErrorCode::NativeApplicationInUse
            | AdminErrorCode::MfaPolicyExists
            | AdminErrorCode::MfaPolicyInUse
            | AdminErrorCode::AlreadyDecided
            | AdminErrorCode::KeyNotRetiring
            | AdminErrorCode::KeyNotKnownYet => Self::conflict(title),
            AdminErrorCode::InvalidRequest
            | AdminErrorCode::InvalidCursor
            | AdminErrorCode::TokenRequired
            | AdminErrorCode::TokenInvalid
            | AdminErrorCode::InvalidDpopProof
            | AdminErrorCode::UseDpopNonce
            | AdminErrorCode::InsufficientScope
            | AdminErrorCode::ScopeNotGrantable
            | AdminErrorCode::BootstrapTokenInvalid
            | AdminErrorCode::MethodNotAllowed
            | AdminErrorCode::RequestTimeout
            | AdminErrorCode::TooManyWebhooks
            | AdminErrorCode::PreconditionFailed
            | AdminErrorCode::IdempotencyKeyReused
            | AdminErrorCode::RequestInProgress
            | AdminErrorCode::OutcomeUnknown
            | AdminErrorCode::BodyTooLarge
            | AdminErrorCode::UnsupportedMediaType
            | AdminErrorCode::TooManyRequests
            | AdminErrorCode::InternalError
            | AdminErrorCode::TemporarilyUnavailable => Self::failed(title),
        }
    }
}

/// The output is gone. Whoever stopped reading it (`nod user list | head -1`) need not be told.
impl From<io::Error> for Exit {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::told(Why::Failed);
        }
        Self::failed(format!("cannot write the output: {error}"))
    }
}

impl From<ConfigError> for Exit {
    fn from(error: ConfigError) -> Self {
        Self::config(error.to_string())
    }
}

impl From<StoreError> for Exit {
    fn from(error: StoreError) -> Self {
        Self::unreachable(error.to_string())
    }
}

impl From<WriteError> for Exit {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Taken(what) => Self::conflict(format!("exists already ({what})")),
            WriteError::Store(error) => error.into(),
        }
    }
}

impl From<StartError> for Exit {
    fn from(error: StartError) -> Self {
        match error {
            StartError::MasterKey(_) | StartError::Issuer(_) => Self::config(error.to_string()),
            StartError::Store(error) => error.into(),
            StartError::Pages(_) => Self::failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_a_promise() {
        let codes = [
            (Why::Failed, 1),
            (Why::Usage, 2),
            (Why::Config, 3),
            (Why::Unreachable, 4),
            (Why::NotPermitted, 5),
            (Why::NotFound, 6),
            (Why::Conflict, 7),
            (Why::Expired, 8),
            (Why::Denied, 9),
        ];
        for (why, code) in codes {
            assert_eq!(why.code(), code, "{why:?}");
        }
    }
}
