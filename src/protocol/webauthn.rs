//! Passkeys [Web Authentication, Level 2]: what is asked of a browser, and whether what it brings was made for
//! us, now, by the key that we know.
//!
//! Pure. No attestation is asked for, so none is believed: a credential is worth what the session is worth in
//! which it was registered (docs/adr/0024).

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::{Host, Url};

use self::authenticator_data::{AuthenticatorData, Flags};
use self::cbor::Reader;
pub use self::key::PublicKey;
use super::redirect_uri::is_this_machine;
use crate::secret::{constant_time_eq, sha256};

mod authenticator_data;
mod cbor;
mod key;
#[cfg(test)]
mod tests;

/// How long a challenge is good for.
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// What a browser is to have signed [WebAuthn §13.4.3]. One is for one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge([u8; 32]);

impl Challenge {
    pub const fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// What an authenticator calls a credential. Not secret; known to nobody whom it is not told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

impl RelyingParty {
    /// `None`: browsers have no credentials for an address without a name, or without TLS.
    pub fn of_issuer(issuer: &str) -> Option<Self> {
        let url = Url::parse(issuer).ok()?;
        let Some(Host::Domain(id)) = url.host() else { return None };
        let safe = url.scheme() == "https" || id == "localhost";
        safe.then(|| Self { id: id.to_owned(), origin: url.origin().ascii_serialization() })
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
}

/// What a page gives to `navigator.credentials.get` [WebAuthn §5.5], as `parseRequestOptionsFromJSON` reads it.
/// Without `allowed`, any credential of ours that the person has.
pub fn request_options(party: &RelyingParty, challenge: Challenge, allowed: &[CredentialId]) -> Value {
    json!({
        "challenge": challenge.text(),
        "timeout": timeout(),
        "rpId": party.id,
        "userVerification": "required",
        "allowCredentials": descriptors(allowed),
    })
}

/// For whom a credential is made.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// [WebAuthn §14.6.1] nothing that says who it is.
    pub handle: &'a [u8],
    pub username: &'a str,
    pub name: &'a str,
}

/// What a page gives to `navigator.credentials.create` [WebAuthn §5.4], as `parseCreationOptionsFromJSON` reads
/// it. Authenticators that have one of `excluded` make no second one.
pub fn creation_options(
    party: &RelyingParty,
    challenge: Challenge,
    owner: Owner<'_>,
    excluded: &[CredentialId],
) -> Value {
    let algorithms = key::ALGORITHMS.map(|alg| json!({ "type": KIND, "alg": alg }));
    json!({
        "rp": { "id": party.id, "name": party.id },
        "user": { "id": URL_SAFE_NO_PAD.encode(owner.handle), "name": owner.username, "displayName": owner.name },
        "challenge": challenge.text(),
        "pubKeyCredParams": algorithms,
        "timeout": timeout(),
        "excludeCredentials": descriptors(excluded),
        "authenticatorSelection": {
            "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
        },
        "attestation": "none",
    })
}

const KIND: &str = "public-key";

fn timeout() -> u64 {
    LIFETIME.as_secs() * 1000
}

fn descriptors(ids: &[CredentialId]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "type": KIND, "id": id.text() })).collect()
}

/// What has to be true of whatever a browser brings.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub party: &'a RelyingParty,
    /// Of the page that asked.
    pub origin: &'a str,
    pub challenge: Challenge,
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

/// [WebAuthn §5.8.1] what was signed along with the authenticator's own data.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// A credential that answers, as browsers write it in JSON. Nothing in it is believed.
#[derive(Debug)]
pub struct Assertion {
    id: CredentialId,
    user_handle: Option<Vec<u8>>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

/// The credential that we know by that name.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub key: &'a PublicKey,
    pub sign_count: u32,
    pub backup_eligible: bool,
    /// Of its owner.
    pub handle: &'a [u8],
}

/// Somebody whom the authenticator has verified had the key in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proved {
    pub sign_count: u32,
    pub backed_up: bool,
}

