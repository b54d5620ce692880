//! `nod user`: people.

use std::sync::Arc;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::opened::Opened;
use crate::cli::terminal::{safe, say};
use crate::domain::user::{Status, User};
use crate::store::sql::devices::Devices;
use crate::store::sql::people::People;
use crate::usecase::admin::devices::ManagePairingKeys;
use crate::usecase::admin::users::{ManageUsers, Profile};
use crate::usecase::admin::{Administrator, always};

#[derive(Subcommand)]
pub(super) enum Action {
    /// All people
    List,
    Show {
        username: String,
    },
    Create {
        username: String,
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        email: Option<String>,
    },
    /// Nothing may be asked, decided, redeemed or refreshed for this person
    Lock {
        username: String,
    },
    Unlock {
        username: String,
    },
    Disable {
        username: String,
    },
    Delete {
        username: String,
    },
    /// A key by which a phone becomes a device of this person; printed once
    PairingKey {
        username: String,
    },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let people = People::new(opened.database.clone(), Arc::clone(&opened.directory));
    let manage = ManageUsers { people: people.clone(), desk: opened.desk() };
    let by = Administrator::command_line();
    match action {
        Action::List => {
            for user in people.list(None, u32::MAX).await? {
                line(&user);
            }
        }
        Action::Show { username } => line(&*find(&opened, &username).await?),
        Action::Create { username, name, email } => {
            line(&manage.create(&by, Profile { username, name, email, email_verified: false }).await?);
        }
        Action::Lock { username } => set(&opened, &manage, &username, Status::Locked).await?,
        Action::Unlock { username } => set(&opened, &manage, &username, Status::Active).await?,
        Action::Disable { username } => set(&opened, &manage, &username, Status::Disabled).await?,
        Action::Delete { username } => {
            let user = find(&opened, &username).await?;
            manage.delete(&by, user.id, &always).await?;
            say(&format!("{}  deleted", user.id));
        }
        Action::PairingKey { username } => {
            let user = find(&opened, &username).await?;
            let keys = ManagePairingKeys {
                devices: Devices::new(opened.database.clone(), Arc::clone(&opened.directory)),
                desk: opened.desk(),
                lifetime: opened.pairing_key_lifetime,
                issuer: opened.issuer.clone(),
            };
            say(keys.create(&by, user.id).await?.key.expose());
        }
    }
    Ok(())
}

async fn set(opened: &Opened, manage: &ManageUsers, username: &str, status: Status) -> Result<(), Exit> {
    let user = find(opened, username).await?;
    line(&manage.set_status(&Administrator::command_line(), user.id, status).await?);
    Ok(())
}

pub(super) async fn find(opened: &Opened, username: &str) -> Result<Arc<User>, Exit> {
    opened
        .directory
        .user_by_username(username)
        .await?
        .ok_or_else(|| Exit::not_found(format!("there is no user {}", safe(username))))
}

fn line(user: &User) {
    let status = match user.status {
        Status::Active => "active",
        Status::Locked => "locked",
        Status::Disabled => "disabled",
    };
    let name = user.name.as_deref().unwrap_or("-");
    say(&format!("{}  {:<16} {status:<9} {}", user.id, safe(&user.username), safe(name)));
}
