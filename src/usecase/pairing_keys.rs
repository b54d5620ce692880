//! Pairing keys: twelve digits that a person can read out.

use crate::entropy::Entropy;
use crate::protocol::id::PairingKey;
use crate::secret::Secret;

pub fn draw(entropy: &Entropy) -> PairingKey {
    let digits = (0..12).map(|_| char::from_digit(entropy.below(10), 10).unwrap_or('0')).collect();
    PairingKey::new(Secret::new(digits))
}
