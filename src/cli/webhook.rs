//! `nod webhook`: whom we tell what happens.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::standard_input;
use crate::cli::sure::Sure;
use crate::cli::terminal::{safe, say};
use crate::clock::Timestamp;
use crate::domain::webhook::{Delivery, State, Webhook};
use crate::protocol::public_id::{self, Kind};
use crate::usecase::admin::webhooks::{ManageWebhooks, Wish, delivery_id, webhook_id};
use crate::usecase::admin::{Administrator, always};

#[derive(Subcommand)]
pub(super) enum Action {
    /// All webhooks, newest first
    #[command(after_long_help = "Examples:\n  nod webhook list\n  nod webhook list --json | jq -r .id")]
    List(Format),
    /// One webhook
    #[command(after_long_help = "Examples:
  nod webhook show whk_0123456789abcdefghjkmnpqrs
  nod webhook show whk_0123456789abcdefghjkmnpqrs --json -c nod.toml")]
    Show {
        /// Its id, as `nod webhook list` has it
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Tell somebody what happens; the secret is printed once
    #[command(after_long_help = "Examples:
  nod webhook create https://hooks.example/nod --event request.approved --event request.denied
  nod listen --print-secret | nod webhook create http://localhost:8787/ --secret-stdin")]
    Create(Create),
    /// Change what is registered; what is not named stays
    #[command(after_long_help = "Examples:
  nod webhook update whk_0123456789abcdefghjkmnpqrs --url https://hooks.example/new
  nod webhook update whk_0123456789abcdefghjkmnpqrs --all-events")]
    Update(Update),
    /// Tell it again, from now on: what it missed is not told
    #[command(after_long_help = "Examples:
  nod webhook enable whk_0123456789abcdefghjkmnpqrs
  nod webhook enable whk_0123456789abcdefghjkmnpqrs -c nod.toml")]
    Enable {
        /// Its id, as `nod webhook list` has it
        id: String,
    },
    /// Tell it nothing until it is enabled again
    #[command(after_long_help = "Examples:
  nod webhook disable whk_0123456789abcdefghjkmnpqrs
  nod webhook disable whk_0123456789abcdefghjkmnpqrs -c nod.toml")]
    Disable {
        /// Its id, as `nod webhook list` has it
        id: String,
    },
    /// Make a new secret; the old one signs too for another day
    #[command(after_long_help = "Examples:
  nod webhook rotate-secret whk_0123456789abcdefghjkmnpqrs
  nod webhook rotate-secret whk_0123456789abcdefghjkmnpqrs -c nod.toml")]
    RotateSecret {
        /// Its id, as `nod webhook list` has it
        id: String,
    },
    /// Have the server send it a test event
    #[command(after_long_help = "Examples:
  nod webhook ping whk_0123456789abcdefghjkmnpqrs
  nod webhook ping whk_0123456789abcdefghjkmnpqrs -c nod.toml")]
    Ping {
        /// Its id, as `nod webhook list` has it
        id: String,
    },
    /// What it was told, or is to be told: newest first
    #[command(after_long_help = "Examples:
  nod webhook deliveries whk_0123456789abcdefghjkmnpqrs
  nod webhook deliveries whk_0123456789abcdefghjkmnpqrs --state failed --json | jq -r .id")]
    Deliveries {
        /// Its id, as `nod webhook list` has it
        id: String,
        /// Only those
        #[arg(long, value_parser = state, value_name = "pending|delivered|failed")]
        state: Option<State>,
        #[command(flatten)]
        format: Format,
    },
    /// Have the server send something once more
    #[command(after_long_help = "Examples:
  nod webhook deliveries whk_0123456789abcdefghjkmnpqrs --state failed
  nod webhook redeliver whk_0123456789abcdefghjkmnpqrs dlv_0123456789abcdefghjkmnpqrs")]
    Redeliver {
        /// Its id, as `nod webhook list` has it
        id: String,
        /// What, as `nod webhook deliveries` has it
        delivery: String,
    },
    /// Delete it with the log of what it was told
    #[command(after_long_help = "Examples:
  nod webhook delete whk_0123456789abcdefghjkmnpqrs
  nod webhook delete whk_0123456789abcdefghjkmnpqrs --yes -c nod.toml")]
    Delete {
        /// Its id, as `nod webhook list` has it
        id: String,
        #[command(flatten)]
        sure: Sure,
    },
}

#[derive(Args)]
pub(super) struct Create {
    /// An https URL; in dev mode, http on this machine as well
    url: String,
    /// For people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What it is told, for example `request.approved`; may repeat [default: all]
    #[arg(long = "event", value_name = "TYPE")]
    event_types: Vec<String>,
    /// Tell it nothing before `nod webhook enable`
    #[arg(long)]
    disabled: bool,
    /// The secret is on standard input
    ///
    /// Take the secret that the receiver has already from standard input, `whsec_` and the base64 of 24 to 64 bytes,
    /// instead of making one.
    #[arg(long)]
    secret_stdin: bool,
}

#[derive(Args)]
pub(super) struct Update {
    /// Its id, as `nod webhook list` has it
    id: String,
    /// An https URL; in dev mode, http on this machine as well
    #[arg(long)]
    url: Option<String>,
    /// For people; an empty text takes it away
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What it is told; may repeat, and takes the place of the whole list
    #[arg(long = "event", value_name = "TYPE")]
    event_types: Vec<String>,
    /// Tell it everything
    #[arg(long, conflicts_with = "event_types")]
    all_events: bool,
}

fn state(text: &str) -> Result<State, &'static str> {
    State::parse(text).ok_or("pending, delivered or failed")
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let manage = opened.webhooks()?;
    let by = Administrator::command_line();
    match action {
        Action::List(format) => {
            let mut listing = Listing::new(&["id", "enabled", "event_types", "url"]);
            for webhook in &manage.list(None, u32::MAX).await?.items {
                listing.row(object(webhook));
            }
            listing.print(format)?;
        }
        Action::Show { id, format } => {
            let columns = &["id", "enabled", "disabled_because", "event_types", "url", "description", "created_at"];
            let mut listing = Listing::new(columns);
            listing.row(object(&manage.read(webhook_id(&id)?).await?));
            listing.print(format)?;
        }
        Action::Create(create) => {
            let theirs = if create.secret_stdin { Some(standard_input::secret()?) } else { None };
            let Create { url, description, event_types, disabled, .. } = create;
            let wish = Wish { url, description, event_types, enabled: !disabled };
            let (webhook, secret) = manage.create(&by, wish, theirs).await?;
            line(&webhook);
            say(&format!("secret  {}", secret.expose()));
        }
        Action::Update(update) => {
            let changed = manage.update(&by, webhook_id(&update.id)?, update.patch()?, &always).await?;
            line(&changed);
        }
        Action::Enable { id } => line(&set(&manage, &by, &id, true).await?),
        Action::Disable { id } => line(&set(&manage, &by, &id, false).await?),
        Action::RotateSecret { id } => {
            let (webhook, secret) = manage.rotate_secret(&by, webhook_id(&id)?, &always).await?;
            line(&webhook);
            say(&format!("secret  {}", secret.expose()));
        }
        Action::Ping { id } => on_its_way(&manage.ping(webhook_id(&id)?, &always).await?),
        Action::Deliveries { id, state, format } => deliveries(&manage, &id, state, format).await?,
        Action::Redeliver { id, delivery } => {
            on_its_way(&manage.redeliver(webhook_id(&id)?, delivery_id(&delivery)?).await?);
        }
        Action::Delete { id, sure } => {
            let webhook = manage.read(webhook_id(&id)?).await?;
            let url = safe(&webhook.about.url);
            sure.that(&format!("The webhook {id} ({url}) is deleted with its log, and told nothing more"))?;
            manage.delete(&by, webhook.id, &always).await?;
            say(&format!("{id}  deleted"));
        }
    }
    Ok(())
}

