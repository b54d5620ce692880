//! Issuers whose signed word counts, and by which keys. Nobody's does, unless the operator names them.

use std::collections::HashMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::jwt::{AcceptedTyp, JwtError, KeySet, KeySetError, Unverified, Verified};

#[derive(Clone, Debug, Default)]
pub struct TrustedIssuers(Arc<HashMap<String, KeySet>>);

#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("it is not an object of issuers, each with its JWK Set")]
    Malformed,
    #[error("{issuer}: {error}")]
    Keys { issuer: String, error: KeySetError },
    #[error("{issuer} has no usable key: P-256, RSA of 2048 to 4096 bits, or Ed25519")]
    NoKey { issuer: String },
}

/// Why a token is not the word of anybody who is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    #[error("its issuer is not trusted here")]
    Issuer,
    #[error(transparent)]
    Token(#[from] JwtError),
}

impl TrustedIssuers {
    /// `{"https://issuer.example": {"keys": [...]}}`
    pub fn parse(json: &[u8]) -> Result<Self, TrustError> {
        let named: Map<String, Value> = serde_json::from_slice(json).map_err(|_| TrustError::Malformed)?;
        let issuer = |(issuer, keys): (String, Value)| {
            let keys = KeySet::parse(&serde_json::to_vec(&keys).unwrap_or_default());
            let keys = keys.map_err(|error| TrustError::Keys { issuer: issuer.clone(), error })?;
            if keys.keys().is_empty() { Err(TrustError::NoKey { issuer }) } else { Ok((issuer, keys)) }
        };
        Ok(Self(Arc::new(named.into_iter().map(issuer).collect::<Result<_, _>>()?)))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By the keys of whoever the token says it is from.
    pub fn verify<C: DeserializeOwned>(
        &self,
        token: &Unverified<'_>,
        typ: AcceptedTyp,
    ) -> Result<Verified<C>, Untrusted> {
        let party = token.untrusted_party()?;
        let keys = party.iss.as_deref().and_then(|issuer| self.0.get(issuer)).ok_or(Untrusted::Issuer)?;
        Ok(keys.verify(token, token.algorithm(), typ)?)
    }
}
