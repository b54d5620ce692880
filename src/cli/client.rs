//! `nod client`: relying parties.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::terminal::{safe, say};
use crate::clock::Timestamp;
use crate::domain::audit;
use crate::domain::client::{
    AccessTokenFormat, Authentication, Backchannel, Client, Delivery, GrantType, KeySource, NumberMatching, Secrets,
    StoredSecret,
};
use crate::protocol::algorithm::Algorithm;
use crate::protocol::id::ClientId;
use crate::protocol::jwt::KeySet;
use crate::protocol::scope::Scope;
use crate::secret::{Digest, Secret};
use crate::store::sql::clients::Clients;

#[derive(Subcommand)]
pub(super) enum Action {
    /// All clients
    #[command(after_long_help = "Examples:\n  nod client list\n  nod client list --json | jq -r .id")]
    List(Format),
    /// One client
    #[command(after_long_help = "Examples:\n  nod client show till\n  nod client show till -c nod.toml")]
    Show { id: String },
    /// Register a client; a secret that is made for it is printed once
    #[command(after_long_help = "Examples:
  nod client create till --name 'Till 4' --number-matching pick
  nod client create kiosk --auth private_key_jwt --jwks-uri https://kiosk.example/jwks")]
    Create(Create),
    /// Make a new secret; the old one works for another day
    #[command(
        after_long_help = "Examples:\n  nod client rotate-secret till\n  nod client rotate-secret till -c nod.toml"
    )]
    RotateSecret { id: String },
    /// Refuse the client until it is enabled again
    #[command(after_long_help = "Examples:\n  nod client disable till\n  nod client disable till -c nod.toml")]
    Disable { id: String },
    /// Let a disabled client in again
    #[command(after_long_help = "Examples:\n  nod client enable till\n  nod client enable till -c nod.toml")]
    Enable { id: String },
    /// Delete the client, and revoke all that it was granted
    #[command(after_long_help = "Examples:\n  nod client delete till\n  nod client delete till -c nod.toml")]
    Delete { id: String },
}

