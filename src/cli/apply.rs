//! `nod apply` and `nod export`: clients, people and how they sign in as a file says, and as such a file.
//!
//! The file is read into what it declares ([`state`]), which is compared with what there is
//! ([`plan`]). Only then something is done, and only here it is known where.

mod parts;
mod plan;
mod sign_on;
mod state;
mod written;

use std::io::{self, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use self::parts::Kind;
use self::plan::{Deed, Plan, Step, There};
use self::sign_on::{Move, SignOnStep};
use self::state::{Declared, State};
use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::opened::Opened;
use crate::cli::sure;
use crate::cli::terminal::{Ink, Terminal, print, safe};
use crate::domain::audit::Action;
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::native_application::NativeApplication;
use crate::domain::policy::SignOnPolicy;
use crate::store::sql::clients::Clients;
use crate::store::sql::people::People;
use crate::store::sql::sign_on::{Applications, MfaPolicies, NativeApplications, Policies, SignOnSettings};
use crate::usecase::admin::applications::ManageApplications;
use crate::usecase::admin::clients::ManageClients;
use crate::usecase::admin::mfa_policies::ManageMfaPolicies;
use crate::usecase::admin::native_applications::ManageNativeApplications;
use crate::usecase::admin::parts::ManageParts;
use crate::usecase::admin::policies::ManagePolicies;
use crate::usecase::admin::sign_on_settings::ManageSignOnSettings;
use crate::usecase::admin::users::ManageUsers;
use crate::usecase::admin::{Administrator, always};

/// Make clients, people and policies as a file says
#[derive(Args)]
#[command(after_long_help = "Examples:
  nod export > state.toml
  nod apply -f state.toml --plan
  nod apply -f state.toml --prune --yes

A kind that the file does not mention at all is left alone, with --prune too. Secrets stand in the
file by reference: secret = \"env:TILL_SECRET\" or secret = \"file:till.secret\".")]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command are independent of each other")]
pub(super) struct Arguments {
    /// What there should be, as `nod export` writes it; - is standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Show what would change, and change nothing
    #[arg(long)]
    plan: bool,
    /// Delete what the file does not have
    #[arg(long)]
    prune: bool,
    /// Do not ask before something is taken away
    #[arg(long)]
    yes: bool,
    /// One JSON object a change
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Write clients, people and policies as a file for `apply`
#[derive(Args)]
#[command(after_long_help = "Examples:
  nod export > state.toml
  nod export -c nod.toml | nod apply --data-dir .nod -f - --plan

Secrets are not in it: only their digests are kept, and those stay where they are.")]
pub(super) struct Export {
    #[command(flatten)]
    place: Place,
}

pub(super) async fn export(arguments: &Export) -> Result<(), Exit> {
    let stores = Stores::open(&arguments.place).await?;
    let there = stores.all().await?;
    print(&written::written(&there.clients, &there.people, &there.sign_on));
    Ok(())
}

/// One policy as a file has it.
pub(super) fn policy(policy: &SignOnPolicy) -> String {
    written::table(policy)
}

/// The same of a native application.
pub(super) fn native_application(application: &NativeApplication) -> String {
    written::table(application)
}

/// The same of an MFA policy.
pub(super) fn mfa_policy(policy: &MfaPolicy) -> String {
    written::table(policy)
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), Exit> {
    let declared = declared(arguments)?;
    let stores = Stores::open(&arguments.place).await?;
    let unmet = declared.unmet(stores.opened.profiles);
    if !unmet.is_empty() {
        return Err(refused(arguments, &unmet));
    }
    let there = stores.all().await?;
    let now = stores.opened.clock.now();
    let plan = Plan::new(declared, &there, arguments.prune, now).map_err(|problems| refused(arguments, &problems))?;
    tell(&plan, arguments.json)?;
    if arguments.plan || plan.steps.is_empty() {
        return Ok(());
    }
    if plan.takes_away() && !arguments.yes {
        confirm(arguments)?;
    }
    let mut done = 0;
    let all = plan.steps.len();
    for step in plan.steps {
        stores.take(step).await.map_err(|error| {
            Exit::new(error.why, format!("{error}; {done} of {all} changes are made, and applying again goes on"))
        })?;
        done += 1;
    }
    if !arguments.json {
        Terminal::stdout().line(format!("{done} changes made"))?;
    }
    Ok(())
}

fn declared(arguments: &Arguments) -> Result<Declared, Exit> {
    let mut text = String::new();
    if arguments.file.as_os_str() == "-" {
        io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(&arguments.file)
            .map_err(|error| Exit::usage(format!("{} cannot be read: {error}", arguments.file.display())))?;
    }
    let parsed: State = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(0, |span| text.get(..span.start).unwrap_or(&text).matches('\n').count() + 1);
        // Its message alone: the line itself may be anybody's secret.
        Exit::usage(format!("{}:{line}: {}", arguments.file.display(), error.message()))
    })?;
    parsed.declared().map_err(|problems| refused(arguments, &problems))
}

