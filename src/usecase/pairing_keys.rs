//! Pairing keys: twelve digits that a person can read out.

use nod_device::{Issuer, PairingLink};

use crate::entropy::Entropy;
use crate::protocol::id::PairingKey;
use crate::secret::{Digest, MasterKey, Secret};
use crate::store::ephemeral::StoreError;

/// How a pairing key is recognised. A plain digest of twelve digits is found again by trying them all, well
/// within the life of the key; whoever reads the database does not have the master key.
pub struct RecognisePairingKeys(ring::hmac::Key);

impl RecognisePairingKeys {
    pub fn new(master: &MasterKey) -> Self {
        Self(master.derive("pairing keys v1"))
    }

    pub fn digest(&self, key: &PairingKey) -> Digest<PairingKey> {
        Digest::keyed(&self.0, key.expose().as_bytes())
    }
}

pub fn draw(entropy: &Entropy) -> PairingKey {
    let digits = (0..12).map(|_| char::from_digit(entropy.below(10), 10).unwrap_or('0')).collect();
    PairingKey::new(Secret::new(digits))
}

/// What a QR code carries: the same key, and whose it is. `Corrupt`: it has not the digits of one.
pub fn link(issuer: &str, key: &PairingKey) -> Result<Secret<String>, StoreError> {
    let link = Issuer::parse(issuer)
        .ok()
        .zip(nod_device::PairingKey::parse(key.expose()).ok())
        .map(|(issuer, key)| PairingLink { issuer, key }.to_uri())
        .ok_or(StoreError::Corrupt("a pairing link"))?;
    Ok(Secret::new(link.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_5_2_a_short_code_is_not_recognised_without_the_master_key() {
        let recognise = |master| RecognisePairingKeys::new(&MasterKey::new(&Secret::new([master; 32])));
        let key = PairingKey::presented("012345678901");
        let digest = recognise(7).digest(&key);
        assert!(digest == recognise(7).digest(&key), "the same on every node");
        assert!(digest != recognise(7).digest(&PairingKey::presented("012345678902")));
        assert!(digest != recognise(8).digest(&key), "another master key");
        assert!(digest != Digest::of(key.expose().as_bytes()), "a plain SHA-256 can be searched");
    }
}
