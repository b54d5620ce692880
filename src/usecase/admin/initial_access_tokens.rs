//! The tokens that clients register themselves with: made, listed, revoked.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::initial_access_token::InitialAccessToken;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode};
use crate::protocol::id::{InitialAccessTokenId, InitialToken};
use crate::protocol::public_id::{self, Kind};
use crate::store::ephemeral::StoreError;
use crate::store::sql::registration::Registration;
use crate::usecase::admin::client_metadata::Problems;
use crate::usecase::admin::{AdminError, Administrator, Desk, Page, Position, Precondition};

/// How long a token is good when nobody says.
const USUAL_LIFETIME: Duration = Duration::from_secs(7 * 86_400);
const LONGEST_LIFETIME: Duration = Duration::from_secs(90 * 86_400);
const MOST_USES: u32 = 1000;

pub struct ManageInitialAccessTokens {
    pub registration: Registration,
    pub desk: Desk,
}

/// A token as it was just made: the only time that it is shown.
#[derive(Debug)]
pub struct MadeToken {
    pub stored: InitialAccessToken,
    pub token: InitialToken,
}

/// Reads an identifier as it stands in a path.
pub fn initial_access_token_id(text: &str) -> Result<InitialAccessTokenId, AdminError> {
    let id = public_id::decode(Kind::InitialAccessToken, text).map(InitialAccessTokenId::new);
    Ok(id.ok_or(AdminErrorCode::NotFound)?)
}

impl ManageInitialAccessTokens {
    /// One use and a week, when nothing else is said.
    pub async fn create(
        &self,
        by: &Administrator,
        max_uses: Option<u32>,
        lifetime: Option<Duration>,
    ) -> Result<MadeToken, AdminError> {
        let (max_uses, lifetime) = (max_uses.unwrap_or(1), lifetime.unwrap_or(USUAL_LIFETIME));
        let mut problems = Problems::default();
        if !(1..=MOST_USES).contains(&max_uses) {
            problems.add("/max_uses", FieldCode::Invalid, "1 to 1000.");
        }
        if lifetime.is_zero() || lifetime > LONGEST_LIFETIME {
            problems.add("/expires_in", FieldCode::Invalid, "1 to 7776000 seconds: 90 days.");
        }
        if !problems.0.is_empty() {
            return Err(AdminError::invalid(problems.0));
        }
        let now = self.desk.now();
        let stored = InitialAccessToken {
            id: InitialAccessTokenId::new(self.desk.entropy.uuid()),
            used: 0,
            max_uses,
            created_at: now,
            expires_at: now + lifetime,
        };
        let token = InitialToken::new(self.desk.entropy.token());
        let event = self.desk.event(by, Action::InitialAccessTokenCreated);
        self.registration.create_token(&stored, &token.digest(), &event).await?;
        Ok(MadeToken { stored, token })
    }

    pub async fn list(&self, after: Option<Position>, limit: u32) -> Result<Page<InitialAccessToken>, StoreError> {
        let after = after.map(|position| (position.at, position.id));
        let found = self.registration.newest_tokens(after, limit.saturating_add(1)).await?;
        Ok(Page::of(found, limit, |token| Position {
            at: token.created_at.millis(),
            id: token.id.uuid().as_bytes().to_vec(),
        }))
    }

    /// How many there are in all parts.
    pub async fn count(&self, since: Option<Timestamp>) -> Result<u64, StoreError> {
        self.registration.count_tokens(since).await
    }

    pub async fn read(&self, id: InitialAccessTokenId) -> Result<InitialAccessToken, AdminError> {
        Ok(self.registration.find_token(id).await?.ok_or(AdminErrorCode::NotFound)?)
    }

    pub async fn revoke(
        &self,
        by: &Administrator,
        id: InitialAccessTokenId,
        unchanged: Precondition<'_, InitialAccessToken>,
    ) -> Result<(), AdminError> {
        let event = self.desk.event(by, Action::InitialAccessTokenRevoked);
        let check = |token: &InitialAccessToken| {
            if unchanged(token) { Ok(()) } else { Err(AdminErrorCode::PreconditionFailed) }
        };
        Ok(self.registration.revoke_token_if(id, &event, check).await?.ok_or(AdminErrorCode::NotFound)??)
    }
}
