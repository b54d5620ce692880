//! People.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::user::{Status, User};
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::id::UserId;
use crate::protocol::merge_patch;
use crate::protocol::public_id::{self, Kind};
use crate::store::ephemeral::StoreError;
use crate::store::sql::people::{People, Updated};
use crate::usecase::admin::client_metadata::Problems;
use crate::usecase::admin::{AdminError, Administrator, Desk, Page, Position, Precondition, take_read_only};

/// Who is looked for; nothing leaves all.
#[derive(Clone, Debug, Default)]
pub struct Sought {
    pub username: Option<String>,
    /// As tokens name the person.
    pub sub: Option<String>,
    pub status: Option<Status>,
}

pub struct ManageUsers {
    pub people: People,
    pub desk: Desk,
}

/// What may be changed of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub username: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default)]
    pub email_verified: bool,
}

impl Profile {
    fn of(user: &User) -> Self {
        Self {
            username: user.username.clone(),
            name: user.name.clone(),
            email: user.email.clone(),
            email_verified: user.email_verified,
        }
    }

    pub fn check(&self) -> Result<(), AdminError> {
        let mut problems = Problems::default();
        let plain = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        // As long as a login_hint may be.
        if self.username.len() > 255 {
            problems.add("/username", FieldCode::TooLong, "At most 255 bytes.");
        } else if !plain(&self.username) {
            problems.add("/username", FieldCode::Invalid, "Empty, or with control characters.");
        }
        match &self.name {
            Some(name) if name.len() > 255 => problems.add("/name", FieldCode::TooLong, "At most 255 bytes."),
            Some(name) if !plain(name) => {
                problems.add("/name", FieldCode::Invalid, "Empty, or with control characters.");
            }
            Some(_) | None => {}
        }
        match &self.email {
            Some(email) if email.len() > 254 => problems.add("/email", FieldCode::TooLong, "At most 254 bytes."),
            Some(email) if !is_address(email) => problems.add("/email", FieldCode::Invalid, "Not a mail address."),
            None if self.email_verified => {
                problems.add("/email_verified", FieldCode::NotAllowed, "There is no address to verify.");
            }
            Some(_) | None => {}
        }
        if problems.0.is_empty() { Ok(()) } else { Err(AdminError::invalid(problems.0)) }
    }
}

/// Enough to tell a slip from an address. Only a mail that arrives tells more.
pub(in crate::usecase) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    !local.is_empty() && !domain.is_empty() && !text.chars().any(|c| c.is_control() || c == ' ')
}

/// Reads a user's identifier as it stands in a path.
pub fn user_id(text: &str) -> Result<UserId, AdminError> {
    Ok(public_id::decode(Kind::User, text).map(UserId::new).ok_or(AdminErrorCode::NotFound)?)
}

impl ManageUsers {
    pub async fn list(&self, wanted: &Sought, after: Option<Position>, limit: u32) -> Result<Page<User>, StoreError> {
        let Sought { username, sub, status } = wanted;
        let fits = |user: &User| {
            username.as_ref().is_none_or(|name| *name == user.username) && status.is_none_or(|own| own == user.status)
        };
        if let Some(sub) = sub {
            // One at most, and of another spelling none.
            let found = match sub.parse() {
                Ok(id) if after.is_none() => self.people.find(id).await?.filter(fits),
                Ok(_) | Err(_) => None,
            };
            return Ok(Page { items: found.into_iter().collect(), next: None });
        }
        let after = after.map(|position| (position.at, position.id));
        let found = self.people.newest(username.as_deref(), *status, after, limit.saturating_add(1)).await?;
        Ok(Page::of(found, limit, |user| Position {
            at: user.created_at.millis(),
            id: user.id.uuid().as_bytes().to_vec(),
        }))
    }
    /// How many there are in all parts.
    pub async fn count(&self, wanted: &Sought, since: Option<Timestamp>) -> Result<u64, StoreError> {
        if wanted.sub.is_some() {
            let found = self.list(wanted, None, 1).await?.since(since, |user| user.created_at);
            return Ok(u64::from(!found.items.is_empty()));
        }
        self.people.count(wanted.username.as_deref(), wanted.status, since).await
    }

    pub async fn read(&self, id: UserId) -> Result<User, AdminError> {
        Ok(self.people.find(id).await?.ok_or(AdminErrorCode::NotFound)?)
    }

