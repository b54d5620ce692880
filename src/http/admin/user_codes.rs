//! `/admin/v1/users/{user_id}/user-code`.

use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use crate::http::Tag;
use crate::http::admin::access::{Admin, UsersRead, UsersWrite};
use crate::http::admin::members::{Members, parsed};
use crate::http::admin::reply::{Done, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::secret::Secret;
use crate::usecase::admin::user_codes::ManageUserCodes;
use crate::usecase::admin::users::user_id;

pub struct UserCodesApi {
    pub codes: ManageUserCodes,
}

/// The user code of a user, which nobody can read.
#[derive(Debug, Object)]
#[oai(rename = "UserCode")]
pub struct UserCodeBody {
    pub changed_at: DateTime,
}

/// A user code to be set.
#[derive(Object, Deserialize)]
#[oai(rename = "UserCodeSetting")]
pub struct NewUserCode {
    /// 6 characters at least, 32 bytes at most. It is not shown again.
    pub user_code: String,
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminUsers")]
impl UserCodesApi {
    /// Read since when a user has a user code
    ///
    /// The code itself nobody can read.
    #[oai(path = "/users/:user_id/user-code", method = "get", operation_id = "getUserCode")]
    async fn read(
        &self,
        #[oai(scope = "Permission::UsersRead")] admin: Admin<UsersRead>,
        user_id: Path<String>,
    ) -> Result<Shown<UserCodeBody>> {
        let Admin { .. } = admin;
        let changed_at = self.codes.read(self::user_id(&user_id)?).await?;
        Ok(Shown::of(UserCodeBody { changed_at: changed_at.into() }))
    }

    /// Set a user's user code
    ///
    /// In the place of any other. Clients with `backchannel_user_code_parameter` have to give it when they want to have
    /// the user asked [CIBA §7.1.2].
    #[oai(path = "/users/:user_id/user-code", method = "put", operation_id = "setUserCode")]
    async fn set(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        body: Members<NewUserCode>,
    ) -> Result<Done> {
        let NewUserCode { user_code } = parsed(body.value)?;
        self.codes.set(&admin, self::user_id(&user_id)?, &Secret::new(user_code)).await?;
        Ok(Done)
    }

    /// Remove a user's user code
    ///
    /// Clients with `backchannel_user_code_parameter` can have the user asked no more.
    #[oai(path = "/users/:user_id/user-code", method = "delete", operation_id = "deleteUserCode")]
    async fn delete(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
    ) -> Result<Done> {
        self.codes.remove(&admin, self::user_id(&user_id)?).await?;
        Ok(Done)
    }
}
