//! The public half of a device's key, as a JWK [RFC 7517] on P-256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::digest::{Thumbprint, decode_32};

/// `{"kty":"EC","crv":"P-256","x":..,"y":..}`: these four members and no other. A private member
/// (`d`) or a hint (`kid`, `use`) is refused, so that a key has one form to compare and to store.
///
/// Whether the point lies on the curve is for whoever verifies a signature with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct PublicJwk {
    x: [u8; 32],
    y: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    kty: KeyType,
    crv: Curve,
    x: String,
    y: String,
}

#[derive(Serialize, Deserialize)]
enum KeyType {
    #[serde(rename = "EC")]
    EllipticCurve,
}

#[derive(Serialize, Deserialize)]
enum Curve {
    #[serde(rename = "P-256")]
    P256,
}

/// Not the coordinates of a P-256 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 public key")]
pub struct NotAKey;

impl PublicJwk {
    pub const fn new(x: [u8; 32], y: [u8; 32]) -> Self {
        Self { x, y }
    }

    /// From an uncompressed point, `04 || x || y` [SEC 1 §2.3.3]: what key stores hand out.
    pub fn from_uncompressed_point(point: &[u8]) -> Result<Self, NotAKey> {
        let Some((0x04, coordinates)) = point.split_first() else { return Err(NotAKey) };
        let (x, y) = coordinates.split_at_checked(32).ok_or(NotAKey)?;
        Ok(Self { x: x.try_into().map_err(|_| NotAKey)?, y: y.try_into().map_err(|_| NotAKey)? })
    }

    pub fn to_uncompressed_point(&self) -> [u8; 65] {
        let mut point = [0x04; 65];
        let coordinates = self.x.iter().chain(&self.y);
        for (to, from) in point.iter_mut().skip(1).zip(coordinates) {
            *to = *from;
        }
        point
    }

    pub const fn x(&self) -> &[u8; 32] {
        &self.x
    }

    pub const fn y(&self) -> &[u8; 32] {
        &self.y
    }

    /// [RFC 7638 §3] the required members in lexicographic order, without white space. Base64url
    /// needs no escapes, so the text can be written down directly.
    pub fn thumbprint(&self) -> Thumbprint {
        let Wire { x, y, .. } = Wire::from(*self);
        Thumbprint::of_bytes(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes())
    }
}

impl TryFrom<Wire> for PublicJwk {
    type Error = NotAKey;

    fn try_from(Wire { kty: KeyType::EllipticCurve, crv: Curve::P256, x, y }: Wire) -> Result<Self, NotAKey> {
        Ok(Self { x: decode_32(&x).ok_or(NotAKey)?, y: decode_32(&y).ok_or(NotAKey)? })
    }
}

impl From<PublicJwk> for Wire {
    fn from(jwk: PublicJwk) -> Self {
        Self {
            kty: KeyType::EllipticCurve,
            crv: Curve::P256,
            x: URL_SAFE_NO_PAD.encode(jwk.x),
            y: URL_SAFE_NO_PAD.encode(jwk.y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_survives_the_way_through_both_forms() {
        let jwk = PublicJwk::new([1; 32], [2; 32]);
        assert_eq!(PublicJwk::from_uncompressed_point(&jwk.to_uncompressed_point()), Ok(jwk));
        let mut compressed = jwk.to_uncompressed_point();
        compressed[0] = 0x02;
        assert_eq!(PublicJwk::from_uncompressed_point(&compressed), Err(NotAKey));
        assert_eq!(PublicJwk::from_uncompressed_point(&[4; 64]), Err(NotAKey));
        assert_eq!(PublicJwk::from_uncompressed_point(&[]), Err(NotAKey));
    }
}
