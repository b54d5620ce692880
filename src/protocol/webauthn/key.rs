//! The public key of a credential [RFC 9052 §7, RFC 9053 §7], and what it says of a signature.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::cbor::Reader;

/// `COSEAlgorithmIdentifier` of each that we verify [WebAuthn §5.8.5], the best first. The last one is what
/// Windows Hello has.
pub(super) const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// Longer is none that an authenticator has.
const LONGEST_MODULUS: usize = 512;

/// A key as the authenticator wrote it, of a kind that we verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// As it was sent: what is kept.
    cose: Vec<u8>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// The uncompressed point.
    P256(Vec<u8>),
    Ed25519([u8; 32]),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

/// The labels that we look at.
#[derive(Default)]
struct Labels<'a> {
    kty: Option<i64>,
    alg: Option<i64>,
    curve: Option<i64>,
    /// `x`, or the exponent of an RSA key.
    minus_2: Option<&'a [u8]>,
    y: Option<&'a [u8]>,
    /// The modulus of an RSA key.
    modulus: Option<&'a [u8]>,
}

impl PublicKey {
    /// `None`: no key, or none that we verify, or something behind it.
    pub fn parse(cose: &[u8]) -> Option<Self> {
        let (key, rest) = Self::read(cose)?;
        rest.is_empty().then_some(key)
    }

    /// The key at the front, and what is behind it.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut reader = Reader::new(bytes);
        let labels = Labels::read(&mut reader)?;
        let cose = bytes.strip_suffix(reader.rest())?.to_vec();
        Some((Self { cose, kind: labels.kind()? }, reader.rest()))
    }

    /// As it is kept.
    pub fn as_cose(&self) -> &[u8] {
        &self.cose
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.kind {
            Kind::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            Kind::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Kind::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        }
        .is_ok()
    }
}

impl<'a> Labels<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let mut labels = Self::default();
        for _ in 0..reader.map()? {
            match reader.int()? {
                1 => set(&mut labels.kty, reader.int()?)?,
                3 => set(&mut labels.alg, reader.int()?)?,
                // Of an RSA key the modulus, of all others the curve.
                -1 if labels.kty == Some(3) => set(&mut labels.modulus, reader.bytes()?)?,
                -1 => set(&mut labels.curve, reader.int()?)?,
                -2 => set(&mut labels.minus_2, reader.bytes()?)?,
                -3 => set(&mut labels.y, reader.bytes()?)?,
                _ => reader.skip()?,
            }
        }
        Some(labels)
    }

    /// [WebAuthn §5.8.5] one curve for each algorithm, and points uncompressed.
    fn kind(&self) -> Option<Kind> {
        match (self.kty?, self.alg?, self.curve) {
            (2, ES256, Some(1)) => {
                let (x, y) = (self.minus_2?, self.y?);
                (x.len() == 32 && y.len() == 32).then(|| Kind::P256([&[4], x, y].concat()))
            }
            (1, EDDSA, Some(6)) => self.minus_2?.try_into().ok().map(Kind::Ed25519),
            (3, RS256, None) => {
                let (n, e) = (self.modulus?, self.minus_2?);
                let fits = (256..=LONGEST_MODULUS).contains(&n.len()) && (1..=8).contains(&e.len());
                fits.then(|| Kind::Rsa { n: n.to_vec(), e: e.to_vec() })
            }
            _ => None,
        }
    }
}

/// No label twice: two readers would see two keys.
fn set<T>(label: &mut Option<T>, value: T) -> Option<()> {
    label.replace(value).is_none().then_some(())
}
