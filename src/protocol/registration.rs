//! What a client says when it registers itself [RFC 7591 §2, OIDCR §2], as far as that is not what an
//! administrator says of a client as well.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::error::{ErrorCode, Refusal};
use super::jwt::KeySet;
use crate::secret::Secret;

/// What was sent. What nobody knows is not read [RFC 7591 §2].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    pub redirect_uris: Option<Vec<String>>,
    pub post_logout_redirect_uris: Option<Vec<String>>,
    pub backchannel_logout_uri: Option<String>,
    pub backchannel_logout_session_required: Option<bool>,
    pub frontchannel_logout_uri: Option<String>,
    pub frontchannel_logout_session_required: Option<bool>,
    pub token_endpoint_auth_method: Option<String>,
    pub token_endpoint_auth_signing_alg: Option<String>,
    pub tls_client_auth_subject_dn: Option<String>,
    pub tls_client_auth_san_dns: Option<String>,
    pub tls_client_auth_san_uri: Option<String>,
    pub tls_client_auth_san_ip: Option<String>,
    pub tls_client_auth_san_email: Option<String>,
    pub grant_types: Option<Vec<String>>,
    pub response_types: Option<Vec<String>>,
    pub client_name: Option<String>,
    pub scope: Option<String>,
    pub jwks: Option<Value>,
    pub jwks_uri: Option<String>,
    pub id_token_signed_response_alg: Option<String>,
    pub require_pushed_authorization_requests: Option<bool>,
    pub require_signed_request_object: Option<bool>,
    pub request_object_signing_alg: Option<String>,
    pub request_uris: Option<Vec<String>>,
    pub authorization_signed_response_alg: Option<String>,
    pub authorization_encrypted_response_alg: Option<String>,
    pub authorization_encrypted_response_enc: Option<String>,
    pub userinfo_signed_response_alg: Option<String>,
    pub introspection_signed_response_alg: Option<String>,
    pub dpop_bound_access_tokens: Option<bool>,
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    pub subject_type: Option<String>,
    pub sector_identifier_uri: Option<String>,
    pub backchannel_token_delivery_mode: Option<String>,
    pub backchannel_client_notification_endpoint: Option<String>,
    pub backchannel_authentication_request_signing_alg: Option<String>,
    pub backchannel_user_code_parameter: Option<bool>,
    pub software_statement: Option<String>,
    /// When it changes what is registered [RFC 7592 §2.2].
    pub client_id: Option<String>,
    #[serde(deserialize_with = "secret")]
    pub client_secret: Option<Secret<String>>,
    #[serde(flatten)]
    others: Others,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Secret<String>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}

/// Members that are looked at one by one. What they are is nobody's affair in a log.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
struct Others(Map<String, Value>);

impl std::fmt::Debug for Others {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Others")
    }
}

/// [OIDCR §2]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    #[default]
    Web,
    Native,
}

/// What means nothing to the protocol: shown to people, or to whoever looks after clients, and said again when
/// the client asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct About {
    pub application_type: ApplicationType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// What somebody else says of it [RFC 7591 §2.3], as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_statement: Option<String>,
    /// Keys of a client that authenticates otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
}

/// Members that ask for something that is not there. To pass them over in silence would be to promise it.
const NOT_HERE: [&str; 9] = [
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "request_object_encryption_alg",
    "request_object_encryption_enc",
    "introspection_encrypted_response_alg",
    "introspection_encrypted_response_enc",
    "authorization_details_types",
];

/// As long as an address may be.
const LONGEST: usize = 400;
/// As long as another text may be.
const LONGEST_TEXT: usize = 200;
const MOST_CONTACTS: usize = 10;

