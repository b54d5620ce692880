//! Letters to people, and whoever carries them: an SMTP server, or the inbox of dev mode.

use async_trait::async_trait;

/// What somebody gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Names it among all that we ever send.
    pub id: String,
    /// A mail address.
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// A BCP 47 tag.
    pub language: &'static str,
}

/// Why a letter did not go out. Holds nothing of it, and no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// It may later.
    #[error("not now: {0}")]
    NotNow(String),
    /// It never will.
    #[error("never: {0}")]
    Never(String),
}

#[async_trait]
pub trait Courier: Send + Sync {
    /// Returns when somebody else has taken over responsibility for the letter.
    async fn deliver(&self, letter: &Letter) -> Result<(), Undelivered>;
}
