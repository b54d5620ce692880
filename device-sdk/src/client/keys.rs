//! The issuer's keys: found through its metadata, kept for a while, and what they verify.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::connection::Connection;
use crate::error::Error;
use crate::id_token::{Expectations, IdTokenError, KeySet, METADATA, Processed, jwks_uri, process_id_token};
use crate::verify::verify;

#[derive(Default)]
pub(super) struct KeyCache(Mutex<Option<(Instant, Arc<KeySet>)>>);

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

    pub(super) async fn fetch_keys(&self) -> Result<Arc<KeySet>, Error> {
        let metadata = self.fetch(&format!("{}{METADATA}", self.issuer())).await?;
        let keys = self.fetch(&jwks_uri(&metadata, self.issuer())?).await?;
        let keys = Arc::new(KeySet::fetched(&keys)?);
        *self.keys.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }
}
