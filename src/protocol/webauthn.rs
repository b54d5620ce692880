//! Passkeys [Web Authentication, Level 2]: what is asked of a browser, and whether what it brings was made for
//! us, now, by the key that we know.
//!
//! The only file that calls webauthn-rs, which reads and verifies what authenticators write (docs/adr/0025). No
//! attestation is asked for: a credential is worth what the session is worth in which it was registered.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::{Host, Url};
use uuid::Uuid;
use webauthn_rs::prelude::{
    Credential, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnBuilder, WebauthnError,
};

use super::redirect_uri::is_this_machine;

#[cfg(test)]
mod tests;

/// How long a challenge is good for.
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);

const KIND: &str = "public-key";

/// [WebAuthn §4, credential ID] as long as one may be.
const LONGEST_ID: usize = 1023;

/// What an authenticator calls a credential. Not secret; known to nobody whom it is not told.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialId({})", self.text())
    }
}

/// Whose the credentials are: the host of the issuer.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    id: String,
    origin: String,
    library: Webauthn,
}

impl RelyingParty {
    /// `None`: browsers have no credentials for an address without a name, or without TLS.
    pub fn of_issuer(issuer: &str) -> Option<Self> {
        let url = Url::parse(issuer).ok()?;
        let Some(Host::Domain(id)) = url.host() else { return None };
        let safe = url.scheme() == "https" || id == "localhost";
        let library = library(id, &url).filter(|_| safe)?;
        Some(Self { id: id.to_owned(), origin: url.origin().ascii_serialization(), library })
    }

    /// `rpId` [WebAuthn §5.1.2].
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Of our own pages.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether browsers let pages of this origin use our credentials: it is our host, or one below it.
    pub fn admits(&self, origin: &str) -> bool {
        let Ok(url) = Url::parse(origin) else { return false };
        let host = url.host_str().unwrap_or_default();
        let below = host.strip_suffix(&self.id).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        below && (url.scheme() == "https" || is_this_machine(&url))
    }

    /// Asks for a signature of one of `allowed`; without any, of whatever credential of ours the person has.
    ///
    /// To the library each is a credential that is found by what answers: so what it is compared with is what we
    /// know of it when it answers, and not when it was asked.
    pub fn ask(&self, allowed: &[CredentialId]) -> Option<Asked> {
        let (asked, state) = self.library.start_discoverable_authentication().ok()?;
        let mut options = object(&asked.public_key)?;
        options.insert("allowCredentials".to_owned(), descriptors(allowed));
        Asked::new(options, &state)
    }

    /// Asks for a new credential. Authenticators that have one of `excluded` make no second one.
    pub fn ask_for_new(&self, owner: Owner<'_>, excluded: &[CredentialId]) -> Option<Asked> {
        let Owner { handle, username, name } = owner;
        let (asked, state) = self.library.start_passkey_registration(handle, username, name, None).ok()?;
        let mut options = object(&asked.public_key)?;
        options.insert("excludeCredentials".to_owned(), descriptors(excluded));
        // The library asks for no more than a signature by whoever is named. Ours signs in without a name, so the
        // authenticator has to find it by ours alone.
        let selection = json!({
            "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
        });
        options.insert("authenticatorSelection".to_owned(), selection);
        Asked::new(options, &state)
    }

    /// What verifies what a page of `origin` brings, and of no other.
    fn of_page(&self, origin: &str) -> Result<Webauthn, Unproved> {
        let url = Url::parse(origin).ok().filter(|_| self.admits(origin));
        url.and_then(|url| library(&self.id, &url)).ok_or(Unproved::Origin)
    }
}

fn library(id: &str, origin: &Url) -> Option<Webauthn> {
    WebauthnBuilder::new(id, origin).ok()?.timeout(LIFETIME).build().ok()
}

fn object(options: &impl Serialize) -> Option<Map<String, Value>> {
    let Value::Object(object) = serde_json::to_value(options).ok()? else { return None };
    // Members that are `null` are no member to a browser, and an error to some.
    Some(object.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

fn descriptors(ids: &[CredentialId]) -> Value {
    ids.iter().map(|id| json!({ "type": KIND, "id": id.text() })).collect()
}

/// For whom a credential is made.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// [WebAuthn §14.6.1] nothing that says who it is.
    pub handle: Uuid,
    pub username: &'a str,
    pub name: &'a str,
}

/// What a browser was asked, and what the library needs to judge the answer. One is for one try.
///
/// The library writes the latter only by a feature that it calls a danger: whoever could change it, or bring it
/// twice, would choose the challenge. It never leaves our side: it rests in the store, in the flow or the session
/// that asked, is taken out by whoever comes first, and is replaced when it was of no use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Both in JSON: the library's types are not for the format that the store has.
    options: String,
    state: String,
}

