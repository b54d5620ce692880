//! Signatures of issuers, judged with ring.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

use crate::id_token::{IssuerKey, SignatureAlgorithm};
use crate::jwk::PublicJwk;

/// Whether the device key signed `signing_input`.
pub fn is_signed_by(jwk: &PublicJwk, signing_input: &[u8], signature: &[u8; 64]) -> bool {
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, jwk.to_uncompressed_point());
    public.verify(signing_input, signature).is_ok()
}

/// The verification that [`process_id_token`](crate::id_token::process_id_token) asks for, with ring. RSA keys have 2048 bits or more.
pub fn verify(alg: SignatureAlgorithm, key: &IssuerKey, signing_input: &[u8], signature: &[u8]) -> bool {
    match (key, alg) {
        (IssuerKey::Ec(jwk), SignatureAlgorithm::Es256) => {
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, jwk.to_uncompressed_point());
            public.verify(signing_input, signature).is_ok()
        }
        (IssuerKey::Ed25519(public), SignatureAlgorithm::EdDsa) => {
            UnparsedPublicKey::new(&ED25519, public).verify(signing_input, signature).is_ok()
        }
        (IssuerKey::Rsa { modulus, exponent }, SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256) => {
            let parameters =
                if alg == SignatureAlgorithm::Rs256 { &RSA_PKCS1_2048_8192_SHA256 } else { &RSA_PSS_2048_8192_SHA256 };
            RsaPublicKeyComponents { n: modulus, e: exponent }.verify(parameters, signing_input, signature).is_ok()
        }
        (IssuerKey::Ec(_) | IssuerKey::Rsa { .. } | IssuerKey::Ed25519(_), _) => false,
    }
}
