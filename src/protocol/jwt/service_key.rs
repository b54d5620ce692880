//! Keys by which other services know us: what we sign with them is read by those services alone, and says who calls.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::Jwk;
use josekit::jws::{ES256, JwsSigner, RS256};
use serde::Serialize;

use super::{Algorithm, KeyError, SigningError, point};
use crate::secret::Secret;

/// A private key that a service knows the other half of.
#[derive(Clone)]
pub struct ServiceKey {
    algorithm: Algorithm,
    signer: Arc<dyn JwsSigner>,
}

impl ServiceKey {
    /// An RSA key in PEM, PKCS #8, of 2048 bits and more.
    pub fn rs256_pem(pem: &Secret<String>) -> Result<Self, KeyError> {
        let signer = RS256.signer_from_pem(pem.expose()).map_err(|_| KeyError::Refused)?;
        Ok(Self { algorithm: Algorithm::RS256, signer: Arc::new(signer) })
    }

    /// A key on P-256 in PEM, PKCS #8.
    pub fn es256_pem(pem: &Secret<String>) -> Result<Self, KeyError> {
        let signer = ES256.signer_from_pem(pem.expose()).map_err(|_| KeyError::Refused)?;
        Ok(Self { algorithm: Algorithm::ES256, signer: Arc::new(signer) })
    }

    /// A key on P-256 by its two halves: 32 bytes, and the uncompressed point of 65. They are looked at together.
    pub fn es256_pair(private: &Secret<Vec<u8>>, public: &[u8; 65]) -> Result<Self, KeyError> {
        let (x, y) = public.split_at(33);
        let (prefix, x) = x.split_at(1);
        if prefix != [4] || private.expose().len() != 32 {
            return Err(KeyError::Malformed);
        }
        let [x, y, d] = [x, y, private.expose()].map(|part| URL_SAFE_NO_PAD.encode(part));
        // The point is looked at where it is read, and that the halves fit where a signature is.
        let jwk = Secret::new(format!(r#"{{"kty":"EC","crv":"P-256","alg":"ES256","x":"{x}","y":"{y}","d":"{d}"}}"#));
        super::SigningKey::import(&Secret::new(jwk.expose().as_bytes().to_vec()))?;
        let jwk = Jwk::from_bytes(jwk.expose()).map_err(|_| KeyError::Malformed)?;
        let signer = ES256.signer_from_jwk(&jwk).map_err(|_| KeyError::Refused)?;
        Ok(Self { algorithm: Algorithm::ES256, signer: Arc::new(signer) })
    }

    /// A new key on P-256: its two halves, as [`es256_pair`](Self::es256_pair) takes them.
    pub fn new_es256_pair() -> Result<(Secret<Vec<u8>>, [u8; 65]), KeyError> {
        #[derive(serde::Deserialize)]
        struct Halves {
            x: String,
            y: String,
            d: String,
        }
        let (_, jwk) = super::SigningKey::generate(Algorithm::ES256)?;
        let Halves { x, y, d } = serde_json::from_slice(jwk.expose()).map_err(|_| KeyError::Malformed)?;
        let d = Secret::new(d);
        let private = Secret::new(URL_SAFE_NO_PAD.decode(d.expose()).map_err(|_| KeyError::Malformed)?);
        Ok((private, point(&x, &y)?))
    }

    /// The compact serialisation of `claims` [RFC 7515 §7.1], with the name that the service has for the key.
    pub fn sign<C: Serialize>(&self, kid: Option<&str>, claims: &C) -> Result<Secret<String>, SigningError> {
        #[derive(Serialize)]
        struct Header<'a> {
            alg: Algorithm,
            typ: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            kid: Option<&'a str>,
        }
        let header = serde_json::to_vec(&Header { alg: self.algorithm, typ: "JWT", kid });
        let header = header.map_err(SigningError::Claims)?;
        let claims = serde_json::to_vec(claims).map_err(SigningError::Claims)?;
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.signer.sign(token.as_bytes()).map_err(SigningError::Signature)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(Secret::new(token))
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceKey({})", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pair_signs_and_halves_of_two_pairs_do_not() {
        let (private, public) = ServiceKey::new_es256_pair().unwrap();
        let key = ServiceKey::es256_pair(&private, &public).unwrap();
        let token = key.sign(Some("a"), &serde_json::json!({ "iss": "b" })).unwrap();
        assert_eq!(token.expose().split('.').count(), 3);
        let (_, other) = ServiceKey::new_es256_pair().unwrap();
        assert!(ServiceKey::es256_pair(&private, &other).is_err());
        assert!(ServiceKey::es256_pair(&Secret::new(vec![1; 31]), &public).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let no_key = Secret::new("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned());
        assert!(ServiceKey::rs256_pem(&no_key).is_err() && ServiceKey::es256_pem(&no_key).is_err());
    }
}
