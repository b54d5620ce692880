//! `nod client`: relying parties.

mod certificate;
mod registration;
mod show;

use std::sync::Arc;

use clap::{Args, Subcommand};

use self::registration::{Auth, Registration};
use self::show::{line, object, show};
use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::standard_input;
use crate::cli::sure::Sure;
use crate::cli::terminal::{safe, say};
use crate::domain::client::Client;
use crate::protocol::id::ClientId;
use crate::secret::Secret;
use crate::store::sql::clients::Clients;
use crate::store::sql::sign_on::Policies;
use crate::usecase::admin::client_metadata::ClientMetadata;
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
  nod client create shop --redirect-uri https://shop.example/callback --grant authorization_code --grant refresh_token
  nod client create app --public --redirect-uri com.example.app:/callback
  nod client create kiosk --auth private_key_jwt --jwks-uri https://kiosk.example/jwks")]
    Create(Create),
    /// Change what is registered; what is not named stays
    #[command(after_long_help = "Examples:
  nod client update till --name 'Till 5' --long-poll
  nod client update shop --redirect-uri https://shop.example/callback --redirect-uri https://shop.example/cb
  nod client update shop --require-pkce=false
  nod client update till --unset number_matching

A list is replaced: name all its values. A client that is turned from keys, or from a public one, to a
secret has none until `nod client rotate-secret` makes one.")]
    Update(Update),
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
    #[command(after_long_help = "Examples:\n  nod client delete till\n  nod client delete till --yes -c nod.toml")]
    Delete {
        /// Its `client_id`
        id: String,
        #[command(flatten)]
        sure: Sure,
    },
}

#[derive(Args)]
pub(super) struct Create {
    /// Its `client_id`
    id: String,
    /// The secret is on standard input
    ///
    /// Take the secret from standard input, 16 characters at least, instead of making one.
    #[arg(long)]
    secret_stdin: bool,
    #[command(flatten)]
    registration: Registration,
}

#[derive(Args)]
pub(super) struct Update {
    /// Its `client_id`
    id: String,
    /// Set it back to its default; may repeat
    ///
    /// The name is that of the admin API: `redirect_uris`, `number_matching`, `grant_types` and so on.
    #[arg(long, value_name = "MEMBER", value_parser = member)]
    unset: Vec<String>,
    #[command(flatten)]
    registration: Registration,
}

/// One that the admin API has: an unknown one could be set to nothing without anybody noticing.
fn member(name: &str) -> Result<String, String> {
    let alone = serde_json::json!({ name: null });
    serde_json::from_value::<ClientMetadata>(alone).map_err(|error| error.to_string())?;
    Ok(name.to_owned())
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let clients = Clients::new(opened.database.clone(), Arc::clone(&opened.directory));
    // Nothing is called from here, so nobody asks whether a `jwks_uri` may be.
    let policies = Policies::new(opened.database.clone(), Arc::clone(&opened.directory));
    let manage = ManageClients {
        clients: clients.clone(),
        policies,
        egress: None,
        profiles: opened.profiles,
        desk: opened.desk(),
    };
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
            let made = manage.create(&by, Some(&create.id), &create.registration.metadata()?, secret).await?;
            line(&made.client);
            if let Some(secret) = made.secret {
                say(&format!("secret  {}", secret.expose()));
            }
        }
        Action::Update(update) => {
            let found = find(&opened, &update.id).await?;
            line(&manage.update(&by, found.id.as_str(), update.patch()?, &always).await?);
        }
        Action::RotateSecret { id } => {
            let found = find(&opened, &id).await?;
            if let Some(secret) = manage.rotate_secret(&by, found.id.as_str(), &always).await?.secret {
                say(&format!("secret  {}", secret.expose()));
            }
        }
        Action::Disable { id } => line(&manage.set_disabled(&by, find(&opened, &id).await?.id.as_str(), true).await?),
        Action::Enable { id } => line(&manage.set_disabled(&by, find(&opened, &id).await?.id.as_str(), false).await?),
        Action::Delete { id, sure } => {
            let client = find(&opened, &id).await?;
            let (id, name) = (&client.id, safe(&client.name));
            sure.that(&format!("The client {id} ({name}) is deleted, and all that it was granted is revoked"))?;
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

impl Update {
    /// What was said, as a merge patch.
    fn patch(&self) -> Result<serde_json::Value, Exit> {
        let mut patch = serde_json::json!(self.registration.metadata()?);
        for name in &self.unset {
            if patch.get(name).is_some() {
                return Err(Exit::usage(format!("{name} is both set and --unset")));
            }
            if let Some(members) = patch.as_object_mut() {
                members.insert(name.clone(), serde_json::Value::Null);
            }
        }
        Ok(patch)
    }
}

/// From standard input, for whoever brings one.
fn given_secret(create: &Create) -> Result<Option<Secret<String>>, Exit> {
    if !create.secret_stdin {
        return Ok(None);
    }
    let has_secret = |auth| matches!(auth, Auth::ClientSecretBasic | Auth::ClientSecretPost);
    if create.registration.auth().is_some_and(|auth| !has_secret(auth)) {
        return Err(Exit::usage("--secret-stdin is for a client with a secret"));
    }
    let secret = standard_input::secret()?;
    if secret.expose().len() < SHORTEST_SECRET {
        return Err(Exit::usage(format!("the secret on standard input has fewer than {SHORTEST_SECRET} characters")));
    }
    Ok(Some(secret))
}