impl Wanted {
    /// The same, where somebody else's word counts more [RFC 7591 §2.3].
    #[must_use]
    pub fn under(self, said: Self) -> Self {
        let mut others = self.others;
        others.0.extend(said.others.0);
        Self {
            redirect_uris: said.redirect_uris.or(self.redirect_uris),
            post_logout_redirect_uris: said.post_logout_redirect_uris.or(self.post_logout_redirect_uris),
            backchannel_logout_uri: said.backchannel_logout_uri.or(self.backchannel_logout_uri),
            backchannel_logout_session_required: said
                .backchannel_logout_session_required
                .or(self.backchannel_logout_session_required),
            frontchannel_logout_uri: said.frontchannel_logout_uri.or(self.frontchannel_logout_uri),
            frontchannel_logout_session_required: said
                .frontchannel_logout_session_required
                .or(self.frontchannel_logout_session_required),
            token_endpoint_auth_method: said.token_endpoint_auth_method.or(self.token_endpoint_auth_method),
            token_endpoint_auth_signing_alg: said
                .token_endpoint_auth_signing_alg
                .or(self.token_endpoint_auth_signing_alg),
            grant_types: said.grant_types.or(self.grant_types),
            response_types: said.response_types.or(self.response_types),
            client_name: said.client_name.or(self.client_name),
            scope: said.scope.or(self.scope),
            jwks: said.jwks.or(self.jwks),
            jwks_uri: said.jwks_uri.or(self.jwks_uri),
            id_token_signed_response_alg: said.id_token_signed_response_alg.or(self.id_token_signed_response_alg),
            require_pushed_authorization_requests: said
                .require_pushed_authorization_requests
                .or(self.require_pushed_authorization_requests),
            require_signed_request_object: said.require_signed_request_object.or(self.require_signed_request_object),
            request_object_signing_alg: said.request_object_signing_alg.or(self.request_object_signing_alg),
            request_uris: said.request_uris.or(self.request_uris),
            authorization_signed_response_alg: said
                .authorization_signed_response_alg
                .or(self.authorization_signed_response_alg),
            authorization_encrypted_response_alg: said
                .authorization_encrypted_response_alg
                .or(self.authorization_encrypted_response_alg),
            authorization_encrypted_response_enc: said
                .authorization_encrypted_response_enc
                .or(self.authorization_encrypted_response_enc),
            userinfo_signed_response_alg: said.userinfo_signed_response_alg.or(self.userinfo_signed_response_alg),
            introspection_signed_response_alg: said
                .introspection_signed_response_alg
                .or(self.introspection_signed_response_alg),
            dpop_bound_access_tokens: said.dpop_bound_access_tokens.or(self.dpop_bound_access_tokens),
            tls_client_certificate_bound_access_tokens: said
                .tls_client_certificate_bound_access_tokens
                .or(self.tls_client_certificate_bound_access_tokens),
            tls_client_auth_subject_dn: said.tls_client_auth_subject_dn.or(self.tls_client_auth_subject_dn),
            tls_client_auth_san_dns: said.tls_client_auth_san_dns.or(self.tls_client_auth_san_dns),
            tls_client_auth_san_uri: said.tls_client_auth_san_uri.or(self.tls_client_auth_san_uri),
            tls_client_auth_san_ip: said.tls_client_auth_san_ip.or(self.tls_client_auth_san_ip),
            tls_client_auth_san_email: said.tls_client_auth_san_email.or(self.tls_client_auth_san_email),
            subject_type: said.subject_type.or(self.subject_type),
            sector_identifier_uri: said.sector_identifier_uri.or(self.sector_identifier_uri),
            backchannel_token_delivery_mode: said
                .backchannel_token_delivery_mode
                .or(self.backchannel_token_delivery_mode),
            backchannel_client_notification_endpoint: said
                .backchannel_client_notification_endpoint
                .or(self.backchannel_client_notification_endpoint),
            backchannel_authentication_request_signing_alg: said
                .backchannel_authentication_request_signing_alg
                .or(self.backchannel_authentication_request_signing_alg),
            backchannel_user_code_parameter: said
                .backchannel_user_code_parameter
                .or(self.backchannel_user_code_parameter),
            software_statement: self.software_statement,
            client_id: self.client_id,
            client_secret: self.client_secret,
            others,
        }
    }

