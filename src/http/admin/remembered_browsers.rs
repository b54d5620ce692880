//! `/admin/v1/users/{user_id}/remembered-browsers`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use crate::http::Tag;
use crate::http::admin::access::{Admin, UsersWrite};
use crate::http::admin::reply::{Done, Result};
use crate::protocol::admin_scope::Permission;
use crate::usecase::admin::remembered_browsers::ManageRememberedBrowsers;
use crate::usecase::admin::users::user_id;

pub struct RememberedBrowsersApi {
    pub browsers: ManageRememberedBrowsers,
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminUsers")]
impl RememberedBrowsersApi {
    /// Forget a user's remembered browsers
    ///
    /// The user is asked for a second factor in every browser again, where an MFA policy has `remember_me`. Sessions go on.
    #[oai(path = "/users/:user_id/remembered-browsers", method = "delete", operation_id = "forgetRememberedBrowsers")]
    async fn forget(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
    ) -> Result<Done> {
        self.browsers.forget(&admin, self::user_id(&user_id)?).await?;
        Ok(Done)
    }
}
