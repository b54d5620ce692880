//! `/idp/userinfo.openid` [OIDC Core §5.3].

use std::sync::Arc;

use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use crate::call;
use crate::domain::grant::Grant;
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::http::Tag;
use crate::http::client_authentication::bearer;
use crate::http::error::Failure;
use crate::protocol::claims_request::PersonalClaim;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::scope::Scope;
use crate::usecase::introspect::{Active, Introspect};

pub struct UserInfoApi {
    pub introspect: Arc<Introspect>,
    pub entropy: Arc<Entropy>,
}

/// Claims about the person, as far as the scope goes [OIDC Core §5.4]. What is not known is absent.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct UserInfo {
    sub: String,
    name: Option<String>,
    preferred_username: Option<String>,
    /// Seconds since 1970.
    updated_at: Option<i64>,
    email: Option<String>,
    email_verified: Option<bool>,
}

#[derive(ApiResponse)]
pub enum Answer {
    /// The claims.
    #[oai(status = 200)]
    Claims(Json<UserInfo>, #[oai(header = "x-fapi-interaction-id")] String),
}

#[OpenApi]
impl UserInfoApi {
    /// Read claims about the person
    #[oai(path = "/idp/userinfo.openid", method = "get", operation_id = "getUserInfo", tag = "Tag::Oidc")]
    async fn get(&self, http: &Request) -> poem::Result<Answer> {
        self.answer(http).await
    }

    /// Read claims about the person
    #[oai(path = "/idp/userinfo.openid", method = "post", operation_id = "postUserInfo", tag = "Tag::Oidc")]
    async fn post(&self, http: &Request) -> poem::Result<Answer> {
        self.answer(http).await
    }
}

impl UserInfoApi {
    async fn answer(&self, http: &Request) -> poem::Result<Answer> {
        let missing = Refusal::new(ErrorCode::InvalidToken, "A bearer token is required.");
        let token = bearer(http)
            .and_then(|token| token.ok_or(missing))
            .map_err(|refusal| Failure::unauthenticated(refusal.into()))?;
        let invalid = || {
            let refusal = Refusal::new(ErrorCode::InvalidToken, "The access token is not valid, or no longer.");
            Failure::unauthenticated(refusal.into())
        };
        let active = self.introspect.access(token).await.map_err(|error| Failure::unauthenticated(error.into()))?;
        let Active { person, scope, client, .. } = active.ok_or_else(invalid)?;
        // A client's own token tells of nobody.
        let (grant, user) = person.ok_or_else(invalid)?;
        // [FAPI 1 Baseline §6.2.1] echoed, or made up. It should be a UUID, and is the caller's own affair: what
        // does no harm where it is shown again comes back as it is.
        let interaction = http
            .headers()
            .get("x-fapi-interaction-id")
            .and_then(|value| value.to_str().ok())
            .filter(|id| is_harmless(id))
            .map_or_else(|| self.entropy.uuid().to_string(), str::to_owned);
        call::about_person(&user.username);
        tracing::info!(client.id = %client.id, status = 200_u16, "userinfo");
        Ok(Answer::Claims(Json(claims(&grant, &user, &scope)), interaction))
    }
}

/// Short, and visible ASCII. It is shown in the header alone, in no log.
fn is_harmless(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

fn claims(grant: &Grant, user: &User, scope: &Scope) -> UserInfo {
    // [OIDCC §5.4, §5.5] by a scope, or by itself.
    let asked = &grant.extent.claims.userinfo;
    let told = |claim: PersonalClaim| scope.contains(claim.scope()) || asked.contains(&claim);
    let verified = user.email.as_ref().map(|_| user.email_verified);
    UserInfo {
        sub: grant.user.to_string(),
        name: user.name.clone().filter(|_| told(PersonalClaim::Name)),
        preferred_username: told(PersonalClaim::PreferredUsername).then(|| user.username.clone()),
        updated_at: told(PersonalClaim::UpdatedAt).then(|| user.updated_at.seconds()),
        email: user.email.clone().filter(|_| told(PersonalClaim::Email)),
        email_verified: verified.filter(|_| told(PersonalClaim::EmailVerified)),
    }
}
