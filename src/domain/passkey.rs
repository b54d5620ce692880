//! The key of a person on one of their devices, or synchronised among them.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::protocol::id::{DeviceId, PasskeyId, SessionId, UserId};
use crate::protocol::webauthn::{Asked, CredentialId, Key, LIFETIME};

/// As many as a person may have.
pub const MOST: u32 = 20;

/// In characters.
const LONGEST_NAME: usize = 64;
/// What a passkey is called that nobody has named.
const UNNAMED: &str = "Passkey";

#[derive(Clone, Debug)]
pub struct Passkey {
    pub id: PasskeyId,
    pub user: UserId,
    pub credential: CredentialId,
    pub key: Key,
    pub sign_count: u32,
    pub name: PasskeyName,
    /// It can be copied to other devices of the person.
    pub backup_eligible: bool,
    pub backed_up: bool,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

impl Passkey {
    /// As a device of the person, where a second factor is asked for.
    pub const fn device(&self) -> DeviceId {
        DeviceId::new(self.id.uuid())
    }
}

/// A passkey is asked for as a second factor, in one flow. What it is to sign, the flow has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asserting {
    /// On which the person could be asked, the primary one first.
    pub devices: Vec<DeviceId>,
    /// The passkey.
    pub selected: DeviceId,
}

/// What a person calls it, to know it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyName(String);

impl PasskeyName {
    /// `None`: empty, too long, or with control characters.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (1..=LONGEST_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }

    /// The same of a key that is made already. Nobody makes another one for want of a name: blank, it has a usual one.
    pub fn of_made(text: Option<&str>) -> Option<Self> {
        let named = text.filter(|text| !text.trim().is_empty());
        Self::parse(named.unwrap_or(UNNAMED))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a browser was asked to have signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceremony {
    pub purpose: Purpose,
    pub asked: Asked,
    pub begun_at: Timestamp,
}

impl Ceremony {
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.begun_at + LIFETIME
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To make a passkey.
    Register,
    /// To show who it is.
    Prove,
}

/// One that somebody who is signed in began on the pages of their account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfAccount {
    pub session: SessionId,
    pub ceremony: Ceremony,
    /// Whatever came of it: a challenge is for one try.
    pub used: bool,
}

impl OfAccount {
    /// The ceremony, for the first who comes with it.
    #[must_use]
    pub fn taken(self, session: SessionId, purpose: Purpose, now: Timestamp) -> (Self, Option<Ceremony>) {
        let fits =
            !self.used && self.session == session && self.ceremony.purpose == purpose && self.ceremony.is_live(now);
        let ceremony = fits.then(|| self.ceremony.clone());
        (Self { used: true, ..self }, ceremony)
    }
}
