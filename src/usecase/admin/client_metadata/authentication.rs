//! How a client proves who it is [OIDCC §9, RFC 8705 §2].

use super::address::is_callable;
use super::{ClientMetadata, Problems};
use crate::domain::client::{Authentication, Client, KeySource, Secrets};
use crate::outbound::egress::Egress;
use crate::protocol::admin_error::FieldCode;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::encryption::KeyManagement;
use crate::protocol::jwt::KeySet;
use crate::usecase::certificates::{OF_AN_AUTHORITY, SELF_SIGNED};

pub(super) const NONE: &str = "none";
const BASIC: &str = "client_secret_basic";
const POST: &str = "client_secret_post";
const KEYS: &str = "private_key_jwt";

pub const fn method(authentication: &Authentication) -> &'static str {
    match authentication {
        Authentication::None => NONE,
        Authentication::ClientSecretBasic(_) => BASIC,
        Authentication::ClientSecretPost(_) => POST,
        Authentication::PrivateKeyJwt { .. } => KEYS,
        Authentication::TlsClientAuth(_) => OF_AN_AUTHORITY,
        Authentication::SelfSignedTlsClientAuth { .. } => SELF_SIGNED,
    }
}

impl ClientMetadata {
    pub(super) fn authentication(
        &self,
        before: Option<&Client>,
        egress: Option<&Egress>,
        problems: &mut Problems,
    ) -> Option<Authentication> {
        let secrets = before.and_then(|before| before.authentication.secrets().cloned());
        let secrets = secrets.unwrap_or(Secrets(Vec::new()));
        let method = self.token_endpoint_auth_method.as_deref().unwrap_or(BASIC);
        self.no_certificate_subject(method, problems);
        if method == KEYS {
            let keys = self.keys(egress, problems);
            let alg = match self.token_endpoint_auth_signing_alg.as_deref().map(Algorithm::parse) {
                None => None,
                Some(Some(alg)) => Some(alg),
                Some(None) => {
                    let detail = "One of ES256, PS256, RS256, EdDSA.";
                    problems.add("/token_endpoint_auth_signing_alg", FieldCode::Invalid, detail);
                    None
                }
            };
            return Some(Authentication::PrivateKeyJwt { keys: keys?, alg });
        }
        if self.token_endpoint_auth_signing_alg.is_some() {
            problems.add("/token_endpoint_auth_signing_alg", FieldCode::NotAllowed, "Only with private_key_jwt.");
        }
        if !self.signs_requests() && method != SELF_SIGNED {
            let detail = "Only with private_key_jwt, with self_signed_tls_client_auth, or with a grant whose requests can be signed: authorization_code, implicit or CIBA.";
            for (pointer, given) in [("/jwks", self.jwks.is_some()), ("/jwks_uri", self.jwks_uri.is_some())] {
                if given {
                    problems.add(pointer, FieldCode::NotAllowed, detail);
                }
            }
        }
        match method {
            NONE => Some(Authentication::None),
            BASIC => Some(Authentication::ClientSecretBasic(secrets)),
            POST => Some(Authentication::ClientSecretPost(secrets)),
            OF_AN_AUTHORITY => self.certificate_subject(problems).map(Authentication::TlsClientAuth),
            SELF_SIGNED => self.keys(egress, problems).map(|keys| Authentication::SelfSignedTlsClientAuth { keys }),
            _ => {
                let detail = "client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, self_signed_tls_client_auth or none.";
                problems.add("/token_endpoint_auth_method", FieldCode::Invalid, detail);
                None
            }
        }
    }

    /// Keys prove who the client is: they are registered with its authentication.
    pub(super) fn authenticates_with_keys(&self) -> bool {
        self.token_endpoint_auth_method.as_deref() == Some(KEYS) || self.own_certificates()
    }

    /// Keys that sign requests alone.
    pub(super) fn signing_keys(&self, egress: Option<&Egress>, problems: &mut Problems) -> Option<KeySource> {
        let given = self.jwks.is_some() || self.jwks_uri.is_some();
        if given && !self.authenticates_with_keys() { self.keys(egress, problems) } else { None }
    }

    pub(super) fn own_certificates(&self) -> bool {
        self.token_endpoint_auth_method.as_deref() == Some(SELF_SIGNED)
    }

    /// Keys that cannot be seen now are looked at when there is something to encrypt.
    pub(super) fn can_be_encrypted_for(&self, alg: KeyManagement) -> bool {
        match &self.jwks {
            Some(jwks) => KeySet::parse(&serde_json::to_vec(jwks).unwrap_or_default())
                .is_ok_and(|keys| keys.encryption_key(alg).is_some()),
            None => self.jwks_uri.is_some(),
        }
    }

    /// Whether it needs no key to sign with, since its answers are encrypted for another.
    fn only_reads(&self) -> bool {
        let alg = self.authorization_encrypted_response_alg.as_deref().and_then(KeyManagement::parse);
        !self.authenticates_with_keys() && alg.is_some_and(|alg| self.can_be_encrypted_for(alg))
    }

    fn keys(&self, egress: Option<&Egress>, problems: &mut Problems) -> Option<KeySource> {
        match (&self.jwks, &self.jwks_uri) {
            (Some(jwks), None) => {
                let text = serde_json::to_vec(jwks).unwrap_or_default();
                let keys = KeySet::parse(&text).unwrap_or_default();
                let (any, detail) = if self.own_certificates() {
                    (!keys.certificates().is_empty(), "No certificate: x5c of a key has it.")
                } else {
                    (!keys.keys().is_empty(), "No usable key: P-256, RSA of 2048 to 4096 bits, or Ed25519.")
                };
                // [security.md case 157] keys of other kinds are passed over, since sets have keys for other things
                // too; one that is meant for signatures and is worth nothing is a mistake.
                for weak in keys.unusable().iter().filter(|key| key.reason.is_weak()) {
                    let detail =
                        "Of no use: RSA of 2048 to 4096 bits with an ordinary exponent, without private members.";
                    problems.add_to(format!("/jwks/keys/{}", weak.index), FieldCode::Invalid, detail);
                }
                if keys.has_a_name_twice() {
                    problems.add("/jwks", FieldCode::Invalid, "Two keys of one kid.");
                }
                if any || self.only_reads() {
                    return Some(KeySource::Jwks(jwks.clone()));
                }
                problems.add("/jwks", FieldCode::Invalid, detail);
            }
            (None, Some(uri)) => {
                if is_callable(uri, egress) {
                    return Some(KeySource::JwksUri(uri.clone()));
                }
                let detail = "An https URL of at most 400 characters that leads to a public address.";
                problems.add("/jwks_uri", FieldCode::Invalid, detail);
            }
            (None, None) => {
                let detail = "private_key_jwt and self_signed_tls_client_auth need jwks or jwks_uri.";
                problems.add("/jwks", FieldCode::Required, detail);
            }
            (Some(_), Some(_)) => problems.add("/jwks_uri", FieldCode::NotAllowed, "Only one of jwks and jwks_uri."),
        }
        None
    }
}