#[derive(Deserialize)]
struct Json<R> {
    id: String,
    r#type: String,
    response: R,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssertionJson {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

impl Assertion {
    pub fn parse(json: &str) -> Result<Self, Unproved> {
        let Json { id, r#type: kind, response } =
            serde_json::from_str::<Json<AssertionJson>>(json).map_err(|_| Unproved::Malformed)?;
        if kind != KIND {
            return Err(Unproved::Malformed);
        }
        Ok(Self {
            id: CredentialId(decoded(&id)?),
            user_handle: response.user_handle.as_deref().map(decoded).transpose()?,
            client_data: decoded(&response.client_data)?,
            authenticator_data: decoded(&response.authenticator_data)?,
            signature: decoded(&response.signature)?,
        })
    }

    /// Which credential it says to be of.
    pub const fn id(&self) -> &CredentialId {
        &self.id
    }

    /// [WebAuthn §7.2]
    pub fn verify(&self, expected: &Expected<'_>, known: &Known<'_>) -> Result<Proved, Unproved> {
        expected.ceremony(&self.client_data, "webauthn.get")?;
        // Step 6: an authenticator that says whose it is says the truth.
        if self.user_handle.as_deref().is_some_and(|handle| handle != known.handle) {
            return Err(Unproved::User);
        }
        let data = AuthenticatorData::parse(&self.authenticator_data).ok_or(Unproved::Malformed)?;
        expected.authenticator(&data)?;
        if data.flags.backup_eligible() != known.backup_eligible {
            return Err(Unproved::Backup);
        }
        let message = [&self.authenticator_data[..], &sha256(&self.client_data)].concat();
        if !known.key.verifies(&message, &self.signature) {
            return Err(Unproved::Signature);
        }
        // Step 21, after the signature: a counter that nobody signed says nothing. Those that do not count say
        // nought, always.
        let counts = data.sign_count > 0 || known.sign_count > 0;
        if counts && data.sign_count <= known.sign_count {
            return Err(Unproved::Counter);
        }
        Ok(Proved { sign_count: data.sign_count, backed_up: data.flags.backed_up() })
    }
}

/// A credential that was just made, as browsers write it in JSON.
#[derive(Debug)]
pub struct Attestation {
    id: CredentialId,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    transports: Vec<String>,
}

/// What there is to keep of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredential {
    pub id: CredentialId,
    pub key: PublicKey,
    pub sign_count: u32,
    pub aaguid: [u8; 16],
    pub backup_eligible: bool,
    pub backed_up: bool,
    pub transports: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttestationJson {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
    #[serde(default)]
    transports: Vec<String>,
}

impl Attestation {
    pub fn parse(json: &str) -> Result<Self, Unproved> {
        let Json { id, r#type: kind, response } =
            serde_json::from_str::<Json<AttestationJson>>(json).map_err(|_| Unproved::Malformed)?;
        if kind != KIND {
            return Err(Unproved::Malformed);
        }
        let object = decoded(&response.attestation_object)?;
        // Hints for browsers: what is no such word is left out.
        let plain = |text: &String| text.len() <= 32 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        Ok(Self {
            id: CredentialId(decoded(&id)?),
            client_data: decoded(&response.client_data)?,
            authenticator_data: attested(&object).ok_or(Unproved::Malformed)?.to_vec(),
            transports: response.transports.into_iter().filter(plain).take(8).collect(),
        })
    }

    /// [WebAuthn §7.1]
    pub fn verify(self, expected: &Expected<'_>) -> Result<NewCredential, Unproved> {
        expected.ceremony(&self.client_data, "webauthn.create")?;
        let data = AuthenticatorData::parse(&self.authenticator_data).ok_or(Unproved::Key)?;
        expected.authenticator(&data)?;
        let Some(made) = data.made else { return Err(Unproved::Malformed) };
        if made.id != self.id.as_bytes() {
            return Err(Unproved::Malformed);
        }
        Ok(NewCredential {
            id: self.id,
            key: made.key,
            sign_count: data.sign_count,
            aaguid: made.aaguid,
            backup_eligible: data.flags.backup_eligible(),
            backed_up: data.flags.backed_up(),
            transports: self.transports,
        })
    }
}

impl Expected<'_> {
    fn ceremony(&self, client_data: &[u8], kind: &str) -> Result<(), Unproved> {
        let data: ClientData = serde_json::from_slice(client_data).map_err(|_| Unproved::Malformed)?;
        if data.r#type != kind {
            return Err(Unproved::Ceremony);
        }
        if !constant_time_eq(data.challenge.as_bytes(), self.challenge.text().as_bytes()) {
            return Err(Unproved::Challenge);
        }
        if data.origin != self.origin {
            return Err(Unproved::Origin);
        }
        if data.cross_origin { Err(Unproved::Framed) } else { Ok(()) }
    }

    fn authenticator(&self, data: &AuthenticatorData<'_>) -> Result<(), Unproved> {
        if data.rp_id_hash != sha256(self.party.id.as_bytes()) {
            return Err(Unproved::RelyingParty);
        }
        if !data.flags.user_present() {
            return Err(Unproved::NotPresent);
        }
        if !data.flags.user_verified() {
            return Err(Unproved::NotVerified);
        }
        if possible(data.flags) { Ok(()) } else { Err(Unproved::Backup) }
    }
}

/// [WebAuthn §6.1.3] what cannot be copied was not.
const fn possible(flags: Flags) -> bool {
    flags.backup_eligible() || !flags.backed_up()
}

fn decoded(text: &str) -> Result<Vec<u8>, Unproved> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unproved::Malformed)
}

/// The authenticator data of an attestation object [WebAuthn §6.5.4].
fn attested(object: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(object);
    let mut data = None;
    for _ in 0..reader.map()? {
        match reader.text()? {
            "authData" => {
                if data.replace(reader.bytes()?).is_some() {
                    return None;
                }
            }
            _ => reader.skip()?,
        }
    }
    data.filter(|_| reader.rest().is_empty())
}
