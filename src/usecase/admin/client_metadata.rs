//! What is registered about a client, in the words of [RFC 7591 §2] and [CIBA §4], and the rules for it.

mod address;
mod authentication;
mod certificate;
mod delivery;
mod exchange;
mod logout;
mod pages;
pub mod profile;
mod resources;
pub(super) mod sign_in;
mod subject;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::authentication::method;
pub use self::certificate::SubjectTexts;
pub use self::delivery::matching_text;
use crate::clock::Timestamp;
use crate::domain::client::{AccessTokenFormat, Authentication, Client, GrantType, KeySource, Pages};
use crate::outbound::egress::Egress;
use crate::protocol::admin_error::{FieldCode, FieldProblem};
use crate::protocol::admin_scope::{is_administrative, is_unknown};
use crate::protocol::algorithm::Algorithm;
use crate::protocol::id::ClientId;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::scope::Scope;

/// What may be changed. A member that is left out has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientMetadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_subject_dn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_dns: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uris: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_logout_redirect_uris: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_session_required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_session_required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    /// `response_mode=pi.flow`, in `PingFederate`'s word. For administrators to say: a client that
    /// registered itself would see passwords.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirectless: Option<bool>,
    /// Such a flow needs no cookies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookieless: Option<bool>,
    /// The identifier of a policy. For administrators to say: a weaker one lets people in with less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_on_policy: Option<String>,
    /// In `PingAM`'s word. For administrators to say: a client that registered itself would have whatever
    /// it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub implied_consent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pkce: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pushed_authorization_requests: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_signed_request_object: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_uris: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_encrypted_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_encrypted_response_enc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details_types: Option<Vec<String>>,
    /// Servers that access tokens may be for [RFC 8707].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<String>>,
    /// For administrators to say: it lets a client ask about tokens of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protected_resources: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_token_delivery_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_client_notification_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpop_bound_access_tokens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_certificate_bound_access_tokens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_exchange_audiences: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_exchange_impersonation: Option<bool>,
    /// For administrators to say: it lets another client act for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_act: Option<String>,
    /// For administrators to say: what a client is held to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_matching: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_poll: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_authentication_request_signing_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_user_code_parameter: Option<bool>,
    /// For administrators to say: what they do not believe a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_hint_token: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// As long as a scope parameter may be.
const LONGEST_SCOPE: usize = 300;
pub(super) const LONGEST_NAME: usize = 100;

pub const fn format_text(format: AccessTokenFormat) -> &'static str {
    match format {
        AccessTokenFormat::Jwt => "jwt",
        AccessTokenFormat::Opaque => "opaque",
    }
}

/// An identifier that stands in a path as it is, and is nobody's `sub` [RFC 9068 §5].
pub fn client_id(text: &str) -> Option<ClientId> {
    ClientId::parse(text).filter(|_| is_name(text) && uuid::Uuid::parse_str(text).is_err())
}

/// Whether it stands in a path as it is, and begins like a word.
pub(super) fn is_name(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) && text.bytes().all(unreserved)
}

/// What people see: what was wished for, or the identifier.
pub(super) fn name(
    pointer: &'static str,
    wished: Option<&str>,
    id: &str,
    longest: usize,
    problems: &mut Problems,
) -> String {
    let name = wished.unwrap_or(id);
    if name.is_empty() || name.chars().any(char::is_control) {
        problems.add(pointer, FieldCode::Invalid, "Empty, or with control characters.");
    } else if name.chars().count() > longest {
        let detail = format!("At most {longest} characters.").into();
        problems.0.push(FieldProblem { detail, ..FieldProblem::new(pointer, FieldCode::TooLong, "") });
    }
    name.to_owned()
}

