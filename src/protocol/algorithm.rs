//! JWS algorithms (RFC 7518 §3, RFC 8037) that are ever accepted here. There is no `none` and no
//! HMAC to choose.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    ES256,
    PS256,
    RS256,
    /// For client assertions only; we sign nothing with it.
    EdDSA,
}

impl Algorithm {
    pub const ALL: [Self; 4] = [Self::ES256, Self::PS256, Self::RS256, Self::EdDSA];
    /// What we sign with, the default first.
    pub const SIGNING: [Self; 3] = [Self::ES256, Self::PS256, Self::RS256];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::PS256 => "PS256",
            Self::RS256 => "RS256",
            Self::EdDSA => "EdDSA",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
