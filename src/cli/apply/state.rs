//! The file: what it may say, and what that declares.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::parts::{ApplicationEntry, MfaPolicyEntry, NativeApplicationEntry, PolicyEntry, declared};
use super::sign_on;
use super::written::{Fields, client_fields, fields_of_user};
use crate::cli::exit::Exit;
use crate::cli::identifier::user_if_any;
use crate::clock::Timestamp;
use crate::config::environment;
use crate::domain::client::{AccessTokenFormat, Client, GrantType, NumberMatching, Secrets};
use crate::domain::profile::Profiles;
use crate::domain::sign_on::Settings;
use crate::domain::user::{Status, User};
use crate::protocol::id::{ClientId, PolicyId, UserId};
use crate::protocol::jwt::KeySet;
use crate::secret::Secret;
use crate::usecase::admin::AdminError;
use crate::usecase::admin::client_metadata::profile::unmet;
use crate::usecase::admin::client_metadata::{ClientMetadata, format_text, matching_text};
use crate::usecase::admin::clients::{SHORTEST_SECRET, replace_secret, stored};
use crate::usecase::admin::users::Profile;
use crate::usecase::certificates::{OF_AN_AUTHORITY, SELF_SIGNED};

/// `None`: the file does not mention the kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    application: Option<Vec<ApplicationEntry>>,
    policy: Option<Vec<PolicyEntry>>,
    native_application: Option<Vec<NativeApplicationEntry>>,
    mfa_policy: Option<Vec<MfaPolicyEntry>>,
    /// What holds where nothing else is said.
    sign_on: Option<Settings>,
    client: Option<Vec<ClientEntry>>,
    user: Option<Vec<UserEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientEntry {
    id: String,
    name: Option<String>,
    client_uri: Option<String>,
    logo_uri: Option<String>,
    policy_uri: Option<String>,
    tos_uri: Option<String>,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    auth: Auth,
    /// `env:NAME` or `file:PATH`.
    secret: Option<String>,
    /// A JWK Set as text, or `file:PATH`.
    jwks: Option<String>,
    jwks_uri: Option<String>,
    auth_alg: Option<String>,
    tls_client_auth_subject_dn: Option<String>,
    tls_client_auth_san_dns: Option<String>,
    tls_client_auth_san_uri: Option<String>,
    tls_client_auth_san_ip: Option<String>,
    tls_client_auth_san_email: Option<String>,
    grants: Option<Vec<Grant>>,
    redirect_uris: Option<Vec<String>>,
    post_logout_redirect_uris: Option<Vec<String>>,
    backchannel_logout_uri: Option<String>,
    backchannel_logout_session_required: Option<bool>,
    frontchannel_logout_uri: Option<String>,
    frontchannel_logout_session_required: Option<bool>,
    response_types: Option<Vec<String>>,
    redirectless: Option<bool>,
    cookieless: Option<bool>,
    sign_on_policy: Option<String>,
    implied_consent: Option<bool>,
    require_pkce: Option<bool>,
    require_pushed_authorization_requests: Option<bool>,
    require_signed_request_object: Option<bool>,
    request_object_signing_alg: Option<String>,
    request_uris: Option<Vec<String>>,
    authorization_signed_response_alg: Option<String>,
    authorization_encrypted_response_alg: Option<String>,
    authorization_encrypted_response_enc: Option<String>,
    authorization_details_types: Option<Vec<String>>,
    resources: Option<Vec<String>>,
    protected_resources: Option<Vec<String>>,
    scope: Option<String>,
    id_token_alg: Option<String>,
    access_token: Option<AccessTokenFormat>,
    userinfo_alg: Option<String>,
    introspection_alg: Option<String>,
    dpop_bound_access_tokens: Option<bool>,
    tls_client_certificate_bound_access_tokens: Option<bool>,
    token_exchange_audiences: Option<Vec<String>>,
    token_exchange_impersonation: Option<bool>,
    may_act: Option<String>,
    subject_type: Option<String>,
    sector_identifier_uri: Option<String>,
    security_profile: Option<String>,
    backchannel_token_delivery_mode: Option<String>,
    backchannel_client_notification_endpoint: Option<String>,
    number_matching: Option<NumberMatching>,
    #[serde(default)]
    long_poll: bool,
    ciba_request_alg: Option<String>,
    backchannel_user_code_parameter: Option<bool>,
    require_hint_token: Option<bool>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "as the standard calls them")]
enum Auth {
    #[default]
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
    TlsClientAuth,
    SelfSignedTlsClientAuth,
    None,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Grant {
    AuthorizationCode,
    Implicit,
    Ciba,
    RefreshToken,
    ClientCredentials,
    DeviceCode,
    TokenExchange,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    /// The `sub` of the person's tokens; a new one when it is left out.
    #[serde(default, deserialize_with = "user_if_any")]
    id: Option<UserId>,
    username: String,
    name: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default = "active")]
    status: Status,
}