    /// What the client says of itself, once the rest of what it wants can be had here at all.
    pub fn about(&self) -> Result<About, Refusal> {
        for name in NOT_HERE {
            if self.others.0.get(name).is_some_and(says_something) {
                let description = "A member asks for something that this server does not have: see its metadata.";
                return Err(refused(description).because(format!("{name} is not supported")));
            }
        }
        let about = About {
            application_type: self.application_type()?,
            client_uri: self.address("client_uri", "client_uri is an https URL.")?,
            logo_uri: self.address("logo_uri", "logo_uri is an https URL.")?,
            policy_uri: self.address("policy_uri", "policy_uri is an https URL.")?,
            tos_uri: self.address("tos_uri", "tos_uri is an https URL.")?,
            initiate_login_uri: self.address("initiate_login_uri", "initiate_login_uri is an https URL.")?,
            contacts: self.contacts()?,
            software_id: self.short("software_id", "software_id is a text of at most 200 characters.")?,
            software_version: self
                .short("software_version", "software_version is a text of at most 200 characters.")?,
            software_statement: self.software_statement.clone(),
            jwks: None,
        };
        self.at_home(about.application_type)?;
        Ok(About { jwks: self.other_keys()?, ..about })
    }

    fn application_type(&self) -> Result<ApplicationType, Refusal> {
        match self.other("application_type") {
            None => Ok(ApplicationType::default()),
            Some(Value::String(text)) if text == "web" => Ok(ApplicationType::Web),
            Some(Value::String(text)) if text == "native" => Ok(ApplicationType::Native),
            Some(_) => Err(refused("application_type is web or native.")),
        }
    }

    /// [OIDCR §2] what runs on a server is reached over https; what runs on somebody's device, at that device.
    fn at_home(&self, kind: ApplicationType) -> Result<(), Refusal> {
        let is_web = |uri: &String| uri.starts_with("https://");
        let all = self.redirect_uris.iter().flatten();
        match kind {
            ApplicationType::Web if !all.clone().all(is_web) => Err(Refusal::new(
                ErrorCode::InvalidRedirectUri,
                "redirect_uris of a web application are https; others are for application_type native.",
            )),
            ApplicationType::Web | ApplicationType::Native => Ok(()),
        }
    }

    /// Whether its keys prove who asks, or sign what it asks people for.
    pub fn uses_keys(&self) -> bool {
        let signed = ["authorization_code", "implicit", "urn:openid:params:grant-type:ciba"];
        let signs = |names: &Vec<String>| names.iter().any(|name| signed.contains(&name.as_str()));
        let keys = ["private_key_jwt", "self_signed_tls_client_auth"];
        self.token_endpoint_auth_method.as_deref().is_some_and(|method| keys.contains(&method))
            || self.grant_types.as_ref().is_none_or(signs)
    }

    /// A client may have keys that nobody here asks for.
    fn other_keys(&self) -> Result<Option<Value>, Refusal> {
        if self.uses_keys() {
            return Ok(None);
        }
        if self.jwks.is_some() && self.jwks_uri.is_some() {
            return Err(refused("Only one of jwks and jwks_uri [RFC 7591 2]."));
        }
        if self.jwks_uri.is_some() {
            return Err(refused("jwks_uri is for private_key_jwt, self_signed_tls_client_auth and signed requests."));
        }
        let Some(jwks) = &self.jwks else { return Ok(None) };
        let text = serde_json::to_vec(jwks).unwrap_or_default();
        if KeySet::parse(&text).is_ok_and(|keys| !keys.keys().is_empty()) {
            Ok(Some(jwks.clone()))
        } else {
            Err(refused("jwks has no usable key: P-256, RSA of 2048 to 4096 bits, or Ed25519."))
        }
    }

    fn contacts(&self) -> Result<Vec<String>, Refusal> {
        let wrong = || refused("contacts is a list of at most 10 texts of at most 200 characters.");
        let Some(value) = self.other("contacts") else { return Ok(Vec::new()) };
        let Value::Array(items) = value else { return Err(wrong()) };
        if items.len() > MOST_CONTACTS {
            return Err(wrong());
        }
        items.iter().map(|item| item.as_str().and_then(plain).ok_or_else(wrong)).collect()
    }

    fn short(&self, name: &str, wrong: &'static str) -> Result<Option<String>, Refusal> {
        let Some(value) = self.other(name) else { return Ok(None) };
        value.as_str().and_then(plain).map(Some).ok_or_else(|| refused(wrong))
    }