impl ClientMetadata {
    pub fn of(client: &Client) -> Self {
        let (jwks, jwks_uri) = match client.keys() {
            Some(KeySource::Jwks(jwks)) => (Some(jwks.clone()), None),
            Some(KeySource::JwksUri(uri)) => (None, Some(uri.clone())),
            None => (None, None),
        };
        let alg = match &client.authentication {
            Authentication::PrivateKeyJwt { alg, .. } => *alg,
            Authentication::None
            | Authentication::ClientSecretBasic(_)
            | Authentication::ClientSecretPost(_)
            | Authentication::TlsClientAuth(_)
            | Authentication::SelfSignedTlsClientAuth { .. } => None,
        };
        let subject = SubjectTexts::of(client);
        let backchannel = client.backchannel.as_ref();
        let sign_in = client.sign_in.as_ref();
        let called = client.logout().and_then(|logout| logout.backchannel.as_ref());
        let framed = client.logout().and_then(|logout| logout.frontchannel.as_ref());
        let requests = sign_in.map(|sign_in| &sign_in.requests);
        let encrypted = sign_in.and_then(|sign_in| sign_in.authorization_encrypted_response);
        let Pages { client_uri, logo_uri, policy_uri, tos_uri } = client.read_about();
        Self {
            client_name: Some(client.name.clone()),
            client_uri,
            logo_uri,
            policy_uri,
            tos_uri,
            token_endpoint_auth_method: Some(method(&client.authentication).to_owned()),
            token_endpoint_auth_signing_alg: alg.map(|alg| alg.as_str().to_owned()),
            tls_client_auth_subject_dn: subject.dn,
            tls_client_auth_san_dns: subject.dns,
            tls_client_auth_san_uri: subject.uri,
            tls_client_auth_san_ip: subject.ip,
            tls_client_auth_san_email: subject.email,
            jwks,
            jwks_uri,
            grant_types: Some(client.grants.iter().map(|grant| grant.as_str().to_owned()).collect()),
            redirect_uris: sign_in.map(|sign_in| RedirectUri::texts(&sign_in.redirect_uris)),
            post_logout_redirect_uris: sign_in.map(|sign_in| RedirectUri::texts(&sign_in.post_logout_redirect_uris)),
            backchannel_logout_uri: called.map(|logout| logout.uri.clone()),
            backchannel_logout_session_required: called.map(|logout| logout.session_required),
            frontchannel_logout_uri: framed.map(|logout| logout.uri.clone()),
            frontchannel_logout_session_required: framed.map(|logout| logout.session_required),
            response_types: sign_in
                .map(|sign_in| sign_in.response_types.iter().map(|kind| kind.as_str().to_owned()).collect()),
            redirectless: sign_in.map(|sign_in| sign_in.redirectless),
            cookieless: sign_in.map(|sign_in| sign_in.cookieless),
            sign_on_policy: sign_in.and_then(|sign_in| sign_in.policy.as_ref()).map(ToString::to_string),
            implied_consent: sign_in.map(|sign_in| sign_in.implied_consent),
            require_pkce: sign_in.map(|sign_in| sign_in.require_pkce),
            require_pushed_authorization_requests: requests.map(|requests| requests.pushed),
            require_signed_request_object: requests.map(|requests| requests.signed),
            request_object_signing_alg: requests
                .and_then(|requests| requests.signing_alg)
                .map(|alg| alg.as_str().to_owned()),
            request_uris: requests.map(|requests| requests.uris.clone()),
            authorization_signed_response_alg: sign_in
                .and_then(|sign_in| sign_in.authorization_signed_response_alg)
                .map(|alg| alg.as_str().to_owned()),
            authorization_encrypted_response_alg: encrypted.map(|encryption| encryption.alg.as_str().to_owned()),
            authorization_encrypted_response_enc: encrypted.map(|encryption| encryption.enc.as_str().to_owned()),
            authorization_details_types: requests.map(|requests| requests.details.clone()),
            resources: Some(client.resources.clone()),
            protected_resources: Some(client.protected_resources.clone()).filter(|uris| !uris.is_empty()),
            scope: Some(client.scope.to_string()),
            id_token_signed_response_alg: Some(client.id_token_signed_response_alg.as_str().to_owned()),
            backchannel_token_delivery_mode: backchannel.map(|backchannel| backchannel.delivery.as_str().to_owned()),
            backchannel_client_notification_endpoint: client.notification_endpoint().cloned(),
            access_token_format: Some(format_text(client.access_token_format).to_owned()),
            userinfo_signed_response_alg: client.userinfo_signed_response_alg.map(|alg| alg.as_str().to_owned()),
            introspection_signed_response_alg: client
                .introspection_signed_response_alg
                .map(|alg| alg.as_str().to_owned()),
            dpop_bound_access_tokens: Some(client.dpop_bound_access_tokens),
            tls_client_certificate_bound_access_tokens: Some(client.tls_client_certificate_bound_access_tokens),
            token_exchange_audiences: client.token_exchange.as_ref().map(|exchange| exchange.audiences.clone()),
            token_exchange_impersonation: client.token_exchange.as_ref().map(|exchange| exchange.impersonation),
            may_act: client.may_act.as_ref().map(ClientId::to_string),
            subject_type: Some(subject_type(client).to_owned()),
            sector_identifier_uri: client.pairwise.as_ref().and_then(|sector| sector.uri.clone()),
            security_profile: client.security_profile.map(|profile| profile.as_str().to_owned()),
            number_matching: backchannel
                .and_then(|backchannel| backchannel.number_matching)
                .map(|matching| matching_text(matching).to_owned()),
            long_poll: backchannel.map(|backchannel| backchannel.long_poll),
            backchannel_authentication_request_signing_alg: backchannel
                .and_then(|backchannel| backchannel.request_signing_alg)
                .map(|alg| alg.as_str().to_owned()),
            backchannel_user_code_parameter: backchannel.map(|backchannel| backchannel.user_code),
            require_hint_token: backchannel.map(|backchannel| backchannel.require_hint_token),
            disabled: Some(client.disabled),
        }
    }