impl Update {
    /// What was said, as a merge patch.
    fn patch(&self) -> Result<Value, Exit> {
        let mut patch = serde_json::Map::new();
        if let Some(url) = &self.url {
            patch.insert("url".to_owned(), json!(url));
        }
        if let Some(description) = &self.description {
            let description = Some(description).filter(|text| !text.is_empty());
            patch.insert("description".to_owned(), json!(description));
        }
        if self.all_events || !self.event_types.is_empty() {
            patch.insert("event_types".to_owned(), json!(self.event_types));
        }
        if patch.is_empty() {
            return Err(Exit::usage("there is nothing to change: --url, --description, --event or --all-events"));
        }
        Ok(patch.into())
    }
}

async fn set(manage: &ManageWebhooks, by: &Administrator, id: &str, enabled: bool) -> Result<Webhook, Exit> {
    Ok(manage.update(by, webhook_id(id)?, json!({ "enabled": enabled }), &always).await?)
}

/// How many are read in one go.
const PAGE: u32 = 200;

async fn deliveries(manage: &ManageWebhooks, id: &str, state: Option<State>, format: Format) -> Result<(), Exit> {
    let id = webhook_id(id)?;
    let mut listing = Listing::new(&["id", "state", "attempts", "event_type", "created_at", "last_status"]);
    let mut after = None;
    loop {
        let page = manage.deliveries(id, state, after, PAGE).await?;
        for delivery in &page.items {
            listing.row(delivered(delivery));
        }
        after = page.next;
        if after.is_none() {
            return listing.print(format);
        }
    }
}

fn object(webhook: &Webhook) -> Value {
    json!({
        "id": public_id::encode(Kind::Webhook, webhook.id.uuid()),
        "url": webhook.about.url,
        "description": webhook.about.description,
        "event_types": webhook.about.event_types,
        "enabled": webhook.enabled,
        "disabled_because": webhook.about.disabled_because,
        "created_at": webhook.created_at.to_string(),
        "updated_at": webhook.updated_at.to_string(),
    })
}

fn delivered(delivery: &Delivery) -> Value {
    let pending = delivery.state == State::Pending;
    json!({
        "id": public_id::encode(Kind::Delivery, delivery.id.uuid()),
        "state": delivery.state.as_str(),
        "attempts": delivery.attempts,
        "event_id": public_id::encode(Kind::Event, delivery.event),
        "event_type": delivery.event_type,
        "created_at": delivery.created_at.to_string(),
        "next_attempt_at": pending.then(|| delivery.due_at.to_string()),
        "finished_at": delivery.finished_at.map(|at: Timestamp| at.to_string()),
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
    })
}

fn line(webhook: &Webhook) {
    let id = public_id::encode(Kind::Webhook, webhook.id.uuid());
    let enabled = if webhook.enabled { "enabled" } else { "disabled" };
    say(&format!("{id}  {enabled:<8}  {}", safe(&webhook.about.url)));
}

fn on_its_way(delivery: &Delivery) {
    let id = public_id::encode(Kind::Delivery, delivery.id.uuid());
    say(&format!("{id}  {}  {}", delivery.state.as_str(), safe(&delivery.event_type)));
}
