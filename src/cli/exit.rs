//! How a command ends: documented codes, one line of why.

use std::process::ExitCode;

use crate::app::StartError;
use crate::config::ConfigError;
use crate::store::ephemeral::StoreError;
use crate::store::sql::WriteError;

/// An end other than success.
#[derive(Debug)]
pub(super) struct Exit {
    code: u8,
    message: String,
}

impl Exit {
    pub(super) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(1, message)
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(2, message)
    }

    pub(super) fn config(message: impl Into<String>) -> Self {
        Self::new(3, message)
    }

    pub(super) fn unreachable(message: impl Into<String>) -> Self {
        Self::new(4, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(6, message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(7, message)
    }

    #[expect(clippy::print_stderr, reason = "the last word of a command")]
    pub(super) fn report(self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("nod: {}", self.message);
        }
        ExitCode::from(self.code)
    }
}

impl From<ConfigError> for Exit {
    fn from(error: ConfigError) -> Self {
        Self::config(format!("the configuration has mistakes\n  {}", error.0.join("\n  ")))
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
        }
    }
}