impl Asked {
    fn new(options: Map<String, Value>, state: &impl Serialize) -> Option<Self> {
        let options = Value::Object(options).to_string();
        Some(Self { options, state: serde_json::to_string(state).ok()? })
    }

    /// For `navigator.credentials.get` or `.create` [WebAuthn §5.4, §5.5], as `parseRequestOptionsFromJSON` and
    /// `parseCreationOptionsFromJSON` read it.
    pub fn options(&self) -> Value {
        serde_json::from_str(&self.options).unwrap_or_default()
    }

    fn state<'a, S: Deserialize<'a>>(&'a self) -> Result<S, Unproved> {
        // What was asked was something else.
        serde_json::from_str(&self.state).map_err(|_| Unproved::Ceremony)
    }
}

/// What has to be true of whatever a browser brings.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub party: &'a RelyingParty,
    /// Of the page that asked.
    pub origin: &'a str,
    pub asked: &'a Asked,
}

/// Why it is not true. For the log: whoever brings it learns that it was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproved {
    Malformed,
    Ceremony,
    Challenge,
    Origin,
    Framed,
    RelyingParty,
    NotPresent,
    NotVerified,
    Signature,
    Counter,
    Backup,
    Key,
    User,
}

impl Unproved {
    pub const fn why(self) -> &'static str {
        match self {
            Self::Malformed => "not what a browser makes of a credential",
            Self::Ceremony => "made for another ceremony",
            Self::Challenge => "made for another challenge",
            Self::Origin => "made on a page of another origin",
            Self::Framed => "made in a frame of another origin",
            Self::RelyingParty => "made for another relying party",
            Self::NotPresent => "nobody was present",
            Self::NotVerified => "the authenticator did not verify the person",
            Self::Signature => "the signature is not that of the credential",
            Self::Counter => "the signature counter went back: the credential may have been copied",
            Self::Backup => "what the authenticator says of copies is not possible",
            Self::Key => "a key of a kind that was not asked for",
            Self::User => "the passkey is another person's",
        }
    }
}

impl From<WebauthnError> for Unproved {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's, which has many that cannot come here")]
    fn from(error: WebauthnError) -> Self {
        match error {
            WebauthnError::InvalidClientDataType => Self::Ceremony,
            WebauthnError::MismatchedChallenge => Self::Challenge,
            WebauthnError::InvalidRPOrigin => Self::Origin,
            WebauthnError::CredentialCrossOrigin => Self::Framed,
            WebauthnError::InvalidRPIDHash => Self::RelyingParty,
            WebauthnError::UserNotPresent => Self::NotPresent,
            WebauthnError::UserNotVerified => Self::NotVerified,
            WebauthnError::AuthenticationFailure => Self::Signature,
            WebauthnError::CredentialPossibleCompromise => Self::Counter,
            WebauthnError::CredentialBackupEligibilityInconsistent => Self::Backup,
            WebauthnError::CredentialAlteredAlgFromRequest
            | WebauthnError::COSEKeyInvalidAlgorithm
            | WebauthnError::COSEKeyInvalidType
            | WebauthnError::COSEKeyEDUnsupported
            | WebauthnError::COSEKeyECDSAInvalidCurve => Self::Key,
            _ => Self::Malformed,
        }
    }
}

/// [WebAuthn §5.8.1] what was signed along with the authenticator's own data: as much as we look at ourselves.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(default)]
    cross_origin: bool,
}

impl ClientData {
    /// The library looks at it where a credential is made, and not where one answers. None of our pages lets itself
    /// be shown in another one's.
    fn is_framed(json: &[u8]) -> Result<bool, Unproved> {
        serde_json::from_slice(json).map(|data: Self| data.cross_origin).map_err(|_| Unproved::Malformed)
    }
}

/// A credential that answers, as browsers write it in JSON. Nothing in it is believed.
#[derive(Debug)]
pub struct Assertion {
    id: CredentialId,
    credential: PublicKeyCredential,
}

/// The credential that we know by that name.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub key: &'a Key,
    pub sign_count: u32,
    pub backup_eligible: bool,
    /// Of its owner.
    pub handle: Uuid,
    /// Whoever answers has proved before to be somebody. Otherwise, nothing but the handle says who it is.
    pub named: bool,
}

