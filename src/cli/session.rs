//! `nod session`: who is signed in where.

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::terminal::say;
use crate::cli::user::find;
use crate::protocol::id::SessionId;
use crate::store::sql::people::People;
use crate::store::sql::remembered_browsers::RememberedBrowsers;
use crate::store::sql::sessions::Sessions;
use crate::usecase::admin::Administrator;
use crate::usecase::admin::remembered_browsers::ManageRememberedBrowsers;
use crate::usecase::admin::sessions::ManageSessions;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Where a person is signed in, newest first
    #[command(after_long_help = "Examples:\n  nod session list bob\n  nod session list bob --json | jq -r .id")]
    List {
        /// Whose, by user name
        username: String,
        #[command(flatten)]
        format: Format,
    },
    /// Sign a person out: what was given in the session ends, and its clients are told
    #[command(after_long_help = "Examples:
  nod session end bob 6c1d2e7a-0b9f-4a4e-8f00-2b6d3c1a9e55
  nod session end bob --all -c nod.toml

What was given for the time when the person is not there (`offline_access`) stays; `nod user lock` stops that, too.")]
    End {
        /// Whose, by user name
        username: String,
        /// Its id, as `nod session list` has it
        #[arg(required_unless_present = "all")]
        session: Option<SessionId>,
        /// All that the person has
        #[arg(long, conflicts_with = "session")]
        all: bool,
    },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let manage = ManageSessions { sessions: Sessions::new(opened.database.clone()), desk: opened.desk() };
    match action {
        Action::List { username, format } => {
            let user = find(&opened, &username).await?;
            let mut listing = Listing::new(&["id", "created_at", "seen_at", "acr", "amr"]);
            for session in manage.list(user.id).await? {
                let how = &session.authentication;
                listing.row(json!({
                    "id": session.id,
                    "created_at": session.created_at.to_string(),
                    "seen_at": session.seen_at.to_string(),
                    "auth_time": how.at.to_string(),
                    "acr": how.acr.as_str(),
                    "amr": how.amr.split(' ').collect::<Vec<_>>(),
                }));
            }
            listing.print(format)
        }
        Action::End { username, session, all } => {
            let user = find(&opened, &username).await?;
            let by = Administrator::command_line();
            let ended = match (session, all) {
                (Some(session), false) => vec![session],
                (_, true) | (None, false) => manage.list(user.id).await?.iter().map(|session| session.id).collect(),
            };
            for session in &ended {
                manage.end(&by, user.id, *session).await?;
                say(&format!("{session}  ended"));
            }
            let browsers = ManageRememberedBrowsers {
                browsers: RememberedBrowsers::new(opened.database.clone()),
                people: People::new(opened.database.clone(), Arc::clone(&opened.directory)),
                desk: opened.desk(),
            };
            if all && browsers.forget(&by, user.id).await? {
                say("asked for a second factor in every browser again");
            }
            if ended.is_empty() {
                say("nobody is signed in");
            }
            Ok(())
        }
    }
}
