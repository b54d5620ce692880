//! The issuer's keys: found through its metadata, kept for a while, and what they verify.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

use super::connection::Connection;
use crate::error::Error;
use crate::id_token::{Expectations, IdTokenError, IssuerKey, KeySet, Processed, SignatureAlgorithm, process_id_token};

/// [OpenID Connect Discovery §4]
const METADATA: &str = "/.well-known/openid-configuration";

/// The verification that [`process_id_token`] asks for, with ring. RSA keys have 2048 bits or more.
pub fn verify(alg: SignatureAlgorithm, key: &IssuerKey, signing_input: &[u8], signature: &[u8]) -> bool {
    match (key, alg) {
        (IssuerKey::Ec(jwk), SignatureAlgorithm::Es256) => {
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, jwk.to_uncompressed_point());
            public.verify(signing_input, signature).is_ok()
        }
        (IssuerKey::Ed25519(public), SignatureAlgorithm::EdDsa) => {
            UnparsedPublicKey::new(&ED25519, public).verify(signing_input, signature).is_ok()
        }
        (IssuerKey::Rsa { modulus, exponent }, SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256) => {
            let parameters =
                if alg == SignatureAlgorithm::Rs256 { &RSA_PKCS1_2048_8192_SHA256 } else { &RSA_PSS_2048_8192_SHA256 };
            RsaPublicKeyComponents { n: modulus, e: exponent }.verify(parameters, signing_input, signature).is_ok()
        }
        (IssuerKey::Ec(_) | IssuerKey::Rsa { .. } | IssuerKey::Ed25519(_), _) => false,
    }
}

#[derive(Default)]
pub(super) struct KeyCache(Mutex<Option<(Instant, Arc<KeySet>)>>);

/// What of the metadata is needed here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Connection {
    /// With the keys at hand; a token by a key that is not among them fetches them again, once. A Nod
    /// server announces a key long before it signs with it, so this is rare.
    pub(super) async fn process_id_token(&self, id_token: &str, expected: &Expectations) -> Result<Processed, Error> {
        let process = |keys: &KeySet| process_id_token(id_token, keys, self.issuer(), expected, self.now(), verify);
        if let Some(keys) = self.keys_at_hand() {
            let processed = process(&keys);
            if processed != Err(IdTokenError::KeyUnknown) {
                return Ok(processed?);
            }
        }
        Ok(process(&*self.fetch_keys().await?)?)
    }

    fn keys_at_hand(&self) -> Option<Arc<KeySet>> {
        let cache = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (fetched, keys) = cache.as_ref()?;
        (fetched.elapsed() < self.timing.keys).then(|| keys.clone())
    }

    async fn fetch_keys(&self) -> Result<Arc<KeySet>, Error> {
        let not = |what| Error::Answer { status: 200, what };
        let metadata = self.fetch(&format!("{}{METADATA}", self.issuer())).await?;
        let metadata: Metadata = serde_json::from_slice(&metadata).map_err(|_| not("not the issuer's metadata"))?;
        // [OpenID Connect Discovery §4.3]
        if metadata.issuer != self.issuer().as_str() {
            return Err(not("the metadata of another issuer"));
        }
        // A Nod server publishes its keys itself; what it trusts elsewhere is no affair of a phone.
        if !metadata.jwks_uri.starts_with(&format!("{}/", self.issuer())) {
            return Err(not("keys that are not the issuer's"));
        }
        let keys = self.fetch(&metadata.jwks_uri).await?;
        let keys = Arc::new(KeySet::parse(&keys).map_err(|_| not("not a JWK set"))?);
        *self.keys.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }
}