    pub async fn create(&self, by: &Administrator, profile: Profile) -> Result<User, AdminError> {
        profile.check()?;
        let now = self.desk.now();
        let Profile { username, name, email, email_verified } = profile;
        let user = User {
            id: UserId::new(self.desk.entropy.uuid()),
            username,
            name,
            email,
            email_verified,
            status: Status::Active,
            created_at: now,
            updated_at: now,
        };
        let event = self.desk.event(by, Action::UserCreated).user(user.id);
        if self.people.create(&user, &event).await? { Ok(user) } else { Err(AdminErrorCode::UsernameTaken.into()) }
    }

    /// Applies a merge patch [RFC 7396] to what may be changed.
    pub async fn update(
        &self,
        by: &Administrator,
        id: UserId,
        patch: Value,
        unchanged: Precondition<'_, User>,
    ) -> Result<User, AdminError> {
        self.change(by, id, Action::UserUpdated, |user| {
            if !unchanged(&user) {
                return Err(AdminErrorCode::PreconditionFailed.into());
            }
            let profile = patched(&user, patch)?;
            profile.check()?;
            let Profile { username, name, email, email_verified } = profile;
            Ok(User { username, name, email, email_verified, ..user })
        })
        .await
    }

    /// Locked or disabled, nothing may be asked, decided, redeemed or refreshed for the person.
    pub async fn set_status(
        &self,
        by: &Administrator,
        id: UserId,
        status: Status,
        unchanged: Precondition<'_, User>,
    ) -> Result<User, AdminError> {
        let action = match status {
            Status::Active => Action::UserUnlocked,
            Status::Locked => Action::UserLocked,
            Status::Disabled => Action::UserDisabled,
        };
        self.change(by, id, action, |user| {
            if !unchanged(&user) {
                return Err(AdminErrorCode::PreconditionFailed.into());
            }
            Ok(User { status, ..user })
        })
        .await
    }

    /// Deletes the person with devices and pairing keys, and ends what was granted for them.
    pub async fn delete(
        &self,
        by: &Administrator,
        id: UserId,
        unchanged: Precondition<'_, User>,
    ) -> Result<(), AdminError> {
        let event = self.desk.event(by, Action::UserDeleted).user(id);
        let check = |user: &User| {
            if unchanged(user) { Ok(()) } else { Err(AdminErrorCode::PreconditionFailed) }
        };
        match self.people.delete_if(id, &event, self.desk.now(), check).await? {
            None => Err(AdminErrorCode::NotFound.into()),
            Some(deleted) => Ok(deleted?),
        }
    }

    async fn change(
        &self,
        by: &Administrator,
        id: UserId,
        action: Action,
        change: impl FnOnce(User) -> Result<User, AdminError> + Send,
    ) -> Result<User, AdminError> {
        let event = self.desk.event(by, action).user(id);
        match self.people.update_if(id, &event, self.desk.now(), change).await?? {
            Updated::User(user) => Ok(user),
            Updated::Unknown => Err(AdminErrorCode::NotFound.into()),
            Updated::UsernameTaken => Err(AdminErrorCode::UsernameTaken.into()),
        }
    }
}

fn patched(user: &User, mut patch: Value) -> Result<Profile, AdminError> {
    let status = match user.status {
        Status::Active => "active",
        Status::Locked => "locked",
        Status::Disabled => "disabled",
    };
    let read_only = [
        ("id", public_id::encode(Kind::User, user.id.uuid()).into()),
        ("sub", user.id.to_string().into()),
        ("status", status.into()),
        ("created_at", user.created_at.to_string().into()),
        ("updated_at", user.updated_at.to_string().into()),
    ];
    take_read_only(&mut patch, read_only)?;
    let before = serde_json::to_value(Profile::of(user)).unwrap_or_default();
    let patched = merge_patch::apply(before, patch);
    if patched.is_object() && patched.get("username").is_none() {
        let problem = FieldProblem::new("/username", FieldCode::Required, "It cannot be left out.");
        return Err(AdminError::invalid(vec![problem]));
    }
    serde_json::from_value(patched).map_err(|_| {
        AdminError::because(AdminErrorCode::InvalidRequest, "the patched user does not have the documented members")
    })
}