fn refused(arguments: &Arguments, problems: &[String]) -> Exit {
    Exit::usage(format!("{} cannot be applied\n  {}", arguments.file.display(), problems.join("\n  ")))
}

fn tell(plan: &Plan, as_json: bool) -> Result<(), Exit> {
    let mut terminal = Terminal::stdout();
    for step in &plan.steps {
        let (sign, action, ink) = match step.deed() {
            Deed::Create => ("+", "create", Ink::Good),
            Deed::Update => ("~", "update", Ink::Strong),
            Deed::Delete => ("-", "delete", Ink::Bad),
        };
        let (kind, name) = step.subject();
        if as_json {
            let changes: Vec<_> = step.changes().iter().map(plan::Change::json).collect();
            terminal.line(json!({ "action": action, "kind": kind, "id": name, "changes": changes }))?;
            continue;
        }
        let line = terminal.paint(ink, &format!("{sign} {kind} {}", safe(&name)));
        terminal.line(line)?;
        for change in step.changes() {
            terminal.line(format!("    {:<16} {} → {}", change.field, safe(&change.from), safe(&change.to)))?;
        }
    }
    if !as_json {
        terminal.line(plan.summary())?;
    }
    Ok(())
}

fn confirm(arguments: &Arguments) -> Result<(), Exit> {
    if !io::stdin().is_terminal() || arguments.file.as_os_str() == "-" {
        return Err(Exit::usage("this takes something away: say --yes, or look at it with --plan"));
    }
    sure::asked("This takes something away")
}

/// Where it is done: by the rules of administration, as all commands that manage data.
struct Stores {
    opened: Opened,
    by: Administrator,
    clients: ManageClients,
    users: ManageUsers,
    policies: ManagePolicies,
    applications: ManageApplications,
    native_applications: ManageNativeApplications,
    mfa_policies: ManageMfaPolicies,
    settings: ManageSignOnSettings,
}

impl Stores {
    async fn open(place: &Place) -> Result<Self, Exit> {
        let opened = Opened::new(place).await?;
        let clients = Clients::new(opened.database.clone(), Arc::clone(&opened.directory));
        let people = People::new(opened.database.clone(), Arc::clone(&opened.directory));
        let policies = Policies::new(opened.database.clone(), Arc::clone(&opened.directory));
        let applications = Applications::new(opened.database.clone(), Arc::clone(&opened.directory));
        let native = NativeApplications::new(opened.database.clone(), Arc::clone(&opened.directory));
        let mfa_policies = MfaPolicies::new(opened.database.clone(), Arc::clone(&opened.directory));
        Ok(Self {
            by: Administrator::command_line(),
            // Nothing is called from here, so nobody asks whether a `jwks_uri` may be.
            clients: ManageClients {
                clients: clients.clone(),
                policies: policies.clone(),
                egress: None,
                profiles: opened.profiles,
                desk: opened.desk(),
            },
            settings: ManageSignOnSettings {
                settings: SignOnSettings::new(opened.database.clone(), Arc::clone(&opened.directory)),
                policies: policies.clone(),
                applications: applications.clone(),
                desk: opened.desk(),
            },
            policies: ManagePolicies {
                parts: policies,
                others: (applications.clone(), mfa_policies.clone()),
                desk: opened.desk(),
            },
            applications: ManageApplications { parts: applications, others: (), desk: opened.desk() },
            mfa_policies: ManageMfaPolicies { parts: mfa_policies, others: native.clone(), desk: opened.desk() },
            native_applications: ManageNativeApplications { parts: native, others: clients, desk: opened.desk() },
            users: ManageUsers { people, desk: opened.desk() },
            opened,
        })
    }

