//! `/admin/v1/users/{user_id}/password`.

use poem_openapi::param::{Header, Path};
use poem_openapi::{Object, OpenApi};

use crate::http::Tag;
use crate::http::admin::access::{Admin, UsersRead, UsersWrite};
use crate::http::admin::members::Patch;
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Read, Result};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::usecase::admin::passwords::{ManagePasswords, Told};
use crate::usecase::admin::users::user_id;

pub struct PasswordsApi {
    pub passwords: ManagePasswords,
}

/// That a user has a password. Nothing of it is shown, and nobody else chooses it.
#[derive(Clone, Debug, Object)]
#[oai(rename = "UserPassword")]
pub struct PasswordBody {
    /// Whether the next sign-in with it leads to another one.
    pub must_change: bool,
    pub changed_at: DateTime,
}

/// Changes to a password, as a merge patch.
#[derive(Debug, Object)]
#[oai(rename = "UserPasswordPatch")]
pub struct PasswordPatch {
    pub must_change: Option<bool>,
}

impl From<&Told> for PasswordBody {
    fn from(told: &Told) -> Self {
        Self { must_change: told.must_change, changed_at: told.changed_at.into() }
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminUsers")]
impl PasswordsApi {
    /// Read about a user's password
    ///
    /// 404 for a user who has none.
    #[oai(path = "/users/:user_id/password", method = "get", operation_id = "getUserPassword")]
    async fn read(
        &self,
        #[oai(scope = "Permission::UsersRead")] admin: Admin<UsersRead>,
        user_id: Path<String>,
    ) -> Result<Read<PasswordBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.passwords.read(self::user_id(&user_id)?).await?).into()))
    }

    /// Require a user to change their password
    ///
    /// A merge patch (RFC 7396). With `must_change`, the next sign-in with the password leads to a new one, and goes on
    /// from there. Sessions go on.
    #[oai(path = "/users/:user_id/password", method = "patch", operation_id = "updateUserPassword")]
    async fn update(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Patch<PasswordPatch, PasswordBody>,
    ) -> Result<Read<PasswordBody>> {
        let unchanged = unchanged::<Told, PasswordBody>(if_match);
        let id = self::user_id(&user_id)?;
        Ok(Read::of((&self.passwords.update(&admin, id, body.value.into(), &unchanged).await?).into()))
    }
}
