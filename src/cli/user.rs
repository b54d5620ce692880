//! `nod user`: people.

use std::sync::Arc;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::standard_input;
use crate::cli::sure::Sure;
use crate::cli::terminal::{safe, say};
use crate::domain::user::{Status, User};
use crate::store::sql::devices::Devices;
use crate::store::sql::passwords::Passwords;
use crate::store::sql::people::People;
use crate::usecase::admin::devices::ManagePairingKeys;
use crate::usecase::admin::passwords::ManagePasswords;
use crate::usecase::admin::users::{ManageUsers, Profile};
use crate::usecase::admin::{Administrator, always};

#[derive(Subcommand)]
pub(super) enum Action {
    /// All people
    #[command(after_long_help = "Examples:\n  nod user list\n  nod user list --json | jq -r .username")]
    List(Format),
    /// One person
    #[command(after_long_help = "Examples:\n  nod user show alice\n  nod user show alice -c nod.toml")]
    Show {
        /// Whose, by user name
        username: String,
    },
    /// A new person, who has no device yet
    #[command(after_long_help = "Examples:
  nod user create bob --name Bob --email bob@example.com
  nod user create bob && nod user pairing-key bob")]
    Create {
        /// What a relying party sends as `login_hint`
        username: String,
        /// What people see
        #[arg(long)]
        name: Option<String>,
        /// Not verified by this
        #[arg(long)]
        email: Option<String>,
    },
    /// Nothing may be asked, decided, redeemed or refreshed
    #[command(after_long_help = "Examples:\n  nod user lock bob\n  nod user lock bob -c nod.toml")]
    Lock {
        /// Whom, by user name
        username: String,
    },
    /// Ends `lock` and `disable`
    #[command(after_long_help = "Examples:\n  nod user unlock bob\n  nod user unlock bob -c nod.toml")]
    Unlock {
        /// Whom, by user name
        username: String,
    },
    /// As `lock`, for people who left
    #[command(after_long_help = "Examples:\n  nod user disable bob\n  nod user disable bob -c nod.toml")]
    Disable {
        /// Whom, by user name
        username: String,
    },
    /// The next sign-in leads to a new password
    #[command(
        after_long_help = "Examples:\n  nod user require-password-change bob\n  nod user require-password-change bob --waive"
    )]
    RequirePasswordChange {
        /// Whose, by user name
        username: String,
        /// They may keep it after all
        #[arg(long)]
        waive: bool,
    },
    /// Set a user code, taken from standard input
    ///
    /// What a client with `--ask-user-code` has to give when it wants to have this person asked: 6 characters at least,
    /// 32 bytes at most. It takes the place of any other.
    #[command(after_long_help = "Examples:
  nod user set-user-code bob < code.txt
  pwgen -A -0 8 1 | tee /dev/tty | nod user set-user-code bob")]
    SetUserCode {
        /// Whose, by user name
        username: String,
    },
    /// Take a user code away
    ///
    /// No client with `--ask-user-code` can have this person asked any more.
    #[command(
        after_long_help = "Examples:\n  nod user remove-user-code bob\n  nod user remove-user-code bob -c nod.toml"
    )]
    RemoveUserCode {
        /// Whose, by user name
        username: String,
    },
    /// Delete the person, and revoke all that was granted
    #[command(after_long_help = "Examples:\n  nod user delete bob\n  nod user delete bob --yes -c nod.toml")]
    Delete {
        /// Whom, by user name
        username: String,
        #[command(flatten)]
        sure: Sure,
    },
    /// A key that makes a phone a device; printed once
    #[command(after_long_help = "Examples:
  nod user pairing-key bob
  nod user pairing-key bob --application bank
  nod user pairing-key bob | nod phone --user bob --pairing-key-stdin")]
    PairingKey {
        /// For whom, by user name
        username: String,
        /// For this native application alone
        #[arg(long, value_name = "ID")]
        application: Option<String>,
    },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let people = People::new(opened.database.clone(), Arc::clone(&opened.directory));
    let manage = ManageUsers { people: people.clone(), desk: opened.desk() };
    let by = Administrator::command_line();
    match action {
        Action::List(format) => {
            let mut listing = Listing::new(&["id", "username", "status", "name"]);
            for user in people.list(None, u32::MAX).await? {
                listing.row(serde_json::json!({
                    "id": user.id,
                    "username": user.username,
                    "status": status(&user),
                    "name": user.name,
                    "email": user.email,
                    "email_verified": user.email_verified,
                    "created_at": user.created_at.to_string(),
                }));
            }
            listing.print(format)?;
        }
        Action::Show { username } => show(&opened, &*find(&opened, &username).await?).await?,
        Action::Create { username, name, email } => {
            line(&manage.create(&by, Profile { username, name, email, email_verified: false }).await?);
        }
        Action::Lock { username } => set(&opened, &manage, &username, Status::Locked).await?,
        Action::Unlock { username } => set(&opened, &manage, &username, Status::Active).await?,
        Action::Disable { username } => set(&opened, &manage, &username, Status::Disabled).await?,
        Action::RequirePasswordChange { username, waive } => {
            let user = find(&opened, &username).await?;
            let passwords = Passwords::new(opened.database.clone());
            let told = ManagePasswords { passwords, desk: opened.desk() }.demand(&by, user.id, !waive).await?;
            say(&format!("{}  {}", user.id, at_the_next_sign_in(told.must_change)));
        }
        Action::SetUserCode { username } => {
            let user = find(&opened, &username).await?;
            opened.user_codes().await?.set(&by, user.id, &standard_input::secret()?).await?;
            say(&format!("{}  has a new user code", user.id));
        }
        Action::RemoveUserCode { username } => {
            let user = find(&opened, &username).await?;
            opened.user_codes().await?.remove(&by, user.id).await?;
            say(&format!("{}  has no user code", user.id));
        }
        Action::Delete { username, sure } => {
            let user = find(&opened, &username).await?;
            let name = safe(&user.username);
            sure.that(&format!("The user {name} is deleted with their devices, and all that was granted is revoked"))?;
            manage.delete(&by, user.id, &always).await?;
            say(&format!("{}  deleted", user.id));
        }
        Action::PairingKey { username, application } => {
            let user = find(&opened, &username).await?;
            let keys = ManagePairingKeys {
                devices: Devices::new(opened.database.clone(), Arc::clone(&opened.directory)),
                directory: Arc::clone(&opened.directory),
                recognise: opened.recognise_pairing_keys(),
                desk: opened.desk(),
                lifetime: opened.pairing_key_lifetime,
                issuer: opened.issuer.clone(),
            };
            say(keys.create(&by, user.id, application.as_deref()).await?.key.expose());
        }
    }
    Ok(())
}

