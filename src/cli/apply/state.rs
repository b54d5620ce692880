//! The file: what it may say, and what that declares.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::written::{Fields, client_fields, fields_of_user};
use crate::cli::exit::Exit;
use crate::cli::identifier::user_if_any;
use crate::clock::Timestamp;
use crate::config::environment;
use crate::domain::client::{
    AccessTokenFormat, Authentication, Backchannel, Client, Delivery, GrantType, KeySource, NumberMatching, Secrets,
};
use crate::domain::user::{Status, User};
use crate::protocol::admin_error::FieldProblem;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::id::{ClientId, UserId};
use crate::protocol::jwt::KeySet;
use crate::protocol::scope::Scope;
use crate::secret::Secret;
use crate::usecase::admin::AdminError;
use crate::usecase::admin::client_metadata::ClientMetadata;
use crate::usecase::admin::clients::{SHORTEST_SECRET, replace_secret, stored};
use crate::usecase::admin::users::Profile;

/// `None`: the file does not mention the kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    client: Option<Vec<ClientEntry>>,
    user: Option<Vec<UserEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientEntry {
    id: String,
    name: Option<String>,
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
    grants: Option<Vec<Grant>>,
    scope: Option<String>,
    id_token_alg: Option<String>,
    access_token: Option<AccessTokenFormat>,
    number_matching: Option<NumberMatching>,
    #[serde(default)]
    long_poll: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Auth {
    #[default]
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Grant {
    Ciba,
    RefreshToken,
    ClientCredentials,
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
        let clients = self.client.map(|entries| {
            let names = entries.iter().map(|entry| entry.id.clone()).collect();
            repeated("client", names, &mut problems);
            entries
                .into_iter()
                .filter_map(|entry| client(entry).map_err(|mut own| problems.append(&mut own)).ok())
                .collect()
        });
        let people = self.user.map(|entries: Vec<UserEntry>| {
            let names = entries.iter().map(|entry| entry.username.clone()).collect();
            repeated("user", names, &mut problems);
            entries.into_iter().filter_map(|entry| user(entry).map_err(|why| problems.push(why)).ok()).collect()
        });
        if problems.is_empty() { Ok(Declared { clients, people }) } else { Err(problems) }
    }
}

fn repeated(kind: &str, mut names: Vec<String>, problems: &mut Vec<String>) {
    names.sort();
    for pair in names.windows(2) {
        if let [one, other] = pair
            && one == other
        {
            problems.push(format!("{kind} {one}: is there twice"));
        }
    }
}

fn client(entry: ClientEntry) -> Result<DeclaredClient, Vec<String>> {
    let mut problems = Vec::new();
    let mut problem = |what: &str| problems.push(format!("client {}: {what}", entry.id));
    let id = ClientId::parse(&entry.id);
    if id.is_none() {
        problem("an id has 1 to 100 visible characters");
    }
    let scope = Scope::parse(entry.scope.as_deref().unwrap_or("openid profile email"));
    if scope.is_none() {
        problem("scope has characters that no scope has");
    }
    let id_token_alg = Algorithm::parse(entry.id_token_alg.as_deref().unwrap_or("ES256"));
    let id_token_alg = id_token_alg.filter(|alg| Algorithm::SIGNING.contains(alg));
    if id_token_alg.is_none() {
        problem("id_token_alg is one of ES256, PS256, RS256");
    }
    let secret = entry.secret.as_deref().map(reference).transpose().unwrap_or_else(|why| {
        problem(&why);
        None
    });
    let authentication = authentication(&entry).map_err(|why| problem(&why)).ok();
    let grants: BTreeSet<GrantType> =
        entry.grants.as_deref().unwrap_or(&[Grant::Ciba]).iter().copied().map(grant_type).collect();
    let backchannel = grants.contains(&GrantType::Ciba).then_some(Backchannel {
        delivery: Delivery::Poll,
        number_matching: entry.number_matching,
        long_poll: entry.long_poll,
    });
    if backchannel.is_none() && (entry.number_matching.is_some() || entry.long_poll) {
        problem("number_matching and long_poll are for the grant ciba");
    }
    let (Some(id), Some(scope), Some(id_token_alg), Some(authentication), true) =
        (id, scope, id_token_alg, authentication, problems.is_empty())
    else {
        return Err(problems);
    };
    let shape = Client {
        id: id.clone(),
        name: entry.name.unwrap_or_else(|| id.to_string()),
        disabled: entry.disabled,
        authentication,
        grants,
        scope,
        id_token_signed_response_alg: id_token_alg,
        access_token_format: entry.access_token.unwrap_or(AccessTokenFormat::Jwt),
        backchannel,
        sign_in: None,
        created_at: Timestamp::from_millis(0),
    };
    // The rules that hold for every registration, whoever makes it.
    match ClientMetadata::of(&shape).client(id.clone(), None, None, shape.created_at) {
        Ok(_) => Ok(DeclaredClient { id, shape, secret }),
        Err(broken) => {
            let told = |problem: &FieldProblem| format!("client {id}: {}: {}", problem.name(), problem.detail);
            Err(broken.iter().map(told).collect())
        }
    }
}

const fn grant_type(grant: Grant) -> GrantType {
    match grant {
        Grant::Ciba => GrantType::Ciba,
        Grant::RefreshToken => GrantType::RefreshToken,
        Grant::ClientCredentials => GrantType::ClientCredentials,
    }
}

fn authentication(entry: &ClientEntry) -> Result<Authentication, String> {
    if entry.auth != Auth::PrivateKeyJwt {
        if entry.jwks.is_some() || entry.jwks_uri.is_some() || entry.auth_alg.is_some() {
            return Err("jwks, jwks_uri and auth_alg are for private_key_jwt".to_owned());
        }
        let none = Secrets(Vec::new());
        return Ok(if entry.auth == Auth::ClientSecretPost {
            Authentication::ClientSecretPost(none)
        } else {
            Authentication::ClientSecretBasic(none)
        });
    }
    if entry.secret.is_some() {
        return Err("private_key_jwt has no secret".to_owned());
    }
    let keys = match (&entry.jwks, &entry.jwks_uri) {
        (Some(text), None) => {
            let text = match text.strip_prefix("file:") {
                Some(file) => std::fs::read_to_string(file).map_err(|error| format!("jwks {file}: {error}"))?,
                None => text.clone(),
            };
            let keys = KeySet::parse(text.as_bytes()).map_err(|error| format!("jwks: {error}"))?;
            if keys.keys().is_empty() {
                return Err("jwks: no usable key: P-256, RSA of 2048 to 4096 bits, or Ed25519".to_owned());
            }
            KeySource::Jwks(serde_json::from_str(&text).map_err(|error| format!("jwks: {error}"))?)
        }
        (None, Some(uri)) => KeySource::JwksUri(uri.clone()),
        (None, None) | (Some(_), Some(_)) => return Err("private_key_jwt needs one of jwks and jwks_uri".to_owned()),
    };
    let alg = match &entry.auth_alg {
        Some(text) => Some(Algorithm::parse(text).ok_or("auth_alg is one of ES256, PS256, RS256, EdDSA")?),
        None => None,
    };
    Ok(Authentication::PrivateKeyJwt { keys, alg })
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
    pub(super) fn needs_secret(&self) -> bool {
        !matches!(self.shape.authentication, Authentication::None | Authentication::PrivateKeyJwt { .. })
    }

    /// As it would be registered.
    pub(super) fn metadata(&self) -> ClientMetadata {
        ClientMetadata::of(&self.shape)
    }

    /// The client as it should be. Secrets that it has stay, unless another one is declared.
    pub(super) fn applied(self, before: Client, now: Timestamp) -> Result<Client, AdminError> {
        let changes_secret = self.changes_secret(&before);
        let kept = match before.authentication {
            Authentication::ClientSecretBasic(secrets) | Authentication::ClientSecretPost(secrets) => secrets,
            Authentication::None | Authentication::PrivateKeyJwt { .. } => Secrets(Vec::new()),
        };
        let authentication = match self.shape.authentication {
            Authentication::ClientSecretBasic(_) => Authentication::ClientSecretBasic(kept),
            Authentication::ClientSecretPost(_) => Authentication::ClientSecretPost(kept),
            other @ (Authentication::None | Authentication::PrivateKeyJwt { .. }) => other,
        };
        let mut client = Client { created_at: before.created_at, authentication, ..self.shape };
        if let (Some(backchannel), Some(before)) = (&mut client.backchannel, &before.backchannel) {
            // Not said by the file.
            backchannel.delivery = before.delivery;
        }
        match self.secret {
            Some(secret) if changes_secret => replace_secret(client, stored(&secret), now),
            Some(_) | None => Ok(client),
        }
    }

    /// Whether the declared secret is not the one that works from now on.
    pub(super) fn changes_secret(&self, before: &Client) -> bool {
        let Some(secret) = &self.secret else { return false };
        match &before.authentication {
            Authentication::ClientSecretBasic(Secrets(secrets))
            | Authentication::ClientSecretPost(Secrets(secrets)) => {
                !secrets.iter().any(|one| one.expires_at.is_none() && one.digest.matches(secret.expose().as_bytes()))
            }
            Authentication::None | Authentication::PrivateKeyJwt { .. } => true,
        }
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