const fn active() -> Status {
    Status::Active
}

/// What there should be.
pub(super) struct Declared {
    pub(super) sign_on: sign_on::Declared,
    pub(super) clients: Option<Vec<DeclaredClient>>,
    pub(super) people: Option<Vec<DeclaredUser>>,
}

/// A client, all but its secrets, and perhaps the secret that it should have.
pub(super) struct DeclaredClient {
    pub(super) id: ClientId,
    shape: Client,
    pub(super) secret: Option<Secret<String>>,
}

pub(super) struct DeclaredUser {
    pub(super) id: Option<UserId>,
    pub(super) username: String,
    name: Option<String>,
    email: Option<String>,
    email_verified: bool,
    pub(super) status: Status,
}

impl State {
    /// Everything that is wrong with it, at once.
    pub(super) fn declared(self) -> Result<Declared, Vec<String>> {
        let mut problems = Vec::new();
        let sign_on = sign_on::Declared {
            policies: declared(self.policy, &mut problems),
            applications: declared(self.application, &mut problems),
            native_applications: declared(self.native_application, &mut problems),
            mfa_policies: declared(self.mfa_policy, &mut problems),
            settings: self.sign_on,
        };
        let clients = self.client.map(|entries| {
            let names = entries.iter().map(|entry| entry.id.clone()).collect();
            repeated("client", names, &mut problems);
            entries
                .into_iter()
                .filter_map(|entry| client(&entry).map_err(|mut own| problems.append(&mut own)).ok())
                .collect()
        });
        let people = self.user.map(|entries: Vec<UserEntry>| {
            let names = entries.iter().map(|entry| entry.username.clone()).collect();
            repeated("user", names, &mut problems);
            entries.into_iter().filter_map(|entry| user(entry).map_err(|why| problems.push(why)).ok()).collect()
        });
        if problems.is_empty() { Ok(Declared { sign_on, clients, people }) } else { Err(problems) }
    }
}

impl Declared {
    /// What the server, or a client itself, demands and the file does not have.
    pub(super) fn unmet(&self, profiles: Profiles) -> Vec<String> {
        let mut problems = Vec::new();
        for client in self.clients.iter().flatten() {
            for one in unmet(profiles, &client.shape).err().into_iter().flatten() {
                problems.push(format!("client {}: {}: {}", client.id, called(one.name()), one.detail));
            }
        }
        problems
    }
}

pub(super) fn repeated(kind: &str, mut names: Vec<String>, problems: &mut Vec<String>) {
    names.sort();
    for pair in names.windows(2) {
        if let [one, other] = pair
            && one == other
        {
            problems.push(format!("{kind} {one}: is there twice"));
        }
    }
}

fn client(entry: &ClientEntry) -> Result<DeclaredClient, Vec<String>> {
    let mut problems = Vec::new();
    let mut problem = |what: &str| problems.push(format!("client {}: {what}", entry.id));
    let id = ClientId::parse(&entry.id);
    if id.is_none() {
        problem("an id has 1 to 100 visible characters");
    }
    let secret = entry.secret.as_deref().map(reference).transpose().unwrap_or_else(|why| {
        problem(&why);
        None
    });
    if entry.secret.is_some() && !matches!(entry.auth, Auth::ClientSecretBasic | Auth::ClientSecretPost) {
        problem("a client with keys, or a public one, has no secret");
    }
    let jwks = entry.jwks.as_deref().map(key_set).transpose().unwrap_or_else(|why| {
        problem(&why);
        None
    });
    // A key set that cannot be read is not one that is missing.
    if entry.jwks.is_some() && jwks.is_none() {
        return Err(problems);
    }
    // The rules that hold for every registration, whoever makes it.
    let described = id.map(|id| metadata(entry, jwks).client(id, None, None, Timestamp::from_millis(0)));
    if let Some(Err(broken)) = &described {
        for one in broken {
            problem(&format!("{}: {}", called(one.name()), one.detail));
        }
    }
    match described {
        Some(Ok(shape)) if problems.is_empty() => Ok(DeclaredClient { id: shape.id.clone(), shape, secret }),
        Some(_) | None => Err(problems),
    }
}