    /// People follow it.
    fn address(&self, name: &str, wrong: &'static str) -> Result<Option<String>, Refusal> {
        let Some(value) = self.other(name) else { return Ok(None) };
        let text = value.as_str().filter(|text| is_page(text));
        text.map(|text| Some(text.to_owned())).ok_or_else(|| refused(wrong))
    }

    fn other(&self, name: &str) -> Option<&Value> {
        self.others.0.get(name).filter(|value| !value.is_null())
    }

    /// Members of the answer that no request has [RFC 7592 §2.2].
    pub fn has_what_is_ours(&self) -> bool {
        ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"]
            .iter()
            .any(|name| self.other(name).is_some())
    }
}

fn refused(description: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidClientMetadata, description)
}

/// Whether people can follow it as it is: an https URL of at most 400 characters.
pub fn is_page(text: &str) -> bool {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.username().is_empty());
    text.len() <= LONGEST && has_no_controls(text) && url.is_some_and(|url| url.password().is_none())
}

fn plain(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.chars().count() <= LONGEST_TEXT && has_no_controls(text);
    fits.then(|| text.to_owned())
}

fn has_no_controls(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Not where it asks for what is there anyway: nothing.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty() && text != "none",
        Value::Array(items) => !items.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn about(value: Value) -> Result<About, Refusal> {
        serde_json::from_value::<Wanted>(value).unwrap().about()
    }

    fn code(value: Value) -> ErrorCode {
        about(value).unwrap_err().code
    }

    #[test]
    fn rfc7591_2_what_nobody_knows_is_not_read() {
        let known =
            about(json!({"client_name#de": "Laden", "x": [1, {"y": null}], "userinfo_signed_response_alg": null}));
        assert_eq!(known.unwrap(), About::default());
    }

    #[test]
    fn oidcr_2_where_people_come_back_to_depends_on_what_the_client_is() {
        let at = |kind: &str, uri: &str| about(json!({"application_type": kind, "redirect_uris": [uri]}));
        assert!(at("web", "https://shop.example/cb").is_ok());
        for uri in ["http://localhost/cb", "http://127.0.0.1/cb", "com.example.app:/cb", "http://shop.example/cb"] {
            assert_eq!(at("web", uri).unwrap_err().code, ErrorCode::InvalidRedirectUri, "{uri}");
            assert!(at("native", uri).is_ok(), "{uri}: others look at the rest");
        }
        assert_eq!(code(json!({"application_type": "spa"})), ErrorCode::InvalidClientMetadata);
    }

    #[test]
    fn rfc7591_2_what_people_follow_is_on_the_web() {
        for name in ["client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"] {
            assert!(about(json!({ name: "https://shop.example/x" })).is_ok());
            for bad in
                ["http://shop.example", "javascript:alert(1)", "data:text/html,x", "/x", "", "https://a:b@x.example"]
            {
                assert_eq!(code(json!({ name: bad })), ErrorCode::InvalidClientMetadata, "{name} {bad}");
            }
            assert_eq!(code(json!({ name: 1 })), ErrorCode::InvalidClientMetadata);
        }
    }

    #[test]
    fn what_is_said_to_people_is_short() {
        let text = |length: usize| "ü".repeat(length);
        for name in ["software_id", "software_version"] {
            assert!(about(json!({ name: text(200) })).is_ok(), "{name}");
            assert_eq!(code(json!({ name: text(201) })), ErrorCode::InvalidClientMetadata, "{name}");
        }
        assert!(about(json!({ "contacts": [text(200)] })).is_ok());
        assert_eq!(code(json!({ "contacts": [text(201)] })), ErrorCode::InvalidClientMetadata);
        let address = |length: usize| format!("https://shop.example/{}", "x".repeat(length - 21));
        assert!(about(json!({ "client_uri": address(400) })).is_ok());
        assert_eq!(code(json!({ "client_uri": address(401) })), ErrorCode::InvalidClientMetadata);
    }

    #[test]
    fn what_is_not_there_is_not_promised() {
        for name in NOT_HERE {
            assert_eq!(code(json!({ name: "RS256" })), ErrorCode::InvalidClientMetadata, "{name}");
            assert!(about(json!({ name: null })).is_ok() && about(json!({ name: false })).is_ok());
        }
    }
}
