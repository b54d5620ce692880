//! `/admin/v1/users`.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Enum, Object, OpenApi};

use crate::domain::user::{self as domain, User};
use crate::http::Tag;
use crate::http::admin::access::{Admin, UsersRead, UsersWrite};
use crate::http::admin::members::{Members, Patch, parsed};
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Created, Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::protocol::public_id::{self, Kind};
use crate::usecase::admin::users::{ManageUsers, Sought, user_id};

pub struct UsersApi {
    pub users: ManageUsers,
    pub cursors: Cursors,
}

/// Nothing may be asked, decided, redeemed or refreshed for a user who is not active.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum UserStatus {
    Active,
    Locked,
    Disabled,
}

/// A person.
#[derive(Clone, Debug, Object)]
#[oai(rename = "User", skip_serializing_if_is_none)]
pub struct UserBody {
    pub id: String,
    /// The person in ID tokens and access tokens.
    pub sub: String,
    /// What a relying party sends as `login_hint`, or names in a `login_hint_token` as `opaque`.
    pub username: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub email_verified: bool,
    pub status: UserStatus,
    pub created_at: DateTime,
    pub updated_at: DateTime,
}

/// A person to be made.
#[derive(Debug, Object)]
pub struct UserCreation {
    pub username: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// `false` when left out.
    pub email_verified: Option<bool>,
}

/// Changes to a person, as a merge patch: `null` takes a member away.
#[derive(Debug, Object)]
pub struct UserPatch {
    pub username: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub email_verified: Option<bool>,
}

/// Part of a list of users.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct UserPage {
    pub items: Vec<UserBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: public_id::encode(Kind::User, user.id.uuid()),
            sub: user.id.to_string(),
            username: user.username.clone(),
            name: user.name.clone(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            status: match user.status {
                domain::Status::Active => UserStatus::Active,
                domain::Status::Locked => UserStatus::Locked,
                domain::Status::Disabled => UserStatus::Disabled,
            },
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
        }
    }
}

impl From<UserStatus> for domain::Status {
    fn from(status: UserStatus) -> Self {
        match status {
            UserStatus::Active => Self::Active,
            UserStatus::Locked => Self::Locked,
            UserStatus::Disabled => Self::Disabled,
        }
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminUsers")]
impl UsersApi {
    /// List users
    ///
    /// Newest first. With `username`, the one of that name; with `sub`, the one whom a token speaks of.
    #[expect(clippy::too_many_arguments, reason = "each filter is one")]
    #[oai(path = "/users", method = "get", operation_id = "listUsers")]
    async fn list(
        &self,
        #[oai(scope = "Permission::UsersRead")] admin: Admin<UsersRead>,
        /// Exactly this name.
        username: Query<Option<String>>,
        /// Exactly this `sub`, as tokens have it.
        sub: Query<Option<String>>,
        status: Query<Option<UserStatus>>,
        /// Not made before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<UserPage>> {
        let Admin { .. } = admin;
        let since = created_after.0.map(|DateTime(at)| at);
        let filters = format!("users {:?} {:?} {:?}", username.0, sub.0, status.0);
        let list = page::since(&filters, since);
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let status = status.0.map(Into::into);
        let wanted = Sought { username: username.0, sub: sub.0, status };
        let found = self.users.list(&wanted, after, page::limit(limit.0)).await?.since(since, |user| user.created_at);
        Ok(Shown::of(UserPage {
            next_cursor: self.cursors.next(&list, found.next.as_ref()),
            total: page::total(count.0, self.users.count(&wanted, since)).await?,
            items: found.items.iter().map(UserBody::from).collect(),
        }))
    }

    /// Create a user
    ///
    /// Without a device: make a pairing key next.
    #[oai(
        path = "/users",
        method = "post",
        operation_id = "createUser",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn create(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        body: Members<UserCreation>,
    ) -> Result<Created<UserBody>> {
        let user = UserBody::from(&self.users.create(&admin, parsed(body.value)?).await?);
        Ok(Created::at(format!("/admin/v1/users/{}", user.id), &user.clone(), user))
    }

    /// Read a user
    #[oai(path = "/users/:user_id", method = "get", operation_id = "getUser")]
    async fn read(
        &self,
        #[oai(scope = "Permission::UsersRead")] admin: Admin<UsersRead>,
        user_id: Path<String>,
    ) -> Result<Read<UserBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.users.read(self::user_id(&user_id)?).await?).into()))
    }

    /// Change a user
    ///
    /// A merge patch (RFC 7396). The status has operations of its own.
    #[oai(path = "/users/:user_id", method = "patch", operation_id = "updateUser")]
    async fn update(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Patch<UserPatch, UserBody>,
    ) -> Result<Read<UserBody>> {
        let unchanged = unchanged::<User, UserBody>(if_match);
        let id = self::user_id(&user_id)?;
        Ok(Read::of((&self.users.update(&admin, id, body.value.into(), &unchanged).await?).into()))
    }

    /// Delete a user
    ///
    /// With devices and pairing keys; all that was granted for them ends. Decisions and their evidence
    /// stay.
    #[oai(path = "/users/:user_id", method = "delete", operation_id = "deleteUser")]
    async fn delete(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Done> {
        let unchanged = unchanged::<User, UserBody>(if_match);
        self.users.delete(&admin, self::user_id(&user_id)?, &unchanged).await?;
        Ok(Done)
    }

    /// Lock a user
    ///
    /// Nothing may be asked, decided, redeemed or refreshed for them until they are unlocked.
    #[oai(
        path = "/users/:user_id/lock",
        method = "post",
        operation_id = "lockUser",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn lock(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Read<UserBody>> {
        let unchanged = unchanged::<User, UserBody>(if_match);
        let id = self::user_id(&user_id)?;
        let user = self.users.set_status(&admin, id, domain::Status::Locked, &unchanged).await?;
        Ok(Read::of((&user).into()))
    }

    /// Unlock a user
    ///
    /// From locked or disabled.
    #[oai(
        path = "/users/:user_id/unlock",
        method = "post",
        operation_id = "unlockUser",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn unlock(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Read<UserBody>> {
        let unchanged = unchanged::<User, UserBody>(if_match);
        let id = self::user_id(&user_id)?;
        let user = self.users.set_status(&admin, id, domain::Status::Active, &unchanged).await?;
        Ok(Read::of((&user).into()))
    }

    /// Disable a user
    ///
    /// As locked, for people who are not to come back.
    #[oai(
        path = "/users/:user_id/disable",
        method = "post",
        operation_id = "disableUser",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn disable(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Read<UserBody>> {
        let unchanged = unchanged::<User, UserBody>(if_match);
        let id = self::user_id(&user_id)?;
        let user = self.users.set_status(&admin, id, domain::Status::Disabled, &unchanged).await?;
        Ok(Read::of((&user).into()))
    }
}
