//! `nod native-application`: apps that people trust on their phones.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::exit::{Exit, Why};
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::parts::{delete, object, show, unset};
use crate::cli::sure::Sure;
use crate::cli::terminal::{safe, say};
use crate::cli::{Place, apply};
use crate::domain::mfa_readiness::is_ready;
use crate::domain::native_application::NativeApplication;
use crate::store::sql::clients::Clients;
use crate::store::sql::push::PushCredentials;
use crate::store::sql::sign_on::NativeApplications;
use crate::usecase::admin::native_applications::{ManageNativeApplications, NativeApplicationWish, ReadMfaReadiness};
use crate::usecase::admin::{Administrator, always};

#[derive(Subcommand)]
pub(super) enum Action {
    /// All native applications
    #[command(after_long_help = "Examples:
  nod native-application list
  nod native-application list --json | jq -r .id")]
    List(Format),
    /// One native application, as `nod apply` takes it
    #[command(after_long_help = "Examples:
  nod native-application show bank > bank.toml && nod apply -f bank.toml --plan
  nod native-application show bank --json -c nod.toml")]
    Show {
        /// Its id, as `nod native-application list` has it
        id: String,
        /// One JSON object, with the members of the admin API
        #[arg(long)]
        json: bool,
    },
    /// Register an app; it has a package name, a bundle id, or both
    #[command(after_long_help = "Examples:
  nod native-application create bank --client bank-app --package-name com.example.bank
  nod native-application create bank --client bank-app --bundle-id com.example.bank --name 'Example Bank'")]
    Create {
        /// Its id: 1 to 40 of A-Z a-z 0-9 - . _ ~
        id: String,
        #[command(flatten)]
        members: Members,
    },
    /// Change what is registered; what is not named stays
    #[command(after_long_help = "Examples:
  nod native-application update bank --name 'Example Bank' --automatic-unpairing
  nod native-application update bank --unset bundle_id -c nod.toml")]
    Update {
        /// Its id, as `nod native-application list` has it
        id: String,
        /// Back to its default; may repeat
        ///
        /// The name is that of the admin API: `bundle_id` for example.
        #[arg(long, value_name = "MEMBER")]
        unset: Vec<String>,
        #[command(flatten)]
        members: Members,
    },
    /// What is missing for people to trust the app, if anything
    #[command(after_long_help = "Examples:
  nod native-application readiness bank
  nod native-application readiness bank --json | jq -r 'select(.level == \"missing\") | .code'

Where something is missing, and not only to be known, it ends with 1.")]
    Readiness {
        /// Its id, as `nod native-application list` has it
        id: String,
        #[command(flatten)]
        format: Format,
    },
    /// Delete an app that no MFA policy names, with its push credentials
    #[command(after_long_help = "Examples:
  nod native-application delete bank
  nod native-application delete bank --yes -c nod.toml")]
    Delete {
        /// Its id, as `nod native-application list` has it
        id: String,
        #[command(flatten)]
        sure: Sure,
    },
}

#[derive(Args)]
pub(super) struct Members {
    /// People see it when asked about a device
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// As which client it signs people in
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<String>,
    /// What it is called on Android
    #[arg(long, value_name = "NAME")]
    package_name: Option<String>,
    /// What it is called on Apple's systems
    #[arg(long, value_name = "ID")]
    bundle_id: Option<String>,
    /// With what the links begin that open it
    #[arg(long, value_name = "URI")]
    uri_prefix: Option<String>,
    /// Whoever takes it off a phone unpairs it
    ///
    /// A phone is nobody's device any more when its push service says that the app was taken off it.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    automatic_unpairing: Option<bool>,
    /// The oldest SDK that is believed: 1.4.0 for example
    #[arg(long, value_name = "VERSION", hide_short_help = true)]
    min_sdk_version: Option<String>,
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let parts = NativeApplications::new(opened.database.clone(), Arc::clone(&opened.directory));
    let clients = Clients::new(opened.database.clone(), Arc::clone(&opened.directory));
    let manage = ManageNativeApplications { parts, others: clients.clone(), desk: opened.desk() };
    let by = Administrator::command_line();
    match action {
        Action::List(format) => {
            let mut listing = Listing::new(&["id", "client", "package_name", "bundle_id", "name"]);
            for application in manage.parts.all().await? {
                listing.row(object(&application));
            }
            listing.print(format)
        }
        Action::Show { id, json } => {
            let application = manage.read(&id).await?;
            show(json, || object(&application), || apply::native_application(&application));
            Ok(())
        }
        Action::Create { id, members } => {
            line(&manage.create(&by, Some(&id), &members.wish()).await?);
            Ok(())
        }
        Action::Update { id, unset: names, members } => {
            let patch = unset::<NativeApplication>(members.patch(), &names)?;
            line(&manage.update(&by, &id, patch, &always).await?);
            Ok(())
        }
        Action::Readiness { id, format } => {
            let (applications, directory) = (manage.parts, Arc::clone(&opened.directory));
            let push = PushCredentials::new(opened.database.clone());
            readiness(&ReadMfaReadiness { applications, clients, directory, push }, &id, format).await
        }
        Action::Delete { id, sure } => delete(&manage, &id, sure).await,
    }
}

/// As `nod doctor`: what is missing is told, and ends with 1.
async fn readiness(read: &ReadMfaReadiness, id: &str, format: Format) -> Result<(), Exit> {
    let findings = read.read(id).await?;
    let mut listing = Listing::new(&["level", "code", "mfa_policy", "detail"]);
    for finding in &findings {
        listing.row(json!({
            "level": finding.code.level().as_str(),
            "code": finding.code.as_str(),
            "mfa_policy": finding.mfa_policy.as_ref().map(ToString::to_string),
            "detail": finding.code.detail(),
        }));
    }
    listing.print(format)?;
    if is_ready(&findings) { Ok(()) } else { Err(Exit::told(Why::Failed)) }
}

impl Members {
    fn wish(self) -> NativeApplicationWish {
        NativeApplicationWish {
            name: self.name,
            client: self.client,
            package_name: self.package_name,
            bundle_id: self.bundle_id,
            uri_prefix: self.uri_prefix,
            automatic_unpairing: self.automatic_unpairing.unwrap_or_default(),
            min_sdk_version: self.min_sdk_version,
        }
    }

    /// What was said, as a merge patch.
    fn patch(self) -> Value {
        let stays = self.automatic_unpairing.is_none();
        let mut patch = json!(self.wish());
        if let Some(members) = patch.as_object_mut().filter(|_| stays) {
            members.remove("automatic_unpairing");
        }
        patch
    }
}

fn line(application: &NativeApplication) {
    say(&format!("{}  {}  {}", application.id, application.client, safe(&application.name)));
}