    async fn all(&self) -> Result<There, Exit> {
        Ok(There {
            sign_on: sign_on::There {
                policies: self.policies.parts.all().await?,
                applications: self.applications.parts.all().await?,
                native_applications: self.native_applications.parts.all().await?,
                mfa_policies: self.mfa_policies.parts.all().await?,
                settings: self.settings.read().await?,
            },
            clients: self.clients.clients.list(None, u32::MAX).await?,
            people: self.users.people.list(None, u32::MAX).await?,
        })
    }

    async fn take(&self, step: Step) -> Result<(), Exit> {
        let (by, now) = (&self.by, self.opened.clock.now());
        match step {
            Step::CreateClient(mut declared) => {
                let secret = declared.secret.take();
                self.clients.create(by, Some(declared.id.as_str()), &declared.metadata(), secret).await?;
            }
            Step::UpdateClient(declared, changes) => {
                let secret_only = changes.iter().all(|change| change.field == "secret");
                let action = if secret_only { Action::ClientSecretRotated } else { Action::ClientUpdated };
                let id = declared.id.clone();
                let event = self.clients.desk.event(by, action).client(&id);
                let change = |_, client| declared.applied(&client, now);
                let changed = self.clients.clients.update_if(&id, None, &event, now, change).await?;
                changed.ok_or_else(|| Exit::conflict("somebody else deleted it just now"))??;
            }
            Step::DeleteClient(id) => self.clients.delete(by, id.as_str(), &always).await?,
            Step::CreateUser(declared) => {
                // With the id that relying parties know, where the file has one.
                let user = declared.created(now, self.opened.entropy.uuid());
                let event = self.users.desk.event(by, Action::UserCreated).user(user.id);
                if !self.users.people.create(&user, &event).await? {
                    return Err(Exit::conflict("somebody else created it just now"));
                }
            }
            Step::UpdateUser(id, declared, changes) => {
                if changes.iter().any(|change| change.field != "status") {
                    self.users.update(by, id, declared.patch(), &always).await?;
                }
                if changes.iter().any(|change| change.field == "status") {
                    self.users.set_status(by, id, declared.status, &always).await?;
                }
            }
            Step::DeleteUser(user) => self.users.delete(by, user.id, &always).await?,
            Step::SignOn(step) => self.take_sign_on(step).await?,
        }
        Ok(())
    }

    async fn take_sign_on(&self, step: SignOnStep) -> Result<(), Exit> {
        let by = &self.by;
        match step {
            SignOnStep::Application(step) => moved(&self.applications, by, step).await,
            SignOnStep::Policy(step) => moved(&self.policies, by, step).await,
            SignOnStep::NativeApplication(step) => moved(&self.native_applications, by, step).await,
            SignOnStep::MfaPolicy(step) => moved(&self.mfa_policies, by, step).await,
            SignOnStep::UpdateSettings(settings, _) => {
                // What is left out is taken away.
                let patch = json!({
                    "default_policy": settings.default_policy,
                    "default_application": settings.default_application,
                    "restrict_access_to_redirectless_mode": settings.restrict_access_to_redirectless_mode,
                    "policies_disabled": settings.policies_disabled,
                    "flow_api_disabled": settings.flow_api_disabled,
                    "include_request_context": settings.include_request_context,
                });
                self.settings.update(by, patch, &always).await?;
                Ok(())
            }
        }
    }
}

async fn moved<P: Kind>(parts: &ManageParts<P>, by: &Administrator, step: Move<P>) -> Result<(), Exit> {
    match step {
        Move::Create(part) => drop(parts.create(by, Some(P::text(part.id())), &part.wish()).await?),
        Move::Update(part, _) => drop(parts.replace(by, &part).await?),
        Move::Delete(id) => parts.delete(by, P::text(&id), &always).await?,
    }
    Ok(())
}
