//! `nod apply` and `nod export`: clients and people as a file says, and as such a file.
//!
//! The file is read into what it declares ([`state`]), which is compared with what there is
//! ([`plan`]). Only then something is done, and only here it is known where.

mod plan;
mod state;
mod written;

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use self::plan::{Plan, Step};
use self::state::{Declared, State};
use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::opened::Opened;
use crate::cli::terminal::{Ink, Terminal, print, safe};
use crate::domain::audit::Action;
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::store::sql::clients::Clients;
use crate::store::sql::people::{People, Updated};

/// Make clients and people as a file says
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

/// Write clients and people as a file for `apply`
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
    let (clients, people) = stores.all().await?;
    print(&written::written(&clients, &people));
    Ok(())
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), Exit> {
    let declared = declared(arguments)?;
    let stores = Stores::open(&arguments.place).await?;
    let (clients, people) = stores.all().await?;
    let now = stores.opened.clock.now();
    let plan = Plan::new(declared, &clients, &people, arguments.prune, now)
        .map_err(|problems| refused(arguments, &problems))?;
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
        let (sign, action, ink) = match step {
            Step::CreateClient(_) | Step::CreateUser(_) => ("+", "create", Ink::Good),
            Step::UpdateClient(..) | Step::UpdateUser(..) => ("~", "update", Ink::Strong),
            Step::DeleteClient(_) | Step::DeleteUser(_) => ("-", "delete", Ink::Bad),
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
    print("This takes something away. Go on? Type yes: ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Exit::failed("nothing was changed")) }
}

/// Where it is done: today in the stores themselves, as all commands that manage data.
struct Stores {
    opened: Opened,
    clients: Clients,
    people: People,
}

impl Stores {
    async fn open(place: &Place) -> Result<Self, Exit> {
        let opened = Opened::new(place).await?;
        let clients = Clients::new(opened.database.clone(), Arc::clone(&opened.directory));
        let people = People::new(opened.database.clone(), Arc::clone(&opened.directory));
        Ok(Self { opened, clients, people })
    }

    async fn all(&self) -> Result<(Vec<Client>, Vec<User>), Exit> {
        Ok((self.clients.list(None, u32::MAX).await?, self.people.list(None, u32::MAX).await?))
    }

    async fn take(&self, step: Step) -> Result<(), Exit> {
        let now = self.opened.clock.now();
        let event = |action| self.opened.event(action);
        let gone = || Exit::conflict("somebody else deleted it just now");
        let taken = || Exit::conflict("somebody else created it just now");
        match step {
            Step::CreateClient(declared) => {
                let client = declared.created(now);
                let event = event(Action::ClientCreated).client(&client.id);
                self.clients.create(&client, &event).await?.then_some(()).ok_or_else(taken)
            }
            Step::UpdateClient(declared, _) => {
                let id = declared.id.clone();
                let event = event(Action::ClientUpdated).client(&id);
                let change = |client| declared.applied(client, now);
                self.clients.update(&id, &event, now, change).await?.map(drop).ok_or_else(gone)
            }
            Step::DeleteClient(id) => {
                let event = event(Action::ClientDeleted).client(&id);
                self.clients.delete(&id, &event, now).await?.then_some(()).ok_or_else(gone)
            }
            Step::CreateUser(declared) => {
                let user = declared.created(now, self.opened.entropy.uuid());
                let event = event(Action::UserCreated).user(user.id);
                self.people.create(&user, &event).await?.then_some(()).ok_or_else(taken)
            }
            Step::UpdateUser(id, declared, _) => {
                let event = event(Action::UserUpdated).user(id);
                match self.people.update(id, &event, now, |user| declared.applied(user)).await? {
                    Updated::User(_) => Ok(()),
                    Updated::Unknown | Updated::UsernameTaken => Err(gone()),
                }
            }
            Step::DeleteUser(user) => {
                let event = event(Action::UserDeleted).user(user.id);
                self.people.delete(user.id, &event, now).await?.then_some(()).ok_or_else(gone)
            }
        }
    }
}