/// Somebody whom the authenticator has verified had the key in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proved {
    pub sign_count: u32,
    pub backed_up: bool,
}

impl Assertion {
    pub fn parse(json: &str) -> Result<Self, Unproved> {
        let credential: PublicKeyCredential = serde_json::from_str(json).map_err(|_| Unproved::Malformed)?;
        if credential.type_ != KIND {
            return Err(Unproved::Malformed);
        }
        Ok(Self { id: CredentialId::new(credential.raw_id.clone()), credential })
    }

    /// Which credential it says to be of.
    pub const fn id(&self) -> &CredentialId {
        &self.id
    }

    /// [WebAuthn §7.2]
    pub fn verify(&self, expected: &Expected<'_>, known: &Known<'_>) -> Result<Proved, Unproved> {
        // Step 6, which the library leaves to us: an authenticator that says whose it is says the truth.
        let handle = self.credential.response.user_handle.as_deref();
        if handle.map_or(!known.named, |handle| handle != known.handle.as_bytes()) {
            return Err(Unproved::User);
        }
        if ClientData::is_framed(&self.credential.response.client_data_json)? {
            return Err(Unproved::Framed);
        }
        let state: DiscoverableAuthentication = expected.asked.state()?;
        let library = expected.party.of_page(expected.origin)?;
        let key = known.key.counted(known.sign_count);
        // It asserts that the person was verified.
        let result = library.finish_discoverable_authentication_v2(&self.credential, state, &key)?;
        let (eligible, backed_up) = (result.backup_eligible(), result.backup_state());
        // [WebAuthn §6.1.3] what can be copied is so from the beginning; the library forgives it.
        if eligible != known.backup_eligible || !possible(eligible, backed_up) {
            return Err(Unproved::Backup);
        }
        // Step 21, after the signature: a counter that nobody signed says nothing. Those that do not count say
        // nought, always. The library looks at it too, and leaves it to us in its documentation.
        let counts = result.counter() > 0 || known.sign_count > 0;
        if counts && result.counter() <= known.sign_count {
            return Err(Unproved::Counter);
        }
        Ok(Proved { sign_count: result.counter(), backed_up })
    }
}

/// A credential that was just made, as browsers write it in JSON.
#[derive(Debug)]
pub struct Attestation(RegisterPublicKeyCredential);

/// What there is to keep of it.
#[derive(Clone, Debug)]
pub struct NewCredential {
    pub id: CredentialId,
    pub key: Key,
    pub sign_count: u32,
    pub backup_eligible: bool,
    pub backed_up: bool,
}

/// The public key of a credential, as the library keeps it. What changes with each use is kept beside it.
#[derive(Clone, Debug)]
pub struct Key(Credential);

impl Key {
    /// `None`: it is none, or one of a kind that is verified no more.
    pub fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// As it is kept.
    pub fn text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    fn counted(&self, counter: u32) -> Passkey {
        Passkey::from(Credential { counter, ..self.0.clone() })
    }
}

impl Attestation {
    pub fn parse(json: &str) -> Result<Self, Unproved> {
        let credential: RegisterPublicKeyCredential = serde_json::from_str(json).map_err(|_| Unproved::Malformed)?;
        if credential.type_ == KIND { Ok(Self(credential)) } else { Err(Unproved::Malformed) }
    }

    /// [WebAuthn §7.1]
    pub fn verify(&self, expected: &Expected<'_>) -> Result<NewCredential, Unproved> {
        let state: PasskeyRegistration = expected.asked.state()?;
        let library = expected.party.of_page(expected.origin)?;
        // As there.
        let credential = Credential::from(library.finish_passkey_registration(&self.0, &state)?);
        if !possible(credential.backup_eligible, credential.backup_state) {
            return Err(Unproved::Backup);
        }
        if !(1..=LONGEST_ID).contains(&credential.cred_id.len()) {
            return Err(Unproved::Malformed);
        }
        Ok(NewCredential {
            id: CredentialId::new(credential.cred_id.clone()),
            sign_count: credential.counter,
            backup_eligible: credential.backup_eligible,
            backed_up: credential.backup_state,
            key: Key(credential),
        })
    }
}

/// [WebAuthn §6.1.3] what cannot be copied was not.
const fn possible(eligible: bool, backed_up: bool) -> bool {
    eligible || !backed_up
}
