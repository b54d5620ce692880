//! The provider's metadata [OIDCD §3, RFC 8414 §2]: what works, and nothing else.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{DIRECT, path};
use crate::domain::client::GrantType;
use crate::domain::profile::Demands;
use crate::protocol::acr::Acr;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::authorization_request::ResponseType;
use crate::protocol::encryption::{ContentEncryption, KeyManagement};
use crate::protocol::pkce::CodeChallenge;
use crate::usecase::certificates::Certificates;
use crate::usecase::sign_in::read_request::Rules;
use crate::words::Locale;

/// The document, made once: nothing in it changes while the server runs.
#[derive(Clone)]
pub struct Discovery(Bytes);

impl Discovery {
    /// `registration`: clients may register themselves. `demands`: of all clients.
    pub fn new(
        issuer: &str,
        registration: bool,
        rules: &Rules,
        demands: &Demands,
        certificates: &Certificates,
    ) -> Self {
        let parts = [
            endpoints(issuer, registration),
            requests(rules, demands),
            demanded(demands),
            authentication(demands, certificates),
            tokens(demands),
            sessions(issuer, rules),
            mutual_tls(certificates),
        ];
        let members =
            parts.into_iter().filter_map(|part| if let Value::Object(part) = part { Some(part) } else { None });
        let document: Map<String, Value> = members.flatten().collect();
        Self(Bytes::from(serde_json::to_vec(&document).unwrap_or_default()))
    }

    pub fn document(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.0.clone()
    }
}

fn endpoints(issuer: &str, registration: bool) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    let mut endpoints = json!({
        "issuer": issuer,
        "authorization_endpoint": at(path::AUTHORIZATION),
        "pushed_authorization_request_endpoint": at(path::PUSHED_AUTHORIZATION_REQUEST),
        "device_authorization_endpoint": at(path::DEVICE_AUTHORIZATION),
        "backchannel_authentication_endpoint": at(path::BACKCHANNEL_AUTHENTICATION),
        "token_endpoint": at(path::TOKEN),
        "userinfo_endpoint": at(path::USERINFO),
        "jwks_uri": at(path::JWKS),
        "revocation_endpoint": at(path::REVOCATION),
        "introspection_endpoint": at(path::INTROSPECTION),
        "end_session_endpoint": at(path::END_SESSION),
    });
    if let (true, Value::Object(endpoints)) = (registration, &mut endpoints) {
        endpoints.insert("registration_endpoint".to_owned(), json!(at(path::REGISTRATION)));
    }
    endpoints
}

/// How people are asked, and how the answer comes.
fn requests(rules: &Rules, demands: &Demands) -> Value {
    let kinds = ResponseType::ALL.iter().filter(|kind| demands.given.permits(**kind));
    let modes = ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"];
    let modes = modes.into_iter().filter(|mode| !demands.signed_answers || mode.ends_with("jwt"));
    let details: Vec<&str> = rules.details.iter().map(|known| known.name.as_str()).collect();
    json!({
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "response_types_supported": kinds.map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "response_modes_supported": modes.collect::<Vec<_>>(),
        "authorization_signing_alg_values_supported": signing(demands),
        "authorization_encryption_alg_values_supported": KeyManagement::ALL.map(KeyManagement::as_str),
        "authorization_encryption_enc_values_supported": ContentEncryption::ALL.map(ContentEncryption::as_str),
        "authorization_response_iss_parameter_supported": true,
        "code_challenge_methods_supported": [CodeChallenge::METHOD],
        "acr_values_supported": Acr::ALL.map(Acr::as_str),
        "claims_parameter_supported": true,
        "display_values_supported": ["page"],
        "ui_locales_supported": Locale::ALL.iter().map(|locale| locale.tag()).collect::<Vec<_>>(),
        "authorization_details_types_supported": details,
        "require_pushed_authorization_requests": rules.require_pushed || demands.pushed,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": true,
        "require_request_uri_registration": true,
        "request_object_signing_alg_values_supported": names(demands.algorithms),
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_authentication_request_signing_alg_values_supported": names(demands.algorithms),
        "backchannel_user_code_parameter_supported": true,
    })
}

/// [RFC 9101 §10.5] what no request may be without.
fn demanded(demands: &Demands) -> Value {
    if demands.signed_requests { json!({ "require_signed_request_object": true }) } else { json!({}) }
}

/// How clients say who they are.
fn authentication(demands: &Demands, certificates: &Certificates) -> Value {
    let (secrets, none): (&[&str], &[&str]) =
        if demands.key { (&[], &[]) } else { (&["client_secret_basic", "client_secret_post"], &["none"]) };
    let confidential = [secrets, &["private_key_jwt"], certificates.methods()].concat();
    let methods = [&confidential[..], none].concat();
    let algorithms = names(demands.algorithms);
    json!({
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
    })
}

fn tokens(demands: &Demands) -> Value {
    let kinds = ResponseType::ALL.iter().copied().filter(|kind| demands.given.permits(*kind));
    let begun: Vec<GrantType> = kinds.flat_map(GrantType::of).collect();
    let grants = GrantType::ALL.into_iter().filter(|grant| !grant.signs_people_in() || begun.contains(grant));
    json!({
        "grant_types_supported": grants.map(GrantType::as_str).collect::<Vec<_>>(),
        "dpop_signing_alg_values_supported": names(demands.algorithms),
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": signing(demands),
        "userinfo_signing_alg_values_supported": signing(demands),
        "introspection_signing_alg_values_supported": signing(demands),
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "at_hash", "c_hash", "s_hash", "nonce",
            "sid",
            "name", "preferred_username", "updated_at", "email", "email_verified"
        ],
    })
}

/// [RFC 8705 §3.3, §5]
fn mutual_tls(certificates: &Certificates) -> Value {
    let mut members = Map::new();
    if certificates.arrive {
        members.insert("tls_client_certificate_bound_access_tokens".to_owned(), json!(true));
    }
    if let Some(alias) = &certificates.alias {
        let aliases = DIRECT.map(|(name, path)| (name.to_owned(), json!(format!("{alias}{path}"))));
        members.insert("mtls_endpoint_aliases".to_owned(), Value::Object(aliases.into_iter().collect()));
    }
    Value::Object(members)
}

/// Who is told that one has ended.
fn sessions(issuer: &str, rules: &Rules) -> Value {
    let mut sessions = json!({
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
    });
    if let (true, Value::Object(sessions)) = (rules.session_management, &mut sessions) {
        let frame = format!("{issuer}{}", path::CHECK_SESSION);
        sessions.insert("check_session_iframe".to_owned(), json!(frame));
    }
    sessions
}

/// What we sign with.
fn signing(demands: &Demands) -> Vec<&'static str> {
    demands.signing().map(Algorithm::as_str).collect()
}

fn names(algorithms: &[Algorithm]) -> Vec<&'static str> {
    algorithms.iter().map(|alg| alg.as_str()).collect()
}
