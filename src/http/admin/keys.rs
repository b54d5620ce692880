//! `/admin/v1/keys`.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Enum, Object, OpenApi};

use crate::domain::signing_key::{State, StoredKey};
use crate::http::Tag;
use crate::http::admin::access::{Admin, KeysRead, KeysWrite};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::usecase::admin::keys::ManageKeys;

pub struct KeysApi {
    pub keys: ManageKeys,
}

/// The life of a key: announced, signing, verifying only, gone.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum KeyState {
    Next,
    Current,
    Retiring,
    Retired,
}

/// A signing key of this server, without its private part.
#[derive(Clone, Debug, Object)]
#[oai(rename = "SigningKey", skip_serializing_if_is_none)]
pub struct KeyBody {
    pub kid: String,
    pub alg: String,
    pub state: KeyState,
    pub created_at: DateTime,
    pub activated_at: Option<DateTime>,
    pub retiring_at: Option<DateTime>,
}

/// All signing keys. There are few: the list has one part.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct KeyPage {
    pub items: Vec<KeyBody>,
    /// Always absent.
    pub next_cursor: Option<String>,
    /// How many there are; there with `count=true` alone.
    pub total: Option<u64>,
}

impl From<&StoredKey> for KeyBody {
    fn from(key: &StoredKey) -> Self {
        Self {
            kid: key.kid.clone(),
            alg: key.algorithm.as_str().to_owned(),
            state: match key.state {
                State::Next => KeyState::Next,
                State::Current => KeyState::Current,
                State::Retiring => KeyState::Retiring,
                State::Retired => KeyState::Retired,
            },
            created_at: key.created_at.into(),
            activated_at: key.activated_at.map(Into::into),
            retiring_at: key.retiring_at.map(Into::into),
        }
    }
}

fn page(keys: &[StoredKey], count: bool) -> Shown<KeyPage> {
    let items: Vec<KeyBody> = keys.iter().map(KeyBody::from).collect();
    let total = count.then(|| u64::try_from(items.len()).unwrap_or(u64::MAX));
    Shown::of(KeyPage { items, next_cursor: None, total })
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminKeys")]
impl KeysApi {
    /// List signing keys
    ///
    /// Newest first, retired ones too.
    #[oai(path = "/keys", method = "get", operation_id = "listKeys")]
    async fn list(
        &self,
        #[oai(scope = "Permission::KeysRead")] admin: Admin<KeysRead>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<KeyPage>> {
        let Admin { .. } = admin;
        Ok(page(&self.keys.list().await?, count.unwrap_or_default()))
    }

    /// Rotate the signing keys
    ///
    /// Replaces the current key of each algorithm. The old ones verify until they retire. Refused while
    /// relying parties may not know the next keys, except in an emergency.
    #[oai(
        path = "/keys/rotate",
        method = "post",
        operation_id = "rotateKeys",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn rotate(
        &self,
        #[oai(scope = "Permission::KeysWrite")] admin: Admin<KeysWrite>,
        /// Rotate whatever relying parties know.
        emergency: Query<Option<bool>>,
    ) -> Result<Shown<KeyPage>> {
        Ok(page(&self.keys.rotate(&admin, emergency.unwrap_or_default()).await?, false))
    }

    /// Retire a signing key
    ///
    /// Ends a replaced key before its time: what it signed counts no more, and its private part is
    /// erased.
    #[oai(
        path = "/keys/:kid/retire",
        method = "post",
        operation_id = "retireKey",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn retire(
        &self,
        #[oai(scope = "Permission::KeysWrite")] admin: Admin<KeysWrite>,
        kid: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Read<KeyBody>> {
        let unchanged = unchanged::<StoredKey, KeyBody>(if_match);
        Ok(Read::of((&self.keys.retire(&admin, &kid, &unchanged).await?).into()))
    }
}
