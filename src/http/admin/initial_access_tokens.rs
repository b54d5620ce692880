//! `/admin/v1/initial-access-tokens`.

use std::time::Duration;

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};

use crate::domain::initial_access_token::InitialAccessToken;
use crate::http::Tag;
use crate::http::admin::access::{Admin, ClientsRead, ClientsWrite};
use crate::http::admin::members::{Members, parsed};
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Created, Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::protocol::public_id::{self, Kind};
use crate::usecase::admin::initial_access_tokens::{ManageInitialAccessTokens, initial_access_token_id};

pub struct InitialAccessTokensApi {
    pub tokens: ManageInitialAccessTokens,
    pub cursors: Cursors,
}

/// A token that clients register themselves with, without the token.
#[derive(Clone, Debug, Object)]
#[oai(rename = "InitialAccessToken")]
pub struct TokenBody {
    pub id: String,
    /// How many clients were registered with it.
    pub used: u32,
    /// How many may be.
    pub max_uses: u32,
    pub created_at: DateTime,
    pub expires_at: DateTime,
}

/// A token as it was just made: the only time that it is shown.
#[derive(Debug, Object)]
#[oai(rename = "InitialAccessTokenWithSecret")]
pub struct TokenWithSecret {
    pub initial_access_token: TokenBody,
    /// Sent as bearer token to the registration endpoint.
    pub secret: String,
}

/// A token to be made.
#[derive(Debug, Object, serde::Deserialize)]
#[oai(rename = "InitialAccessTokenCreation")]
pub struct NewToken {
    /// How many clients may be registered with it, 1 to 1000; 1 when left out.
    pub max_uses: Option<u32>,
    /// Seconds, 90 days at most; a week when left out.
    pub expires_in: Option<u32>,
}

/// Part of a list of tokens.
#[derive(Object)]
#[oai(rename = "InitialAccessTokenPage", skip_serializing_if_is_none)]
pub struct TokenPage {
    pub items: Vec<TokenBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

impl From<&InitialAccessToken> for TokenBody {
    fn from(token: &InitialAccessToken) -> Self {
        Self {
            id: public_id::encode(Kind::InitialAccessToken, token.id.uuid()),
            used: token.used,
            max_uses: token.max_uses,
            created_at: token.created_at.into(),
            expires_at: token.expires_at.into(),
        }
    }
}

/// As it is named in the log of a list.
const LIST: &str = "initial access tokens";

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminClients")]
impl InitialAccessTokensApi {
    /// List initial access tokens
    ///
    /// Newest first, used up and expired ones too until they are forgotten.
    #[oai(path = "/initial-access-tokens", method = "get", operation_id = "listInitialAccessTokens")]
    async fn list(
        &self,
        #[oai(scope = "Permission::ClientsRead")] admin: Admin<ClientsRead>,
        /// Not made before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<TokenPage>> {
        let Admin { .. } = admin;
        let since = created_after.0.map(|DateTime(at)| at);
        let list = page::since(LIST, since);
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let found = self.tokens.list(after, page::limit(limit.0)).await?.since(since, |item| item.created_at);
        Ok(Shown::of(TokenPage {
            next_cursor: self.cursors.next(&list, found.next.as_ref()),
            total: page::total(count.0, self.tokens.count(since)).await?,
            items: found.items.iter().map(TokenBody::from).collect(),
        }))
    }

    /// Make an initial access token
    ///
    /// Whoever has it may register clients, so many and so long. It is shown in the answer and never again.
    #[oai(
        path = "/initial-access-tokens",
        method = "post",
        operation_id = "createInitialAccessToken",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn create(
        &self,
        #[oai(scope = "Permission::ClientsWrite")] admin: Admin<ClientsWrite>,
        body: Members<NewToken>,
    ) -> Result<Created<TokenWithSecret>> {
        let NewToken { max_uses, expires_in } = parsed(body.value)?;
        let lifetime = expires_in.map(|seconds| Duration::from_secs(seconds.into()));
        let made = self.tokens.create(&admin, max_uses, lifetime).await?;
        let body = TokenBody::from(&made.stored);
        let (at, of) = (format!("/admin/v1/initial-access-tokens/{}", body.id), body.clone());
        Ok(Created::at(at, &of, TokenWithSecret { initial_access_token: body, secret: made.token.expose().clone() }))
    }

    /// Read an initial access token
    ///
    /// The token itself is shown to nobody.
    #[oai(path = "/initial-access-tokens/:token_id", method = "get", operation_id = "getInitialAccessToken")]
    async fn read(
        &self,
        #[oai(scope = "Permission::ClientsRead")] admin: Admin<ClientsRead>,
        token_id: Path<String>,
    ) -> Result<Read<TokenBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.tokens.read(initial_access_token_id(&token_id)?).await?).into()))
    }

    /// Revoke an initial access token
    ///
    /// Clients that were registered with it stay.
    #[oai(path = "/initial-access-tokens/:token_id", method = "delete", operation_id = "revokeInitialAccessToken")]
    async fn revoke(
        &self,
        #[oai(scope = "Permission::ClientsWrite")] admin: Admin<ClientsWrite>,
        token_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Done> {
        let unchanged = unchanged::<InitialAccessToken, TokenBody>(if_match);
        self.tokens.revoke(&admin, initial_access_token_id(&token_id)?, &unchanged).await?;
        Ok(Done)
    }
}
