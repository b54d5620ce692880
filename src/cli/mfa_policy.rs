//! `nod mfa-policy`: what counts as a second factor. Each member is set by its name, as a file of `nod apply` has it.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::parts::{alone, delete, merge, object, show, unset};
use crate::cli::sure::Sure;
use crate::cli::terminal::{safe, say};
use crate::cli::{Place, apply};
use crate::domain::mfa_policy::MfaPolicy;
use crate::store::sql::sign_on::{MfaPolicies, NativeApplications};
use crate::usecase::admin::mfa_policies::{ManageMfaPolicies, MfaPolicyWish};
use crate::usecase::admin::{Administrator, always};

#[derive(Subcommand)]
pub(super) enum Action {
    /// All MFA policies
    #[command(after_long_help = "Examples:\n  nod mfa-policy list\n  nod mfa-policy list --json | jq -r .id")]
    List(Format),
    /// One MFA policy, as `nod apply` takes it
    #[command(after_long_help = "Examples:
  nod mfa-policy show trusted > trusted.toml && nod apply -f trusted.toml --plan
  nod mfa-policy show trusted --json -c nod.toml")]
    Show {
        /// Its id, as `nod mfa-policy list` has it
        id: String,
        /// One JSON object, with the members of the admin API
        #[arg(long)]
        json: bool,
    },
    /// Make an MFA policy; what is not set has its default
    #[command(after_long_help = "Examples:
  nod mfa-policy create trusted --set no_devices_mode=bypass --set sms.enabled=true
  nod mfa-policy create trusted --set 'applications=[{application=\"bank\", auto_enrollment=true}]'")]
    Create {
        /// Its id: 1 to 40 of A-Z a-z 0-9 - . _ ~
        id: String,
        #[command(flatten)]
        members: Members,
    },
    /// Change an MFA policy; what is not set stays
    #[command(after_long_help = "Examples:
  nod mfa-policy update trusted --set push_timeout=60 --set push_limit.count=3
  nod mfa-policy update trusted --unset email.lifetime --unset number_matching -c nod.toml")]
    Update {
        /// Its id, as `nod mfa-policy list` has it
        id: String,
        /// Back to its default; may repeat
        ///
        /// The name is that of the admin API: `number_matching` or `email.lifetime` for example.
        #[arg(long, value_name = "MEMBER")]
        unset: Vec<String>,
        #[command(flatten)]
        members: Members,
    },
    /// Delete an MFA policy that no sign-on policy names
    #[command(after_long_help = "Examples:
  nod mfa-policy delete trusted
  nod mfa-policy delete trusted --yes -c nod.toml")]
    Delete {
        /// Its id, as `nod mfa-policy list` has it
        id: String,
        #[command(flatten)]
        sure: Sure,
    },
}

#[derive(Args)]
pub(super) struct Members {
    /// A member and what it is to be; may repeat
    ///
    /// Or `sms.enabled=true`, or `no_devices_mode=bypass`.
    /// The name is that of the admin API. The value is one of TOML, but for the quotation marks of a single
    /// word. A list is replaced.
    #[arg(long, value_name = "MEMBER=VALUE", value_parser = member)]
    set: Vec<Member>,
}

/// What was said of one member, as a document with nothing else in it.
#[derive(Clone)]
struct Member(Value);

fn member(text: &str) -> Result<Member, &'static str> {
    let (name, value) = text.split_once('=').ok_or("MEMBER=VALUE")?;
    let written = toml::from_str::<toml::Table>(&format!("value = {value}")).ok().filter(|table| table.len() == 1);
    let value = match written.and_then(|mut table| table.remove("value")) {
        Some(value) => serde_json::to_value(value).map_err(|_| "the value is none of ours")?,
        None => json!(value),
    };
    Ok(Member(alone(name.trim(), value)))
}

pub(super) fn manage(opened: &Opened) -> ManageMfaPolicies {
    let (database, directory) = (|| opened.database.clone(), || Arc::clone(&opened.directory));
    ManageMfaPolicies {
        parts: MfaPolicies::new(database(), directory()),
        others: NativeApplications::new(database(), directory()),
        desk: opened.desk(),
    }
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let manage = manage(&Opened::new(place).await?);
    let by = Administrator::command_line();
    match action {
        Action::List(format) => {
            let mut listing = Listing::new(&["id", "no_devices_mode", "applications", "name"]);
            for policy in manage.parts.all().await? {
                let apps: Vec<&str> = policy.applications.iter().map(|app| app.application.as_str()).collect();
                listing.row(json!({
                    "id": policy.id.as_str(),
                    "name": policy.name,
                    "no_devices_mode": policy.no_devices_mode.as_str(),
                    "applications": apps,
                    "created_at": policy.created_at.to_string(),
                }));
            }
            listing.print(format)
        }
        Action::Show { id, json } => {
            let policy = manage.read(&id).await?;
            show(json, || object(&policy), || apply::mfa_policy(&policy));
            Ok(())
        }
        Action::Create { id, members } => {
            let (_, wish) = members.said()?;
            line(&manage.create(&by, Some(&id), &wish).await?);
            Ok(())
        }
        Action::Update { id, unset: names, members } => {
            let (patch, _) = members.said()?;
            let patch = unset::<MfaPolicy>(patch, &names)?;
            line(&manage.update(&by, &id, patch, &always).await?);
            Ok(())
        }
        Action::Delete { id, sure } => delete(&manage, &id, sure).await,
    }
}

impl Members {
    /// All that was said, which has to be of members that there are.
    fn said(self) -> Result<(Value, MfaPolicyWish), Exit> {
        let mut all = json!({});
        for Member(one) in self.set {
            merge(&mut all, one);
        }
        let wish = serde_json::from_value(all.clone()).map_err(|error| Exit::usage(format!("--set: {error}")))?;
        Ok((all, wish))
    }
}

fn line(policy: &MfaPolicy) {
    say(&format!("{}  {}", policy.id, safe(&policy.name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(texts: &[&str]) -> Result<Value, String> {
        let set = texts.iter().map(|text| member(text)).collect::<Result<_, _>>().map_err(str::to_owned)?;
        Members { set }.said().map(|(all, _)| all).map_err(|exit| exit.to_string())
    }

    #[test]
    fn members_are_set_by_their_names() {
        let all =
            ["push_timeout=60", "sms.enabled = true", "no_devices_mode=bypass", "sms.lifetime=90", "name=\"a b\""];
        let expected = json!({ "push_timeout": 60, "sms": { "enabled": true, "lifetime": 90 },
            "no_devices_mode": "bypass", "name": "a b" });
        assert_eq!(said(&all).unwrap(), expected);
        let whole = ["applications=[{application=\"bank\", push=false}]", "push_timeout=60", "push_timeout=70"];
        let expected = json!({ "applications": [{ "application": "bank", "push": false }], "push_timeout": 70 });
        assert_eq!(said(&whole).unwrap(), expected);
        for text in ["two words", "1\nnumber_matching=\"off\"", ""] {
            assert_eq!(said(&[&format!("name={text}")]).unwrap(), json!({ "name": text }), "a text of its own");
        }
        for (bad, why) in [
            ("push_timeout", "MEMBER=VALUE"),
            ("pushtimeout=60", "unknown field `pushtimeout`"),
            ("sms.length=6", "unknown field `length`"),
            ("=60", "unknown field ``"),
            ("push_timeout=soon", "invalid type"),
        ] {
            let told = said(&[bad]).unwrap_err();
            assert!(told.contains(why), "{bad}: {told}");
        }
    }
}
