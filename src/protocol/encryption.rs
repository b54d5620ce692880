//! JWE algorithms (RFC 7518 §4, §5) that answers are encrypted with. There is no `RSA1_5` to choose, and nothing that
//! needs a shared secret.

use serde::{Deserialize, Serialize};

/// How the key of the content gets to the client: `alg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyManagement {
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
}

impl KeyManagement {
    pub const ALL: [Self; 2] = [Self::EcdhEs, Self::RsaOaep256];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdhEs => "ECDH-ES",
            Self::RsaOaep256 => "RSA-OAEP-256",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == text)
    }
}

/// What the content is encrypted with: `enc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentEncryption {
    /// [JARM §3] where nothing is said.
    #[default]
    #[serde(rename = "A128CBC-HS256")]
    A128CbcHs256,
    #[serde(rename = "A128GCM")]
    A128Gcm,
    #[serde(rename = "A256GCM")]
    A256Gcm,
}

impl ContentEncryption {
    pub const ALL: [Self; 3] = [Self::A128CbcHs256, Self::A128Gcm, Self::A256Gcm];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|enc| enc.as_str() == text)
    }
}

/// How a client wants something encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    pub alg: KeyManagement,
    pub enc: ContentEncryption,
}
