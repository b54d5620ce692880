//! `nod initial-token`: what clients register themselves with.

use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::terminal::say;
use crate::protocol::public_id::{self, Kind};
use crate::store::sql::registration::Registration;
use crate::usecase::admin::initial_access_tokens::{ManageInitialAccessTokens, initial_access_token_id};
use crate::usecase::admin::{Administrator, always};

#[derive(Subcommand)]
pub(super) enum Action {
    /// All tokens with what is left of them
    #[command(after_long_help = "Examples:\n  nod initial-token list\n  nod initial-token list --json | jq -r .id")]
    List(Format),
    /// Make a token; it is printed once
    #[command(after_long_help = "Examples:
  nod initial-token create
  nod initial-token create --uses 5 --days 1 -c nod.toml")]
    Create {
        /// How many clients may be registered with it
        #[arg(long, value_name = "N", default_value_t = 1)]
        uses: u32,
        /// How many days it is good for, 90 at most
        #[arg(long, value_name = "N", default_value_t = 7)]
        days: u32,
    },
    /// Take a token back; clients that were registered with it stay
    #[command(after_long_help = "Examples:
  nod initial-token list
  nod initial-token revoke iat_0123456789abcdefghjkmnpqrs -c nod.toml")]
    Revoke {
        /// Its id, as `nod initial-token list` has it
        id: String,
    },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let registration = Registration::new(opened.database.clone(), Arc::clone(&opened.directory));
    let manage = ManageInitialAccessTokens { registration, desk: opened.desk() };
    let by = Administrator::command_line();
    match action {
        Action::List(format) => list(&manage, format).await,
        Action::Create { uses, days } => {
            let lifetime = Duration::from_secs(u64::from(days) * 86_400);
            let made = manage.create(&by, Some(uses), Some(lifetime)).await?;
            say(&format!("{}  until {}", id(&made.stored), made.stored.expires_at));
            say(&format!("token  {}", made.token.expose()));
            Ok(())
        }
        Action::Revoke { id } => {
            manage.revoke(&by, initial_access_token_id(&id)?, &always).await?;
            say(&format!("{id}  revoked"));
            Ok(())
        }
    }
}

fn id(token: &crate::domain::initial_access_token::InitialAccessToken) -> String {
    public_id::encode(Kind::InitialAccessToken, token.id.uuid())
}

async fn list(manage: &ManageInitialAccessTokens, format: Format) -> Result<(), Exit> {
    let mut listing = Listing::new(&["id", "used", "max_uses", "expires_at"]);
    for token in manage.list(None, u32::MAX).await?.items {
        listing.row(serde_json::json!({
            "id": id(&token),
            "used": token.used,
            "max_uses": token.max_uses,
            "created_at": token.created_at.to_string(),
            "expires_at": token.expires_at.to_string(),
        }));
    }
    listing.print(format)
}