/// The entry in the words of the standards.
fn metadata(entry: &ClientEntry, jwks: Option<Value>) -> ClientMetadata {
    let text = |text: &str| Some(text.to_owned());
    ClientMetadata {
        client_name: entry.name.clone(),
        client_uri: entry.client_uri.clone(),
        logo_uri: entry.logo_uri.clone(),
        policy_uri: entry.policy_uri.clone(),
        tos_uri: entry.tos_uri.clone(),
        token_endpoint_auth_method: text(match entry.auth {
            Auth::ClientSecretBasic => "client_secret_basic",
            Auth::ClientSecretPost => "client_secret_post",
            Auth::PrivateKeyJwt => "private_key_jwt",
            Auth::TlsClientAuth => OF_AN_AUTHORITY,
            Auth::SelfSignedTlsClientAuth => SELF_SIGNED,
            Auth::None => "none",
        }),
        token_endpoint_auth_signing_alg: entry.auth_alg.clone(),
        tls_client_auth_subject_dn: entry.tls_client_auth_subject_dn.clone(),
        tls_client_auth_san_dns: entry.tls_client_auth_san_dns.clone(),
        tls_client_auth_san_uri: entry.tls_client_auth_san_uri.clone(),
        tls_client_auth_san_ip: entry.tls_client_auth_san_ip.clone(),
        tls_client_auth_san_email: entry.tls_client_auth_san_email.clone(),
        jwks,
        jwks_uri: entry.jwks_uri.clone(),
        grant_types: entry
            .grants
            .as_ref()
            .map(|grants| grants.iter().map(|grant| grant_type(*grant).as_str().to_owned()).collect()),
        redirect_uris: entry.redirect_uris.clone(),
        post_logout_redirect_uris: entry.post_logout_redirect_uris.clone(),
        backchannel_logout_uri: entry.backchannel_logout_uri.clone(),
        backchannel_logout_session_required: entry.backchannel_logout_session_required,
        frontchannel_logout_uri: entry.frontchannel_logout_uri.clone(),
        frontchannel_logout_session_required: entry.frontchannel_logout_session_required,
        response_types: entry.response_types.clone(),
        redirectless: entry.redirectless,
        cookieless: entry.cookieless,
        sign_on_policy: entry.sign_on_policy.clone(),
        implied_consent: entry.implied_consent,
        require_pkce: entry.require_pkce,
        require_pushed_authorization_requests: entry.require_pushed_authorization_requests,
        require_signed_request_object: entry.require_signed_request_object,
        request_object_signing_alg: entry.request_object_signing_alg.clone(),
        request_uris: entry.request_uris.clone(),
        authorization_signed_response_alg: entry.authorization_signed_response_alg.clone(),
        authorization_encrypted_response_alg: entry.authorization_encrypted_response_alg.clone(),
        authorization_encrypted_response_enc: entry.authorization_encrypted_response_enc.clone(),
        authorization_details_types: entry.authorization_details_types.clone(),
        resources: entry.resources.clone(),
        protected_resources: entry.protected_resources.clone(),
        scope: entry.scope.clone(),
        id_token_signed_response_alg: entry.id_token_alg.clone(),
        backchannel_token_delivery_mode: entry.backchannel_token_delivery_mode.clone(),
        backchannel_client_notification_endpoint: entry.backchannel_client_notification_endpoint.clone(),
        access_token_format: entry.access_token.and_then(|format| text(format_text(format))),
        userinfo_signed_response_alg: entry.userinfo_alg.clone(),
        introspection_signed_response_alg: entry.introspection_alg.clone(),
        dpop_bound_access_tokens: entry.dpop_bound_access_tokens,
        tls_client_certificate_bound_access_tokens: entry.tls_client_certificate_bound_access_tokens,
        token_exchange_audiences: entry.token_exchange_audiences.clone(),
        token_exchange_impersonation: entry.token_exchange_impersonation,
        may_act: entry.may_act.clone(),
        subject_type: entry.subject_type.clone(),
        sector_identifier_uri: entry.sector_identifier_uri.clone(),
        security_profile: entry.security_profile.clone(),
        number_matching: entry.number_matching.and_then(|matching| text(matching_text(matching))),
        long_poll: Some(entry.long_poll),
        backchannel_authentication_request_signing_alg: entry.ciba_request_alg.clone(),
        backchannel_user_code_parameter: entry.backchannel_user_code_parameter,
        require_hint_token: entry.require_hint_token,
        disabled: Some(entry.disabled),
    }
}

/// What the file calls a member, or a part of one.
fn called(pointer: &str) -> String {
    let (member, rest) = pointer.split_once('/').unwrap_or((pointer, ""));
    let name = match member {
        "client_name" => "name",
        "token_endpoint_auth_method" => "auth",
        "token_endpoint_auth_signing_alg" => "auth_alg",
        "grant_types" => "grants",
        "id_token_signed_response_alg" => "id_token_alg",
        "userinfo_signed_response_alg" => "userinfo_alg",
        "introspection_signed_response_alg" => "introspection_alg",
        "access_token_format" => "access_token",
        "backchannel_authentication_request_signing_alg" => "ciba_request_alg",
        other => other,
    };
    if rest.is_empty() { name.to_owned() } else { format!("{name}/{rest}") }
}