#[derive(Args)]
pub(super) struct Create {
    /// Its `client_id`
    id: String,
    /// What people see, instead of the id
    #[arg(long)]
    name: Option<String>,
    /// Default `client_secret_basic`; see `nod help`
    ///
    /// How the client authenticates: `client_secret_basic`, `client_secret_post` or `private_key_jwt`.
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Auth::ClientSecretBasic)]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    auth: Auth,
    /// The secret is on standard input
    ///
    /// Take the secret from standard input, 16 characters at least, instead of making one.
    #[arg(long)]
    secret_stdin: bool,
    /// Its JWK Set, for `private_key_jwt`
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks: Option<PathBuf>,
    /// Where it publishes its JWK Set
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// The only algorithm of its assertions
    ///
    /// ES256, PS256, RS256 or `EdDSA`; without it, any that fits the key.
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    auth_alg: Option<Algorithm>,
    /// ciba (the default), `refresh_token`; repeats
    #[arg(long = "grant", value_name = "GRANT", value_enum, default_values_t = [Grant::Ciba])]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    grants: Vec<Grant>,
    /// Default: openid profile email
    ///
    /// What the client may ask for.
    #[arg(long, default_value = "openid profile email", hide_default_value = true)]
    scope: String,
    /// ES256 (the default), PS256 or RS256
    ///
    /// What signs its ID tokens, and its access tokens where they are JWTs.
    #[arg(long, value_name = "ALG", value_parser = algorithm, default_value = "ES256", hide_default_value = true)]
    id_token_alg: Algorithm,
    /// jwt (the default) or opaque
    #[arg(long, value_name = "FORM", value_enum, default_value_t = TokenFormat::Jwt)]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    access_token: TokenFormat,
    /// pick (one of three) or type
    ///
    /// The client shows a number that the person carries to the device.
    #[arg(long, value_name = "HOW", value_enum, hide_possible_values = true)]
    number_matching: Option<Matching>,
    /// Hold its polls until there is an answer
    #[arg(long)]
    long_poll: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Auth {
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Grant {
    Ciba,
    RefreshToken,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TokenFormat {
    Jwt,
    Opaque,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Matching {
    Pick,
    Type,
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::parse(text).ok_or_else(|| "one of ES256, PS256, RS256, EdDSA".to_owned())
}

/// How long a replaced secret still works.
pub(super) const OVERLAP: Duration = Duration::from_secs(86_400);

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let clients = Clients::new(opened.database.clone(), Arc::clone(&opened.directory));
    match action {
        Action::List(format) => {
            let mut listing = Listing::new(&["id", "status", "auth", "name"]);
            for client in clients.list(None, u32::MAX).await? {
                listing.row(object(&client));
            }
            listing.print(format)?;
        }
        Action::Show { id } => show(&*find(&opened, &id).await?),
        Action::Create(create) => {
            let (client, secret) = new(&opened, create)?;
            let event = opened.event(audit::Action::ClientCreated).client(&client.id);
            if !clients.create(&client, &event).await? {
                return Err(Exit::conflict("a client with this id exists already"));
            }
            line(&client);
            if let Some(secret) = secret {
                say(&format!("secret  {}", secret.expose()));
            }
        }
        Action::RotateSecret { id } => {
            let found = find(&opened, &id).await?;
            if matches!(found.authentication, Authentication::PrivateKeyJwt { .. }) {
                return Err(Exit::conflict("the client has keys, no secret"));
            }
            let now = opened.clock.now();
            let secret = opened.entropy.token();
            let stored = StoredSecret { digest: Digest::of(secret.expose().as_bytes()), expires_at: None };
            let event = opened.event(audit::Action::ClientUpdated).client(&found.id);
            let replaced = clients.update(&found.id, &event, now, |client| replace_secret(client, stored, now)).await?;
            replaced.ok_or_else(|| Exit::not_found("the client is gone"))?;
            say(&format!("secret  {}", secret.expose()));
        }
        Action::Disable { id } => set_disabled(&opened, &clients, &id, true).await?,
        Action::Enable { id } => set_disabled(&opened, &clients, &id, false).await?,
        Action::Delete { id } => {
            let client = find(&opened, &id).await?;
            let event = opened.event(audit::Action::ClientDeleted).client(&client.id);
            clients.delete(&client.id, &event, opened.clock.now()).await?;
            say(&format!("{}  deleted", client.id));
        }
    }
    Ok(())
}

pub(super) fn replace_secret(mut client: Client, new: StoredSecret, now: Timestamp) -> Client {
    match &mut client.authentication {
        Authentication::ClientSecretBasic(Secrets(secrets)) | Authentication::ClientSecretPost(Secrets(secrets)) => {
            secrets.retain(|old| old.expires_at.is_none_or(|end| now < end));
            for old in secrets.iter_mut() {
                old.expires_at = Some(old.expires_at.map_or(now + OVERLAP, |end| end.min(now + OVERLAP)));
            }
            secrets.push(new);
        }
        Authentication::PrivateKeyJwt { .. } => {}
    }
    client
}

async fn set_disabled(opened: &Opened, clients: &Clients, id: &str, disabled: bool) -> Result<(), Exit> {
    let id = &find(opened, id).await?.id;
    let event = opened.event(audit::Action::ClientUpdated).client(id);
    let change = |client: Client| Client { disabled, ..client };
    let client = clients.update(id, &event, opened.clock.now(), change).await?;
    line(&client.ok_or_else(|| Exit::not_found("the client is gone"))?);
    Ok(())
}

async fn find(opened: &Opened, id: &str) -> Result<Arc<Client>, Exit> {
    let missing = || Exit::not_found(format!("there is no client {}", safe(id)));
    let id = ClientId::parse(id).ok_or_else(missing)?;
    opened.directory.client(&id).await?.ok_or_else(missing)
}

fn new(opened: &Opened, create: Create) -> Result<(Client, Option<Secret<String>>), Exit> {
    let id = ClientId::parse(&create.id).ok_or_else(|| Exit::usage("a client id has 1 to 100 visible characters"))?;
    let scope = Scope::parse(&create.scope).ok_or_else(|| Exit::usage("--scope has characters no scope has"))?;
    if create.id_token_alg == Algorithm::EdDSA {
        return Err(Exit::usage("--id-token-alg is one of ES256, PS256, RS256"));
    }
    let (authentication, secret) = authentication(opened, &create)?;
    let grants: BTreeSet<GrantType> = create
        .grants
        .iter()
        .map(|grant| match grant {
            Grant::Ciba => GrantType::Ciba,
            Grant::RefreshToken => GrantType::RefreshToken,
        })
        .collect();
    let backchannel = grants.contains(&GrantType::Ciba).then_some(Backchannel {
        delivery: Delivery::Poll,
        number_matching: create.number_matching.map(|matching| match matching {
            Matching::Pick => NumberMatching::Pick,
            Matching::Type => NumberMatching::Type,
        }),
        long_poll: create.long_poll,
    });
    let client = Client {
        name: create.name.unwrap_or_else(|| id.to_string()),
        id,
        disabled: false,
        authentication,
        grants,
        scope,
        id_token_signed_response_alg: create.id_token_alg,
        access_token_format: match create.access_token {
            TokenFormat::Jwt => AccessTokenFormat::Jwt,
            TokenFormat::Opaque => AccessTokenFormat::Opaque,
        },
        backchannel,
        created_at: opened.clock.now(),
    };
    Ok((client, secret))
}

fn authentication(opened: &Opened, create: &Create) -> Result<(Authentication, Option<Secret<String>>), Exit> {
    if create.auth == Auth::PrivateKeyJwt {
        let keys = match (&create.jwks, &create.jwks_uri) {
            (Some(file), None) => {
                let text = std::fs::read(file).map_err(|error| Exit::failed(format!("{}: {error}", file.display())))?;
                let keys = KeySet::parse(&text).map_err(|error| Exit::usage(format!("--jwks: {error}")))?;
                if keys.keys().is_empty() {
                    return Err(Exit::usage("--jwks: no usable key: P-256, RSA of 2048 to 4096 bits, or Ed25519"));
                }
                KeySource::Jwks(serde_json::from_slice(&text).map_err(|error| Exit::usage(error.to_string()))?)
            }
            (None, Some(uri)) => KeySource::JwksUri(uri.clone()),
            (None, None) | (Some(_), Some(_)) => {
                return Err(Exit::usage("private_key_jwt needs one of --jwks and --jwks-uri"));
            }
        };
        return Ok((Authentication::PrivateKeyJwt { keys, alg: create.auth_alg }, None));
    }
    let (secret, shown) = if create.secret_stdin {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|error| Exit::failed(error.to_string()))?;
        let secret = Secret::new(text.trim_end_matches(['\r', '\n']).to_owned());
        if secret.expose().len() < 16 {
            return Err(Exit::usage("the secret on standard input has fewer than 16 characters"));
        }
        (secret, None)
    } else {
        let secret = opened.entropy.token();
        (secret.clone(), Some(secret))
    };
    let secrets = Secrets(vec![StoredSecret { digest: Digest::of(secret.expose().as_bytes()), expires_at: None }]);
    let authentication = match create.auth {
        Auth::ClientSecretPost => Authentication::ClientSecretPost(secrets),
        Auth::ClientSecretBasic | Auth::PrivateKeyJwt => Authentication::ClientSecretBasic(secrets),
    };
    Ok((authentication, shown))
}

fn status(client: &Client) -> &'static str {
    if client.disabled { "disabled" } else { "active" }
}

