//! `/admin/v1/pairing-keys`, and those of one user.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use crate::http::Tag;
use crate::http::admin::access::{Admin, DevicesRead, DevicesWrite};
use crate::http::admin::audit::named;
use crate::http::admin::members::{MembersIfAny, parsed};
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Created, Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::protocol::id::UserId;
use crate::protocol::public_id::{self, Kind};
use crate::usecase::admin::devices::{ManagePairingKeys, StoredPairingKey, pairing_key_id};
use crate::usecase::admin::users::user_id;

pub struct PairingKeysApi {
    pub keys: ManagePairingKeys,
    pub cursors: Cursors,
}

/// A key by which a phone becomes a device of a user, without the key.
#[derive(Clone, Debug, Object)]
#[oai(rename = "PairingKey", skip_serializing_if_is_none)]
pub struct PairingKeyBody {
    pub id: String,
    pub user_id: String,
    /// The `id` of the native application that it is for. Absent: it is for any app.
    pub application: Option<String>,
    pub created_at: DateTime,
    pub expires_at: DateTime,
    /// When a phone used it.
    pub used_at: Option<DateTime>,
}

/// A pairing key that a user is to have.
#[derive(Debug, Object, Deserialize)]
#[oai(rename = "PairingKeyCreation")]
pub struct NewPairingKey {
    /// The `id` of a native application: that app alone pairs with the key, and becomes a device as which a policy may
    /// name it. For any app when left out.
    pub application: Option<String>,
}

/// A pairing key as it was just made: the only time that it is shown.
#[derive(Debug, Object)]
pub struct PairingKeyWithSecret {
    pub pairing_key: PairingKeyBody,
    /// Twelve digits, to be read out or typed.
    pub key: String,
    /// What a QR code carries.
    pub link: String,
}

/// Part of a list of pairing keys.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct PairingKeyPage {
    pub items: Vec<PairingKeyBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

impl From<&StoredPairingKey> for PairingKeyBody {
    fn from(key: &StoredPairingKey) -> Self {
        Self {
            id: public_id::encode(Kind::PairingKey, key.id.uuid()),
            user_id: public_id::encode(Kind::User, key.user.uuid()),
            application: key.application.as_ref().map(ToString::to_string),
            created_at: key.created_at.into(),
            expires_at: key.expires_at.into(),
            used_at: key.used_at.map(Into::into),
        }
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminPairingKeys")]
impl PairingKeysApi {
    /// List pairing keys
    ///
    /// Newest first, used and expired ones too until they are forgotten.
    #[expect(clippy::too_many_arguments, reason = "each filter is one")]
    #[oai(path = "/pairing-keys", method = "get", operation_id = "listPairingKeys")]
    async fn list(
        &self,
        #[oai(scope = "Permission::DevicesRead")] admin: Admin<DevicesRead>,
        /// Of this user only.
        user_id: Query<Option<String>>,
        /// Not made before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<PairingKeyPage>> {
        let Admin { .. } = admin;
        let user = named(Kind::User, "user_id", user_id.0.as_deref(), UserId::new)?;
        let since = created_after.0.map(|DateTime(at)| at);
        let list = page::since(&format!("pairing keys {user:?}"), since);
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let found = self.keys.list(user, after, page::limit(limit.0)).await?.since(since, |key| key.created_at);
        Ok(Shown::of(PairingKeyPage {
            next_cursor: self.cursors.next(&list, found.next.as_ref()),
            total: page::total(count.0, self.keys.count(user, since)).await?,
            items: found.items.iter().map(PairingKeyBody::from).collect(),
        }))
    }

    /// Make a pairing key for a user
    ///
    /// The key and its link are shown in the answer and never again. It is good as long as `devices.pairing_key_lifetime`
    /// says, or the MFA policy by which the application signs people in that it is for.
    #[oai(
        path = "/users/:user_id/pairing-keys",
        method = "post",
        operation_id = "createPairingKey",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn create(
        &self,
        #[oai(scope = "Permission::DevicesWrite")] admin: Admin<DevicesWrite>,
        user_id: Path<String>,
        body: MembersIfAny<NewPairingKey>,
    ) -> Result<Created<PairingKeyWithSecret>> {
        let NewPairingKey { application } = parsed(body.value)?;
        let made = self.keys.create(&admin, self::user_id(&user_id)?, application.as_deref()).await?;
        let pairing_key = PairingKeyBody::from(&made.stored);
        let at = format!("/admin/v1/pairing-keys/{}", pairing_key.id);
        let of = pairing_key.clone();
        let new =
            PairingKeyWithSecret { pairing_key, key: made.key.expose().clone(), link: made.link.expose().clone() };
        Ok(Created::at(at, &of, new))
    }

    /// Read a pairing key
    ///
    /// The key itself is shown to nobody.
    #[oai(path = "/pairing-keys/:pairing_key_id", method = "get", operation_id = "getPairingKey")]
    async fn read(
        &self,
        #[oai(scope = "Permission::DevicesRead")] admin: Admin<DevicesRead>,
        pairing_key_id: Path<String>,
    ) -> Result<Read<PairingKeyBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.keys.read(self::pairing_key_id(&pairing_key_id)?).await?).into()))
    }

    /// Revoke a pairing key
    ///
    /// A device that was paired with it stays.
    #[oai(path = "/pairing-keys/:pairing_key_id", method = "delete", operation_id = "revokePairingKey")]
    async fn revoke(
        &self,
        #[oai(scope = "Permission::DevicesWrite")] admin: Admin<DevicesWrite>,
        pairing_key_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Done> {
        let unchanged = unchanged::<StoredPairingKey, PairingKeyBody>(if_match);
        self.keys.revoke(&admin, self::pairing_key_id(&pairing_key_id)?, &unchanged).await?;
        Ok(Done)
    }
}
