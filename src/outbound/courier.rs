//! Messages to people, and whoever carries them: letters by an SMTP server, texts and calls by a provider, all of them by
//! the inbox of dev mode.

use async_trait::async_trait;

use crate::protocol::id::RequestId;

/// What somebody gets by mail.
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
    /// During which sign-in. Nobody is told.
    pub about: Option<RequestId>,
}

/// What somebody gets on a telephone: to be read, or to be listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Names it among all that we ever send, and is the same however often it is handed over.
    pub id: String,
    /// As E.164 has it.
    pub to: String,
    pub says: String,
    pub aloud: bool,
    /// A BCP 47 tag.
    pub language: &'static str,
    /// During which sign-in. Nobody is told.
    pub about: Option<RequestId>,
}

/// Why a message did not go out. Holds nothing of it, and no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// It may later.
    #[error("not now: {0}")]
    NotNow(String),
    /// It may later, and others may now: whoever carries messages works, and has something against this one.
    #[error("not this one now: {0}")]
    NotThis(String),
    /// It never will.
    #[error("never: {0}")]
    Never(String),
    /// It may have gone. Whoever handed it over again could have it sent, and paid for, twice.
    #[error("nobody knows: {0}")]
    Unclear(String),
}

#[async_trait]
pub trait Courier<M: Sync = Letter>: Send + Sync {
    /// Returns when somebody else has taken over responsibility for the message.
    async fn deliver(&self, message: &M) -> Result<(), Undelivered>;

    /// Whether a message that is handed over again, by the same name, is sent once.
    fn knows_repeats(&self) -> bool {
        true
    }
}
