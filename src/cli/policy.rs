//! `nod policy`: how people sign in, and what counts as a second factor. They are written with `nod apply`.

use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::parts::{delete, object, show};
use crate::cli::sure::Sure;
use crate::cli::{Place, apply, mfa_policy};
use crate::store::sql::sign_on::{Applications, Policies, SignOnSettings};
use crate::usecase::admin::policies::ManagePolicies;

#[derive(Subcommand)]
pub(super) enum Action {
    /// All sign-on policies and MFA policies
    #[command(after_long_help = "Examples:\n  nod policy list\n  nod policy list --json | jq -r .id")]
    List(Format),
    /// One policy, as `nod apply` takes it
    #[command(after_long_help = "Examples:
  nod policy show staff > staff.toml && nod apply -f staff.toml --plan
  nod policy show --mfa trusted --json -c nod.toml")]
    Show {
        /// Its id, as `nod policy list` has it
        id: String,
        /// It is an MFA policy
        #[arg(long)]
        mfa: bool,
        /// One JSON object, with the members of the admin API
        #[arg(long)]
        json: bool,
    },
    /// Delete a policy that nothing names
    #[command(after_long_help = "Examples:
  nod policy delete staff
  nod policy delete --mfa trusted --yes -c nod.toml")]
    Delete {
        /// Its id, as `nod policy list` has it
        id: String,
        /// It is an MFA policy
        #[arg(long)]
        mfa: bool,
        #[command(flatten)]
        sure: Sure,
    },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let (database, directory) = (|| opened.database.clone(), || Arc::clone(&opened.directory));
    let mfa_policies = mfa_policy::manage(&opened);
    let policies = ManagePolicies {
        parts: Policies::new(database(), directory()),
        others: (Applications::new(database(), directory()), mfa_policies.parts.clone()),
        desk: opened.desk(),
    };
    match action {
        Action::List(format) => {
            let settings = SignOnSettings::new(database(), directory()).find().await?;
            let mut listing = Listing::new(&["id", "kind", "default", "asks", "name"]);
            for policy in policies.parts.all().await? {
                let asks: Vec<&str> = policy.steps().iter().map(|step| step.source.as_str()).collect();
                listing.row(json!({
                    "id": policy.id.as_str(),
                    "kind": "sign_on",
                    "name": policy.name,
                    "default": settings.default_policy.as_ref() == Some(&policy.id),
                    "asks": asks,
                    "application": policy.application.as_ref().map(ToString::to_string),
                    "created_at": policy.created_at.to_string(),
                }));
            }
            for policy in mfa_policies.parts.all().await? {
                let apps: Vec<&str> = policy.applications.iter().map(|app| app.application.as_str()).collect();
                listing.row(json!({
                    "id": policy.id.as_str(),
                    "kind": "mfa",
                    "name": policy.name,
                    "applications": apps,
                    "created_at": policy.created_at.to_string(),
                }));
            }
            listing.print(format)
        }
        Action::Show { id, mfa: false, json } => {
            let policy = policies.read(&id).await?;
            show(json, || object(&policy), || apply::policy(&policy));
            Ok(())
        }
        Action::Show { id, mfa: true, json } => {
            let policy = mfa_policies.read(&id).await?;
            show(json, || object(&policy), || apply::mfa_policy(&policy));
            Ok(())
        }
        Action::Delete { id, mfa: false, sure } => delete(&policies, &id, sure).await,
        Action::Delete { id, mfa: true, sure } => delete(&mfa_policies, &id, sure).await,
    }
}
