//! `nod client`: relying parties.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::Place;
use crate::cli::exit::Exit;
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
    List,
    Show {
        id: String,
    },
    /// Register a client; a secret that is made for it is printed once
    Create(Create),
    /// Make a new secret; the old one works for another day
    RotateSecret {
        id: String,
    },
    Disable {
        id: String,
    },
    Enable {
        id: String,
    },
    Delete {
        id: String,
    },
}

#[derive(Args)]
pub(super) struct Create {
    id: String,
    /// What people see
    #[arg(long)]
    name: Option<String>,
    #[arg(long, value_enum, default_value_t = Auth::ClientSecretBasic)]
    auth: Auth,
    /// Take the secret from standard input instead of making one
    #[arg(long)]
    secret_stdin: bool,
    /// A file with the client's JWK Set, for `private_key_jwt`
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks: Option<PathBuf>,
    /// Where the client publishes its JWK Set, for `private_key_jwt`
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// The only algorithm the client may sign assertions with
    #[arg(long, value_parser = algorithm)]
    auth_alg: Option<Algorithm>,
    #[arg(long = "grant", value_enum, default_values_t = [Grant::Ciba])]
    grants: Vec<Grant>,
    /// What it may ask for, space-separated; scopes that begin with nod: administer
    #[arg(long, value_name = "SCOPES", default_value = "openid profile email")]
    scope: String,
    #[arg(long, value_parser = algorithm, default_value = "ES256")]
    id_token_alg: Algorithm,
    #[arg(long, value_enum, default_value_t = Format::Jwt)]
    access_token: Format,
    /// The client shows a number that the person carries to the device
    #[arg(long, value_enum)]
    number_matching: Option<Matching>,
    /// Hold the client's polls until there is an answer
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
enum Format {
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
        Action::List => {
            for client in clients.list(None, u32::MAX).await? {
                line(&client);
            }
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
            if let Some(secret) = manage.rotate_secret(&by, found.id.as_str()).await?.secret {
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
            Format::Jwt => "jwt",
            Format::Opaque => "opaque",
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

fn line(client: &Client) {
    let status = if client.disabled { "disabled" } else { "active" };
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
