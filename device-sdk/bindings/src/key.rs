//! The key of the installation, which lives where the app keeps it.

use std::sync::Arc;

use nod_device::proof::KeyError;
use nod_device::{DeviceKey, PublicJwk};

use crate::error::Result;

/// A P-256 key of the Android Keystore, the Secure Enclave or another place.
#[uniffi::export(with_foreign)]
pub trait SigningKey: Send + Sync {
    /// The public half as an uncompressed point: `04 || x || y`, 65 bytes.
    fn public_key(&self) -> Vec<u8>;

    /// ECDSA with SHA-256 over `signing_input`, as 64 bytes `r || s` or as DER: both are understood. It may ask the person
    /// for a finger or a face, and so it may block.
    fn sign(&self, signing_input: Vec<u8>) -> std::result::Result<Vec<u8>, KeyFault>;
}

#[derive(Clone, Copy, Debug, thiserror::Error, uniffi::Error)]
pub enum KeyFault {
    /// Deleted, invalidated by new biometrics, or the phone is locked.
    #[error("the key is not available")]
    Unavailable,
    /// The person did not let it sign.
    #[error("the person declined")]
    Declined,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for KeyFault {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Unavailable
    }
}

impl From<KeyFault> for KeyError {
    fn from(fault: KeyFault) -> Self {
        match fault {
            KeyFault::Unavailable => Self::Unavailable,
            KeyFault::Declined => Self::Declined,
        }
    }
}

/// A foreign key as the core knows keys.
#[derive(Clone)]
pub(crate) struct Key {
    public: PublicJwk,
    foreign: Arc<dyn SigningKey>,
}

impl Key {
    pub(crate) fn new(foreign: Arc<dyn SigningKey>) -> Result<Self> {
        let public = PublicJwk::from_uncompressed_point(&foreign.public_key()).map_err(|_| KeyError::Damaged)?;
        Ok(Self { public, foreign })
    }
}

impl DeviceKey for Key {
    fn public_jwk(&self) -> PublicJwk {
        self.public
    }

    fn sign(&self, signing_input: &[u8]) -> std::result::Result<[u8; 64], KeyError> {
        let signature = self.foreign.sign(signing_input.to_vec())?;
        // One of 64 bytes in DER has numbers that are shorter by six bytes: nobody will see it.
        signature.as_slice().try_into().ok().or_else(|| raw(&signature)).ok_or(KeyError::Damaged)
    }
}

/// `r || s` from `SEQUENCE { r INTEGER, s INTEGER }` [RFC 3279 §2.2.3]. Nothing when it is anything else.
fn raw(der: &[u8]) -> Option<[u8; 64]> {
    let (inside, after) = element(der, 0x30)?;
    let (r, rest) = element(inside, 0x02)?;
    let (s, end) = element(rest, 0x02)?;
    if !after.is_empty() || !end.is_empty() {
        return None;
    }
    let mut signature = [0; 64];
    let (first, second) = signature.split_at_mut(32);
    place(r, first)?;
    place(s, second)?;
    Some(signature)
}

/// The content of an element with a short length, and what follows it. A signature on P-256 has at most 72 bytes.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (head, rest) = der.split_at_checked(2)?;
    let [found, length @ 0..=0x7f] = head else { return None };
    if *found == tag { rest.split_at_checked(usize::from(*length)) } else { None }
}

/// A positive number, right-aligned.
fn place(number: &[u8], to: &mut [u8]) -> Option<()> {
    let number = match number {
        [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => rest,
        [0x01..=0x7f, ..] => number,
        _ => return None,
    };
    let start = to.len().checked_sub(number.len())?;
    to.get_mut(start..)?.copy_from_slice(number);
    Some(())
}

#[cfg(test)]
mod tests {
    use nod_device::verify::is_signed_by;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

    use super::*;

    #[test]
    fn signatures_in_der_are_understood() {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        let public = PublicJwk::from_uncompressed_point(pair.public_key().as_ref()).unwrap();
        // Enough for numbers with and without a leading zero, and for some that are short.
        for number in 0..600_u32 {
            let input = number.to_be_bytes();
            let der = pair.sign(&random, &input).unwrap();
            assert!(is_signed_by(&public, &input, &raw(der.as_ref()).unwrap()));
        }
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let good = [0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x7f];
        let mut expected = [0; 64];
        (expected[31], expected[63]) = (5, 0x7f);
        assert_eq!(raw(&good), Some(expected));
        let bad: [&[u8]; 8] = [
            &[],
            &good[..7],
            &[0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x7f, 0x00],
            &[0x31, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x7f],
            // Negative, padded, empty, and a third number.
            &[0x30, 0x06, 0x02, 0x01, 0x85, 0x02, 0x01, 0x7f],
            &[0x30, 0x07, 0x02, 0x02, 0x00, 0x05, 0x02, 0x01, 0x7f],
            &[0x30, 0x05, 0x02, 0x00, 0x02, 0x01, 0x7f],
            &[0x30, 0x09, 0x02, 0x01, 0x05, 0x02, 0x01, 0x7f, 0x02, 0x01, 0x01],
        ];
        for der in bad {
            assert_eq!(raw(der), None, "{der:x?}");
        }
    }
}