fn object(client: &Client) -> serde_json::Value {
    let grants: Vec<_> = client.grants.iter().map(|grant| grant.as_str()).collect();
    serde_json::json!({
        "id": client.id,
        "status": status(client),
        "auth": method(client),
        "name": client.name,
        "grants": grants,
        "scope": client.scope.to_string(),
        "created_at": client.created_at.to_string(),
    })
}

fn line(client: &Client) {
    let status = status(client);
    say(&format!("{:<20}  {status:<8}  {:<20}  {}", client.id, method(client), safe(&client.name)));
}

fn method(client: &Client) -> &'static str {
    match client.authentication {
        Authentication::ClientSecretBasic(_) => "client_secret_basic",
        Authentication::ClientSecretPost(_) => "client_secret_post",
        Authentication::PrivateKeyJwt { .. } => "private_key_jwt",
    }
}

fn show(client: &Client) {
    line(client);
    let grants: Vec<_> = client.grants.iter().map(|grant| grant.as_str()).collect();
    say(&format!("grants        {}", grants.join(" ")));
    say(&format!("scope         {}", client.scope));
    say(&format!("id token      {}", client.id_token_signed_response_alg));
    if let Some(backchannel) = &client.backchannel {
        let matching = match backchannel.number_matching {
            None => "off",
            Some(NumberMatching::Pick) => "pick",
            Some(NumberMatching::Type) => "type",
        };
        say(&format!("backchannel   poll, number matching {matching}, long poll {}", backchannel.long_poll));
    }
    say(&format!("created       {}", client.created_at));
}