    /// The client that these words describe. What it proves itself with, when that is a secret, comes
    /// from `before`.
    pub fn client(
        &self,
        id: ClientId,
        before: Option<&Client>,
        egress: Option<&Egress>,
        now: Timestamp,
    ) -> Result<Client, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let name = name("/client_name", self.client_name.as_deref(), id.as_str(), LONGEST_NAME, &mut problems);
        let authentication = self.authentication(before, egress, &mut problems);
        let grants = self.grants(&mut problems);
        let scope = self.scope(&grants, &mut problems);
        let tls_client_certificate_bound_access_tokens = self.certificate_bound(&mut problems);
        let sign_in = self.sign_in(&grants, egress, &mut problems);
        let (resources, protected_resources) = self.servers(&mut problems);
        let token_exchange = self.token_exchange(&grants, &mut problems);
        let may_act = self.may_act(&mut problems);
        let pairwise = self.sector(sign_in.as_ref(), &grants, egress, &mut problems);
        let security_profile = self.security_profile(&mut problems);
        let pages = self.pages(&mut problems);
        let (registered, pages) = match before.and_then(|before| before.registered.clone()) {
            Some(own) => (Some(pages.said_of(own)), Pages::default()),
            None => (None, pages),
        };
        let backchannel = self.backchannel(&grants, egress, &mut problems);
        let id_token_signed_response_alg = match self.id_token_signed_response_alg.as_deref() {
            None => Some(Algorithm::ES256),
            Some(text) => Algorithm::parse(text).filter(|alg| Algorithm::SIGNING.contains(alg)),
        };
        if id_token_signed_response_alg.is_none() {
            problems.add("/id_token_signed_response_alg", FieldCode::Invalid, "One of ES256, PS256, RS256.");
        }
        let (userinfo, introspection) = (&self.userinfo_signed_response_alg, &self.introspection_signed_response_alg);
        let userinfo_signed_response_alg = problems.signing("/userinfo_signed_response_alg", userinfo.as_deref());
        let introspection_signed_response_alg =
            problems.signing("/introspection_signed_response_alg", introspection.as_deref());
        let access_token_format = match self.access_token_format.as_deref() {
            None | Some("jwt") => AccessTokenFormat::Jwt,
            Some("opaque") => AccessTokenFormat::Opaque,
            Some(_) => {
                problems.add("/access_token_format", FieldCode::Invalid, "jwt or opaque.");
                AccessTokenFormat::Jwt
            }
        };
        match (authentication, scope, id_token_signed_response_alg) {
            (Some(authentication), Some(scope), Some(id_token_signed_response_alg)) if problems.0.is_empty() => {
                Ok(Client {
                    id,
                    name,
                    disabled: self.disabled.unwrap_or(false),
                    authentication,
                    grants,
                    scope,
                    id_token_signed_response_alg,
                    access_token_format,
                    resources,
                    protected_resources,
                    userinfo_signed_response_alg,
                    introspection_signed_response_alg,
                    dpop_bound_access_tokens: self.dpop_bound_access_tokens.unwrap_or(false),
                    tls_client_certificate_bound_access_tokens,
                    backchannel,
                    sign_in,
                    registered,
                    token_exchange,
                    may_act,
                    pairwise,
                    security_profile,
                    pages,
                    created_at: before.map_or(now, |before| before.created_at),
                })
            }
            _ => Err(problems.0),
        }
    }

    fn grants(&self, problems: &mut Problems) -> BTreeSet<GrantType> {
        let Some(names) = &self.grant_types else { return [self.default_grant()].into() };
        let grants: BTreeSet<GrantType> = names.iter().filter_map(|name| GrantType::parse(name)).collect();
        if grants.is_empty() || grants.len() != names.len() {
            problems.add(
                "/grant_types",
                FieldCode::Invalid,
                "Empty, repeated, or with a grant type that we do not have.",
            );
        }
        // [RFC 6749 §4.4, CIBA §7.1] whoever gets something without a person at this browser proves who it is.
        let unproved = |name: &str| {
            let proves = [GrantType::Ciba, GrantType::ClientCredentials, GrantType::TokenExchange];
            self.is_public() && GrantType::parse(name).is_some_and(|grant| proves.contains(&grant))
        };
        for (at, _) in names.iter().enumerate().filter(|(_, name)| unproved(name)) {
            problems.add_to(format!("/grant_types/{at}"), FieldCode::NotAllowed, "Not for a public client.");
        }
        grants
    }

    fn scope(&self, grants: &BTreeSet<GrantType>, problems: &mut Problems) -> Option<Scope> {
        let text = self.scope.as_deref().unwrap_or("openid profile email");
        if text.len() > LONGEST_SCOPE {
            problems.add("/scope", FieldCode::TooLong, "At most 300 characters.");
            return None;
        }
        let Some(scope) = Scope::parse(text) else {
            problems.add("/scope", FieldCode::Invalid, "Empty, or with characters that no scope has.");
            return None;
        };
        if scope.names().any(is_unknown) {
            problems.add("/scope", FieldCode::Unknown, "A scope that begins with nod: and is none of ours.");
        } else if scope.names().any(is_administrative) && !grants.contains(&GrantType::ClientCredentials) {
            problems.add("/scope", FieldCode::NotAllowed, "nod: scopes need the client_credentials grant.");
        }
        Some(scope)
    }
}

/// In the word of [OIDCR §2].
pub const fn subject_type(client: &Client) -> &'static str {
    if client.pairwise.is_some() { subject::PAIRWISE } else { subject::PUBLIC }
}

#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<FieldProblem>);

impl Problems {
    pub(super) fn add(&mut self, pointer: &'static str, code: FieldCode, detail: &'static str) {
        self.0.push(FieldProblem::new(pointer, code, detail));
    }

    /// An algorithm that we sign with, if one is named.
    fn signing(&mut self, pointer: &'static str, named: Option<&str>) -> Option<Algorithm> {
        let alg = Algorithm::parse(named?).filter(|alg| Algorithm::SIGNING.contains(alg));
        if alg.is_none() {
            self.add(pointer, FieldCode::Invalid, "One of ES256, PS256, RS256.");
        }
        alg
    }

    /// For one of a list.
    pub(super) fn add_to(&mut self, pointer: String, code: FieldCode, detail: &'static str) {
        self.0.push(FieldProblem::member(pointer, code, detail));
    }
}
