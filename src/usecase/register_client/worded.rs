//! What is wrong with a registration, told to the client.

use super::refused;
use crate::protocol::admin_error::FieldProblem;
use crate::protocol::error::{ErrorCode, Refusal};

/// The first of what is wrong, in the words of [RFC 7591 §3.2.2].
pub(super) fn worded(problems: &[FieldProblem]) -> Refusal {
    let Some(problem) = problems.first() else { return refused("The metadata are not acceptable.") };
    let member = problem.name().split('/').next().unwrap_or_default();
    let code = if member == "redirect_uris" { ErrorCode::InvalidRedirectUri } else { ErrorCode::InvalidClientMetadata };
    let known = SENTENCES.iter().find(|(name, _)| *name == member);
    let description = known.map_or("A member of the metadata is not acceptable.", |(_, sentence)| sentence);
    Refusal::new(code, description).because(problem.sentence())
}

const SENTENCES: [(&str, &str); 27] = [
    (
        "redirect_uris",
        "redirect_uris: 1 to 20 addresses with authorization_code: https, http on this machine, or a scheme that is a reversed domain name; no fragment.",
    ),
    ("post_logout_redirect_uris", "post_logout_redirect_uris: at most 20, under the rules of redirect_uris."),
    ("backchannel_logout_uri", "backchannel_logout_uri: an https URL without fragment that leads to a public address."),
    ("frontchannel_logout_uri", "frontchannel_logout_uri: with scheme, host and port of one of the redirect_uris."),
    (
        "token_endpoint_auth_method",
        "token_endpoint_auth_method: client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, self_signed_tls_client_auth or none.",
    ),
    (
        "tls_client_auth_subject_dn",
        "tls_client_auth_subject_dn: a distinguished name as in RFC 4514. tls_client_auth needs exactly one of the tls_client_auth_ members.",
    ),
    ("tls_client_auth_san_dns", "tls_client_auth_san_dns: the name of one host, with tls_client_auth."),
    ("tls_client_auth_san_uri", "tls_client_auth_san_uri: a URI, with tls_client_auth."),
    ("tls_client_auth_san_ip", "tls_client_auth_san_ip: an address, with tls_client_auth."),
    ("tls_client_auth_san_email", "tls_client_auth_san_email: an e-mail address, with tls_client_auth."),
    (
        "tls_client_certificate_bound_access_tokens",
        "tls_client_certificate_bound_access_tokens: only without dpop_bound_access_tokens.",
    ),
    (
        "token_endpoint_auth_signing_alg",
        "token_endpoint_auth_signing_alg: ES256, PS256, RS256 or EdDSA, with private_key_jwt.",
    ),
    (
        "jwks",
        "jwks: a set with a usable key (P-256, RSA of 2048 to 4096 bits, Ed25519); private_key_jwt and self_signed_tls_client_auth need jwks or jwks_uri, the latter with x5c.",
    ),
    ("jwks_uri", "jwks_uri: an https URL that leads to a public address, and not together with jwks."),
    (
        "grant_types",
        "grant_types: authorization_code, implicit, refresh_token, urn:ietf:params:oauth:grant-type:device_code, client_credentials, urn:openid:params:grant-type:ciba; a public client has the first four.",
    ),
    (
        "response_types",
        "response_types: code with authorization_code, id_token and id_token token with implicit, those with code and another with both.",
    ),
    ("scope", "scope: names separated by spaces, at most 300 characters."),
    (
        "authorization_encrypted_response_alg",
        "authorization_encrypted_response_alg: ECDH-ES or RSA-OAEP-256, with jwks or jwks_uri that has a key for it.",
    ),
    (
        "authorization_encrypted_response_enc",
        "authorization_encrypted_response_enc: A128CBC-HS256, A128GCM or A256GCM, with authorization_encrypted_response_alg.",
    ),
    ("id_token_signed_response_alg", "id_token_signed_response_alg: ES256, PS256 or RS256."),
    ("backchannel_token_delivery_mode", "backchannel_token_delivery_mode: poll or ping, with the CIBA grant."),
    (
        "backchannel_client_notification_endpoint",
        "backchannel_client_notification_endpoint: with backchannel_token_delivery_mode ping, an https URL without fragment that leads to a public address.",
    ),
    ("subject_type", "subject_type: public or pairwise."),
    (
        "sector_identifier_uri",
        "sector_identifier_uri: with subject_type pairwise, an https URL of a JSON array with all redirect_uris; needed where those are not https and of one host.",
    ),
    (
        "backchannel_authentication_request_signing_alg",
        "backchannel_authentication_request_signing_alg: ES256, PS256, RS256 or EdDSA, with the CIBA grant and jwks or jwks_uri.",
    ),
    ("backchannel_user_code_parameter", "backchannel_user_code_parameter: true with the CIBA grant alone."),
    ("client_name", "client_name: at most 100 characters, no control characters."),
];
