//! A refresh token for new tokens (RFC 6749 §6), once (RFC 9700 §4.14).

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::client::GrantType;
use crate::domain::grant::Rotation;
use crate::entropy::Entropy;
use crate::failpoint;
use crate::protocol::admin_scope::is_administrative;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::RefreshToken;
use crate::protocol::parameters::Parameters;
use crate::protocol::scope::Scope;
use crate::secret::{MasterKey, Secret};
use crate::store::ephemeral::StoreError;
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::tokens::{Presented, Tokens};
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::issue::{Along, Issue, TokenResponse};

pub struct Refresh {
    pub tokens: Tokens,
    pub ledger: Ledger,
    pub directory: Arc<Directory>,
    pub issue: Arc<Issue>,
    pub master: Arc<MasterKey>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl Refresh {
    #[tracing::instrument(level = "debug", name = "refresh", skip_all)]
    pub async fn refresh(
        &self,
        client: &AuthenticatedClient,
        presented: &RefreshToken,
        parameters: &Parameters,
        bound_to: Option<Confirmation>,
    ) -> Result<TokenResponse, Error> {
        let now = self.clock.now();
        client.needs(GrantType::RefreshToken)?;
        let digest = presented.digest();
        // Before anything else, so that a stranger learns from no other answer that there is such a token.
        // Whose grant it is never changes, so nobody has to look again.
        let stored = self.tokens.refresh_token(&digest).await?.filter(|(_, grant)| grant.client == client.id);
        let Some((_, mut grant)) = stored else {
            return Err(Refusal::invalid_grant("unknown, expired, revoked or another client's refresh token").into());
        };
        // [RFC 9449 §5] whoever has the token and not the key has found it somewhere. Nothing is used up.
        if grant.bound_to.is_some() && grant.bound_to != bound_to {
            return Err(Refusal::invalid_grant("the refresh token is bound to another key").into());
        }
        // [RFC 6749 §6] it may narrow the scope of these tokens, never widen it.
        // What the client may ask for may have been cut since.
        grant.scope = grant
            .scope
            .within(&client.scope)
            .and_then(|scope| scope.only(|name| !is_administrative(name)))
            .ok_or_else(|| Refusal::invalid_grant("the client may ask for nothing of the grant any more"))?;
        let narrowed = match parameters.get("scope") {
            None => grant.scope.clone(),
            Some(text) => Scope::parse(text)
                .filter(|scope| scope.is_within(&grant.scope))
                .filter(|scope| scope.contains(Scope::OPENID) || !grant.scope.contains(Scope::OPENID))
                .ok_or(Refusal::new(ErrorCode::InvalidScope, "scope goes beyond what was granted, or lacks openid."))?,
        };
        grant.extent = client
            .still(grant.extent, &self.issue.issuer)
            .ok_or_else(|| Refusal::invalid_grant("the client may have nothing of what was named any more"))?;
        // [RFC 8707 §2.2, RFC 9396 §6]
        let less = grant.extent.narrowed(parameters)?;
        let user = self.directory.user(&grant.user).await?;
        if !user.is_some_and(|user| user.is_active()) {
            return Err(Refusal::invalid_grant("the user is locked, disabled or gone").into());
        }
        if let Some(device) = grant.device
            && !self.directory.may_answer(&grant.user, device, now).await?
        {
            return Err(Refusal::invalid_grant("the approving device is blocked or unpaired").into());
        }
        grant.scope = narrowed;
        let along = Along::default().bound_to(bound_to).for_less(less.as_ref());
        let mut minted = self.issue.mint(client, &grant, &along, now)?;
        let successor = minted.refresh_row.take().ok_or(StoreError::Corrupt("a refresh without successor"))?;
        let token = minted.response.refresh_token.take().ok_or(StoreError::Corrupt("a refresh without successor"))?;
        let access = minted.access_row.take();
        let rotated =
            Event::new(self.entropy.ordered_uuid(now), now, Action::TokenRefreshed).client(&client.id).user(grant.user);
        failpoint::hit("K17");
        // [FAPI 2 §5.3.2.1] "shall not use refresh token rotation": whoever took it has neither the client's key nor
        // that of its tokens, and an answer that is lost costs nothing. What was replaced before is looked at below.
        if client.demands().lasting_refresh
            && self.tokens.keep(&digest, successor.expires_at, access.as_ref(), &rotated, now).await?
        {
            failpoint::hit("K18");
            minted.response.refresh_token = Some(RefreshToken::new(Secret::new(presented.expose().clone())));
            return Ok(minted.response);
        }
        let rotate = Presented {
            digest,
            sealed_successor: self.master.seal(&place(&digest), token.expose().as_bytes(), &self.entropy),
            successor,
            access: access.clone(),
            rotated,
            reused: Event::new(self.entropy.ordered_uuid(now), now, Action::TokenReused)
                .client(&client.id)
                .user(grant.user)
                .refused("a used refresh token came again: the grant is revoked"),
        };
        match self.tokens.rotate(&rotate, now).await? {
            Rotation::Rotated(_) => {
                failpoint::hit("K18");
                minted.response.refresh_token = Some(token);
                Ok(minted.response)
            }
            // The answer to the first use was lost: the same successor once more.
            Rotation::Again(_, sealed) => {
                let successor = self
                    .master
                    .open(&place(&digest), &sealed)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes.expose().clone()).ok())
                    .ok_or(StoreError::Corrupt("a sealed successor"))?;
                match access {
                    Some(access) => self.tokens.add_access_token(&access, &rotate.rotated).await?,
                    None => self.ledger.audit(rotate.rotated).await,
                }
                minted.response.refresh_token = Some(RefreshToken::new(Secret::new(successor)));
                Ok(minted.response)
            }
            Rotation::Reused(_) => Err(Error::Recorded(Refusal::invalid_grant("reused: the grant is revoked"))),
            Rotation::Invalid => Err(Refusal::invalid_grant("the refresh token ended meanwhile").into()),
        }
    }
}

fn place(digest: &crate::secret::Digest<RefreshToken>) -> String {
    format!("refresh_token|successor|{digest}")
}
