//! What a browser has kept for itself of its subscription, and opens with it.

use p256::elliptic_curve::sec1::ToSec1Point as _;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

/// A subscription's keys.
pub(super) struct Browser {
    secret: p256::SecretKey,
    pub(super) auth: [u8; 16],
}

impl Browser {
    pub(super) fn new() -> Self {
        let scalar = ring::digest::digest(&ring::digest::SHA256, b"a browser");
        Self { secret: p256::SecretKey::from_slice(scalar.as_ref()).unwrap(), auth: [9; 16] }
    }

    pub(super) fn public(&self) -> Vec<u8> {
        self.secret.public_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// [RFC 8291 §3, RFC 8188 §2], read from the specifications and not from what seals.
    pub(super) fn opens(&self, message: &[u8]) -> Option<Vec<u8>> {
        let (salt, rest) = message.split_at_checked(16)?;
        let (size, rest) = rest.split_at_checked(4)?;
        let (length, rest) = rest.split_first()?;
        let (theirs, record) = rest.split_at_checked(usize::from(*length))?;
        let size = u32::from_be_bytes(size.try_into().ok()?);
        if theirs.len() != 65 || record.len() > usize::try_from(size).ok()? || message.len() > 4096 {
            return None;
        }
        let public = p256::PublicKey::from_sec1_bytes(theirs).ok()?;
        let shared = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), public.as_affine());
        let mac = |key: &[u8], data: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
        let prk_key = mac(&self.auth, shared.raw_secret_bytes().as_slice());
        let mut info = b"WebPush: info\0".to_vec();
        info.extend(self.public());
        info.extend(theirs);
        info.push(1);
        let ikm = mac(prk_key.as_ref(), &info);
        let prk = mac(salt, ikm.as_ref());
        let cek = mac(prk.as_ref(), b"Content-Encoding: aes128gcm\0\x01");
        let nonce = mac(prk.as_ref(), b"Content-Encoding: nonce\0\x01");
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &cek.as_ref()[..16]).ok()?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce.as_ref()[..12]).ok()?;
        let mut record = record.to_vec();
        let plain = key.open_in_place(nonce, Aad::empty(), &mut record).ok()?;
        let end = plain.iter().rposition(|byte| *byte != 0)?;
        (plain[end] == 2).then(|| plain[..end].to_vec())
    }
}
