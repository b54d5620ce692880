//! What a phone scans or a person types to pair: `nod://pair?issuer=<url>&key=<12 digits>`, or the
//! twelve digits alone.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use crate::issuer::{Issuer, NotAnIssuer};

/// Twelve digits that pair one device, once and soon. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingKey(Zeroizing<String>);

impl PairingKey {
    /// Takes digits as people write them, in groups: `1234 5678 9012`, `1234-5678-9012`.
    pub fn parse(text: &str) -> Result<Self, PairingLinkError> {
        let mut digits = Zeroizing::new(String::with_capacity(12));
        for c in text.chars() {
            match c {
                '0'..='9' if digits.len() < 12 => digits.push(c),
                // Between digits only, and one at a time: `12--34` is a typing error.
                ' ' | '-' if !digits.is_empty() => {}
                _ => return Err(PairingLinkError::Key),
            }
        }
        let separated = |c: char| c == ' ' || c == '-';
        let stray =
            text.ends_with(separated) || text.as_bytes().windows(2).any(|two| two.iter().all(|b| b" -".contains(b)));
        if digits.len() == 12 && !stray { Ok(Self(digits)) } else { Err(PairingLinkError::Key) }
    }

    /// The digits. Each caller is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PairingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// It is a secret with one way out: the body of the one request that spends it.
impl Serialize for PairingKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PairingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Everything a phone needs to pair: which server, and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingLink {
    pub issuer: Issuer,
    pub key: PairingKey,
}

/// What came out of the camera or the keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    Link(PairingLink),
    /// The digits alone: the app has to know the server already.
    Key(PairingKey),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairingLinkError {
    #[error("not a pairing link")]
    NotAPairingLink,
    #[error("the pairing link lacks `{0}`")]
    Missing(&'static str),
    #[error("the pairing link has `{0}` twice")]
    Repeated(&'static str),
    #[error("the issuer of the pairing link: {0}")]
    Issuer(#[from] NotAnIssuer),
    #[error("a pairing key has twelve digits")]
    Key,
}

impl Scanned {
    pub fn parse(text: &str) -> Result<Self, PairingLinkError> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        if text.contains(':') {
            PairingLink::parse(text).map(Self::Link)
        } else {
            PairingKey::parse(text).map(Self::Key)
        }
    }
}

impl PairingLink {
    /// Other parameters are ignored, so that a newer server can add some.
    pub fn parse(text: &str) -> Result<Self, PairingLinkError> {
        // The URL parser would drop line breaks; a link has none.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(PairingLinkError::NotAPairingLink);
        }
        let url = Url::parse(text).map_err(|_| PairingLinkError::NotAPairingLink)?;
        let plain = url.path().is_empty() && url.username().is_empty() && url.password().is_none();
        let ours = url.scheme() == "nod" && url.host_str() == Some("pair") && url.port().is_none();
        if !ours || !plain || url.fragment().is_some() {
            return Err(PairingLinkError::NotAPairingLink);
        }
        let issuer = single(&url, "issuer")?;
        let key = Zeroizing::new(single(&url, "key")?);
        // In a link the digits stand bare: grouping is for people.
        if !key.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PairingLinkError::Key);
        }
        Ok(Self { issuer: Issuer::parse(&issuer)?, key: PairingKey::parse(&key)? })
    }

    /// The link as a QR code carries it. It contains the key, so there is no `Display`.
    pub fn to_uri(&self) -> Zeroizing<String> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("issuer", self.issuer.as_str())
            .append_pair("key", self.key.expose())
            .finish();
        Zeroizing::new(format!("nod://pair?{query}"))
    }
}

fn single(url: &Url, name: &'static str) -> Result<String, PairingLinkError> {
    let mut values = url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let value = values.next().ok_or(PairingLinkError::Missing(name))?;
    if values.next().is_some() { Err(PairingLinkError::Repeated(name)) } else { Ok(value) }
}
