//! The issuer's keys: found through its metadata, kept for a while, and what they verify.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::connection::Connection;
use crate::encryption::PayloadKey;
use crate::error::Error;
use crate::id_token::{Expectations, IdTokenError, KeySet, METADATA, Processed, jwks_uri, process_id_token};
use crate::verify::verify;

#[derive(Default)]
pub(super) struct KeyCache(Mutex<Option<(Instant, Arc<Keys>)>>);

pub(super) struct Keys {
    signing: KeySet,
    /// `None`: the issuer takes no payload that is encrypted.
    payload: Option<PayloadKey>,
}

impl Connection {
    /// With the keys at hand; a token by a key that is not among them fetches them again, once. A Nod
    /// server announces a key long before it signs with it, so this is rare.
    pub(super) async fn process_id_token(&self, id_token: &str, expected: &Expectations) -> Result<Processed, Error> {
        let process = |keys: &KeySet| process_id_token(id_token, keys, self.issuer(), expected, self.now(), verify);
        if let Some(keys) = self.keys_at_hand() {
            let processed = process(&keys.signing);
            if processed != Err(IdTokenError::KeyUnknown) {
                return Ok(processed?);
            }
        }
        Ok(process(&self.fetch_keys().await?.signing)?)
    }

    /// What payloads are encrypted for. An issuer that has none is asked again at the next time.
    pub(super) async fn payload_key(&self) -> Result<PayloadKey, Error> {
        if let Some(key) = self.keys_at_hand().and_then(|keys| keys.payload.clone()) {
            return Ok(key);
        }
        let fetched = self.fetch_keys().await?;
        fetched.payload.clone().ok_or(Error::Answer { status: 200, what: "no key to encrypt payloads for" })
    }

    fn keys_at_hand(&self) -> Option<Arc<Keys>> {
        let cache = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (fetched, keys) = cache.as_ref()?;
        (fetched.elapsed() < self.timing.keys).then(|| keys.clone())
    }

    pub(super) async fn fetch_keys(&self) -> Result<Arc<Keys>, Error> {
        let metadata = self.fetch(&format!("{}{METADATA}", self.issuer())).await?;
        let keys = self.fetch(&jwks_uri(&metadata, self.issuer())?).await?;
        let keys = Arc::new(Keys { signing: KeySet::fetched(&keys)?, payload: PayloadKey::from_jwks(&keys) });
        *self.keys.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }
}
