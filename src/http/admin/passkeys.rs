//! `/admin/v1/users/{user_id}/passkeys`.

use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};

use crate::domain::passkey::Passkey;
use crate::http::Tag;
use crate::http::admin::access::{Admin, UsersRead, UsersWrite};
use crate::http::admin::reply::{Done, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::protocol::public_id::{self, Kind};
use crate::usecase::admin::passkeys::{ManagePasskeys, passkey_id};
use crate::usecase::admin::users::user_id;

pub struct PasskeysApi {
    pub passkeys: ManagePasskeys,
}

/// With which a user signs in. The key itself never leaves the user's device.
#[derive(Clone, Debug, Object)]
#[oai(rename = "Passkey", skip_serializing_if_is_none)]
pub struct PasskeyBody {
    pub id: String,
    /// As the user calls it.
    pub name: String,
    /// Whether it can be copied to other devices of the user.
    pub synchronised: bool,
    pub created_at: DateTime,
    /// Absent until it is used.
    pub last_used_at: Option<DateTime>,
}

/// The passkeys of a user.
#[derive(Debug, Object)]
pub struct PasskeyList {
    pub items: Vec<PasskeyBody>,
}

impl From<&Passkey> for PasskeyBody {
    fn from(passkey: &Passkey) -> Self {
        Self {
            id: public_id::encode(Kind::Passkey, passkey.id.uuid()),
            name: passkey.name.as_str().to_owned(),
            synchronised: passkey.backup_eligible,
            created_at: passkey.created_at.into(),
            last_used_at: passkey.last_used_at.map(Into::into),
        }
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminUsers")]
impl PasskeysApi {
    /// List a user's passkeys
    ///
    /// The oldest first; there are 20 at most.
    #[oai(path = "/users/:user_id/passkeys", method = "get", operation_id = "listUserPasskeys")]
    async fn list(
        &self,
        #[oai(scope = "Permission::UsersRead")] admin: Admin<UsersRead>,
        user_id: Path<String>,
    ) -> Result<Shown<PasskeyList>> {
        let Admin { .. } = admin;
        let found = self.passkeys.list(self::user_id(&user_id)?).await?;
        Ok(Shown::of(PasskeyList { items: found.iter().map(PasskeyBody::from).collect() }))
    }

    /// Delete a user's passkey
    ///
    /// It signs nobody in any more. For a user who has lost it: nobody else can make them another one.
    #[oai(path = "/users/:user_id/passkeys/:passkey_id", method = "delete", operation_id = "deleteUserPasskey")]
    async fn delete(
        &self,
        #[oai(scope = "Permission::UsersWrite")] admin: Admin<UsersWrite>,
        user_id: Path<String>,
        passkey_id: Path<String>,
    ) -> Result<Done> {
        self.passkeys.delete(&admin, self::user_id(&user_id)?, self::passkey_id(&passkey_id)?).await?;
        Ok(Done)
    }
}