async fn set(opened: &Opened, manage: &ManageUsers, username: &str, status: Status) -> Result<(), Exit> {
    let user = find(opened, username).await?;
    line(&manage.set_status(&Administrator::command_line(), user.id, status, &always).await?);
    Ok(())
}

async fn show(opened: &Opened, user: &User) -> Result<(), Exit> {
    line(user);
    let password = Passwords::new(opened.database.clone()).find(user.id).await?;
    say(&match password {
        Some(password) => {
            format!("password of {}, {}", password.changed_at, at_the_next_sign_in(password.must_change))
        }
        None => "no password".to_owned(),
    });
    Ok(())
}

const fn at_the_next_sign_in(must_change: bool) -> &'static str {
    if must_change { "chooses another password at the next sign-in" } else { "keeps the password" }
}

pub(super) async fn find(opened: &Opened, username: &str) -> Result<Arc<User>, Exit> {
    opened
        .directory
        .user_by_username(username)
        .await?
        .ok_or_else(|| Exit::not_found(format!("there is no user {}", safe(username))))
}

pub(super) const fn status(user: &User) -> &'static str {
    match user.status {
        Status::Active => "active",
        Status::Locked => "locked",
        Status::Disabled => "disabled",
    }
}

fn line(user: &User) {
    let status = status(user);
    let name = user.name.as_deref().unwrap_or("-");
    say(&format!("{}  {:<16} {status:<9} {}", user.id, safe(&user.username), safe(name)));
}
