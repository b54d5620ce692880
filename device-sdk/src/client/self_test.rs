//! The self test: tries everything that a question to this phone needs.

use super::DeviceClient;
use crate::call::Call;
use crate::messages::Me;
use crate::payload::PushState;
use crate::proof::{DeviceKey, KeyError};
use crate::self_test::{Check, Findings};
use crate::verify::is_signed_by;

/// Signed by nothing else: it has not the form of a JWS.
const PHRASE: &[u8] = b"nod-device self test";

/// Whether the key signs, with what fits its public half.
fn signs(key: &dyn DeviceKey) -> Result<(), KeyError> {
    let signature = key.sign(PHRASE)?;
    if is_signed_by(&key.public_jwk(), PHRASE, &signature) { Ok(()) } else { Err(KeyError::Damaged) }
}

impl DeviceClient {
    /// Whether this phone would be asked, and if not, why not. It hands in the push token that `push` has, and changes
    /// nothing else. A key that asks the person asks them a few times.
    pub async fn self_test(&self, push: Option<&PushState>) -> Vec<Check> {
        let connection = &self.connection;
        let key = connection.with_key(signs).await.flatten();
        let me = connection.ask::<Me>(Call::me()).await;
        let local = connection.local();
        let issuer_keys = connection.fetch_keys().await.map(drop);
        let events = Some(connection.listen().await.map(drop));
        let push = match push {
            Some(push) => Some((push, self.set_push_token(&push.token).await)),
            None => None,
        };
        let devices: Vec<_> = self.users().iter().map(|paired| paired.device_id).collect();
        Findings { key, me, local, devices: &devices, issuer_keys, events, push }.judge()
    }
}
