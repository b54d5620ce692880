//! `nod client`: relying parties.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::terminal::{safe, say};
use crate::domain::client::{Client, GrantType, NumberMatching};
use crate::protocol::algorithm::Algorithm;
use crate::protocol::id::ClientId;
use crate::protocol::jwt::KeySet;
use crate::secret::Secret;
use crate::store::sql::clients::Clients;
use crate::usecase::admin::client_metadata::{ClientMetadata, method};
use crate::usecase::admin::clients::{ManageClients, SHORTEST_SECRET};
use crate::usecase::admin::{Administrator, always};

#[derive(Subcommand)]
pub(super) enum Action {
    /// All clients
    #[command(after_long_help = "Examples:\n  nod client list\n  nod client list --json | jq -r .id")]
    List(Format),
    /// One client
    #[command(after_long_help = "Examples:\n  nod client show till\n  nod client show till -c nod.toml")]
    Show {
        /// Its `client_id`
        id: String,
    },
    /// Register a client; a secret that is made for it is printed once
    #[command(after_long_help = "Examples:
  nod client create till --name 'Till 4' --number-matching pick
  nod client create kiosk --auth private_key_jwt --jwks-uri https://kiosk.example/jwks")]
    Create(Create),
    /// Make a new secret; the old one works for another day
    #[command(
        after_long_help = "Examples:\n  nod client rotate-secret till\n  nod client rotate-secret till -c nod.toml"
    )]
    RotateSecret {
        /// Its `client_id`
        id: String,
    },
    /// Refuse the client until it is enabled again
    #[command(after_long_help = "Examples:\n  nod client disable till\n  nod client disable till -c nod.toml")]
    Disable {
        /// Its `client_id`
        id: String,
    },
    /// Let a disabled client in again
    #[command(after_long_help = "Examples:\n  nod client enable till\n  nod client enable till -c nod.toml")]
    Enable {
        /// Its `client_id`
        id: String,
    },
    /// Delete the client, and revoke all that it was granted
    #[command(after_long_help = "Examples:\n  nod client delete till\n  nod client delete till -c nod.toml")]
    Delete {
        /// Its `client_id`
        id: String,
    },
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
    /// Default ciba; may repeat
    ///
    /// What the client may get tokens with: `ciba`, `refresh_token`, `client_credentials`.
    #[arg(long = "grant", value_name = "GRANT", value_enum, default_values_t = [Grant::Ciba])]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    grants: Vec<Grant>,
    /// Default: openid profile email
    ///
    /// What the client may ask for, space-separated. Scopes that begin with nod: administer.
    #[arg(long, value_name = "SCOPES", default_value = "openid profile email", hide_default_value = true)]
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
    ClientCredentials,
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

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let clients = Clients::new(opened.database.clone(), Arc::clone(&opened.directory));
    // Nothing is called from here, so nobody asks whether a `jwks_uri` may be.
    let manage = ManageClients { clients: clients.clone(), egress: None, desk: opened.desk() };
    let by = Administrator::command_line();
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
            let secret = given_secret(&create)?;
            let made = manage.create(&by, Some(&create.id), &metadata(&create)?, secret).await?;
            line(&made.client);
            if let Some(secret) = made.secret {
                say(&format!("secret  {}", secret.expose()));
            }
        }
        Action::RotateSecret { id } => {
            let found = find(&opened, &id).await?;
            if let Some(secret) = manage.rotate_secret(&by, found.id.as_str(), &always).await?.secret {
                say(&format!("secret  {}", secret.expose()));
            }
        }
        Action::Disable { id } => line(&manage.set_disabled(&by, find(&opened, &id).await?.id.as_str(), true).await?),
        Action::Enable { id } => line(&manage.set_disabled(&by, find(&opened, &id).await?.id.as_str(), false).await?),
        Action::Delete { id } => {
            let client = find(&opened, &id).await?;
            manage.delete(&by, client.id.as_str(), &always).await?;
            say(&format!("{}  deleted", client.id));
        }
    }
    Ok(())
}

async fn find(opened: &Opened, id: &str) -> Result<Arc<Client>, Exit> {
    let missing = || Exit::not_found(format!("there is no client {}", safe(id)));
    let id = ClientId::parse(id).ok_or_else(missing)?;
    opened.directory.client(&id).await?.ok_or_else(missing)
}

/// The registration in the words of the standards, where its rules are kept.
fn metadata(create: &Create) -> Result<ClientMetadata, Exit> {
    let jwks = match &create.jwks {
        None => None,
        Some(file) => {
            let text = std::fs::read(file).map_err(|error| Exit::failed(format!("{}: {error}", file.display())))?;
            KeySet::parse(&text).map_err(|error| Exit::usage(format!("--jwks: {error}")))?;
            Some(serde_json::from_slice(&text).map_err(|error| Exit::usage(format!("--jwks: {error}")))?)
        }
    };
    let grants = create.grants.iter().map(|grant| match grant {
        Grant::Ciba => GrantType::Ciba,
        Grant::RefreshToken => GrantType::RefreshToken,
        Grant::ClientCredentials => GrantType::ClientCredentials,
    });
    let grants: BTreeSet<GrantType> = grants.collect();
    let text = |text: &str| Some(text.to_owned());
    Ok(ClientMetadata {
        client_name: create.name.clone(),
        token_endpoint_auth_method: text(match create.auth {
            Auth::ClientSecretBasic => "client_secret_basic",
            Auth::ClientSecretPost => "client_secret_post",
            Auth::PrivateKeyJwt => "private_key_jwt",
        }),
        token_endpoint_auth_signing_alg: create.auth_alg.and_then(|alg| text(alg.as_str())),
        jwks,
        jwks_uri: create.jwks_uri.clone(),
        grant_types: Some(grants.iter().map(|grant| grant.as_str().to_owned()).collect()),
        scope: Some(create.scope.clone()),
        id_token_signed_response_alg: text(create.id_token_alg.as_str()),
        backchannel_token_delivery_mode: None,
        access_token_format: text(match create.access_token {
            TokenFormat::Jwt => "jwt",
            TokenFormat::Opaque => "opaque",
        }),
        number_matching: create.number_matching.and_then(|matching| {
            text(match matching {
                Matching::Pick => "pick",
                Matching::Type => "type",
            })
        }),
        long_poll: create.long_poll.then_some(true),
        disabled: None,
    })
}

/// From standard input, for whoever brings one.
fn given_secret(create: &Create) -> Result<Option<Secret<String>>, Exit> {
    if !create.secret_stdin || create.auth == Auth::PrivateKeyJwt {
        return Ok(None);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| Exit::failed(error.to_string()))?;
    let secret = Secret::new(text.trim_end_matches(['\r', '\n']).to_owned());
    if secret.expose().len() < SHORTEST_SECRET {
        return Err(Exit::usage(format!("the secret on standard input has fewer than {SHORTEST_SECRET} characters")));
    }
    Ok(Some(secret))
}

fn status(client: &Client) -> &'static str {
    if client.disabled { "disabled" } else { "active" }
}

fn object(client: &Client) -> serde_json::Value {
    let grants: Vec<_> = client.grants.iter().map(|grant| grant.as_str()).collect();
    serde_json::json!({
        "id": client.id,
        "status": status(client),
        "auth": method(&client.authentication),
        "name": client.name,
        "grants": grants,
        "scope": client.scope.to_string(),
        "created_at": client.created_at.to_string(),
    })
}

fn line(client: &Client) {
    let status = status(client);
    say(&format!("{:<20}  {status:<8}  {:<20}  {}", client.id, method(&client.authentication), safe(&client.name)));
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