const fn grant_type(grant: Grant) -> GrantType {
    match grant {
        Grant::AuthorizationCode => GrantType::AuthorizationCode,
        Grant::Implicit => GrantType::Implicit,
        Grant::Ciba => GrantType::Ciba,
        Grant::RefreshToken => GrantType::RefreshToken,
        Grant::ClientCredentials => GrantType::ClientCredentials,
        Grant::DeviceCode => GrantType::DeviceCode,
        Grant::TokenExchange => GrantType::TokenExchange,
    }
}

fn key_set(text: &str) -> Result<Value, String> {
    let text = match text.strip_prefix("file:") {
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("jwks {file}: {error}"))?,
        None => text.to_owned(),
    };
    KeySet::parse(text.as_bytes()).map_err(|error| format!("jwks: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("jwks: {error}"))
}

/// What a file may say in place of a secret. What it says otherwise is perhaps one: it is not repeated.
fn reference(text: &str) -> Result<Secret<String>, String> {
    let found = match text.split_once(':') {
        Some(("env", name)) => environment(name).ok_or_else(|| format!("secret: {name} is not set"))?,
        Some(("file", file)) => {
            std::fs::read_to_string(file).map_err(|error| format!("secret: {file} cannot be read: {error}"))?
        }
        Some(_) | None => return Err("secret is env:NAME or file:PATH, never the secret itself".to_owned()),
    };
    let secret = Secret::new(found.trim_end_matches(['\r', '\n']).to_owned());
    if secret.expose().len() < SHORTEST_SECRET {
        return Err(format!("the secret has fewer than {SHORTEST_SECRET} characters"));
    }
    Ok(secret)
}

fn user(entry: UserEntry) -> Result<DeclaredUser, String> {
    let UserEntry { id, username, name, email, email_verified, status } = entry;
    let declared = DeclaredUser { id, username, name, email, email_verified, status };
    // Its message names a field, and the line of a problem says whose.
    let told = |error| format!("user {}: {}", declared.username, Exit::from(error).to_string().replace('\n', "; "));
    declared.profile().check().map_err(told)?;
    Ok(declared)
}

impl DeclaredClient {
    pub(super) const fn shape(&self) -> &Client {
        &self.shape
    }

    pub(super) fn policy(&self) -> Option<&PolicyId> {
        self.shape.sign_in.as_ref().and_then(|sign_in| sign_in.policy.as_ref())
    }

    pub(super) fn needs_secret(&self) -> bool {
        self.shape.authentication.secrets().is_some()
    }

    /// As it would be registered.
    pub(super) fn metadata(&self) -> ClientMetadata {
        ClientMetadata::of(&self.shape)
    }

    /// The client as it should be. Secrets that it has stay, unless another one is declared.
    pub(super) fn applied(self, before: &Client, now: Timestamp) -> Result<Client, AdminError> {
        let changes_secret = self.changes_secret(before);
        let mut client = Client { created_at: before.created_at, ..self.shape };
        if let Some(secrets) = client.authentication.secrets_mut() {
            *secrets = before.authentication.secrets().cloned().unwrap_or(Secrets(Vec::new()));
        }
        match self.secret {
            Some(secret) if changes_secret => replace_secret(client, stored(&secret), now),
            Some(_) | None => Ok(client),
        }
    }

    /// Whether the declared secret is not the one that works from now on.
    pub(super) fn changes_secret(&self, before: &Client) -> bool {
        let Some(secret) = &self.secret else { return false };
        before.authentication.secrets().is_none_or(|Secrets(secrets)| {
            !secrets.iter().any(|one| one.expires_at.is_none() && one.digest.matches(secret.expose().as_bytes()))
        })
    }

    pub(super) fn fields(&self) -> Fields {
        client_fields(&self.shape)
    }
}

impl DeclaredUser {
    pub(super) fn created(self, now: Timestamp, fresh: Uuid) -> User {
        let Self { id, username, name, email, email_verified, status } = self;
        let id = id.unwrap_or_else(|| UserId::new(fresh));
        User { id, username, name, email, email_verified, status, created_at: now, updated_at: now }
    }

    fn profile(&self) -> Profile {
        Profile {
            username: self.username.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            email_verified: self.email_verified,
        }
    }

    /// What a profile has to become, as a merge patch: what is left out is taken away.
    pub(super) fn patch(&self) -> Value {
        json!({ "name": self.name, "email": self.email, "email_verified": self.email_verified })
    }

    pub(super) fn fields(&self) -> Fields {
        fields_of_user(self.name.as_deref(), self.email.as_deref(), self.email_verified, self.status)
    }
}
