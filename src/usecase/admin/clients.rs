//! Relying parties, and the clients that administer: registered, changed, deleted.
//!
//! Nobody gives more than they have: a client never gets an administrative scope that the caller
//! lacks, and one that has such a scope is not theirs to touch. Both are asked under the lock that
//! the change is made under, of the registrations of that moment.

use std::time::Duration;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Actor};
use crate::domain::client::{Client, Secrets, StoredSecret};
use crate::domain::profile::Profiles;
use crate::outbound::egress::Egress;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::admin_scope::Permissions;
use crate::protocol::id::ClientId;
use crate::protocol::merge_patch;
use crate::protocol::public_id::Kind;
use crate::secret::{Digest, Secret};
use crate::store::ephemeral::StoreError;
use crate::store::sql::clients::{Clients, Created};
use crate::store::sql::sign_on::Policies;
use crate::usecase::admin::client_metadata::profile::unmet;
use crate::usecase::admin::client_metadata::sign_in::NO_POLICY;
use crate::usecase::admin::client_metadata::{ClientMetadata, client_id};
use crate::usecase::admin::policies::policy_id;
use crate::usecase::admin::{AdminError, Administrator, Desk, Page, Position, Precondition, take_read_only};
use crate::usecase::sector::{NOT_LISTED, Vouched};

/// How long a replaced secret still works.
pub const OVERLAP: Duration = Duration::from_secs(86_400);

/// Whoever brings a secret brings one that nobody guesses.
pub const SHORTEST_SECRET: usize = 16;

pub struct ManageClients {
    pub clients: Clients,
    pub policies: Policies,
    /// Says whether a `jwks_uri` may be called; where nothing is called, nothing is asked.
    pub egress: Option<Egress>,
    pub profiles: Profiles,
    pub desk: Desk,
}

/// A client, and the secret that was made for it: shown once.
#[derive(Debug)]
pub struct WithSecret {
    pub client: Client,
    pub secret: Option<Secret<String>>,
}

impl ManageClients {
    pub async fn list(&self, after: Option<&Position>, limit: u32) -> Result<Page<Client>, StoreError> {
        let found = self.clients.newest(after.and_then(Position::text), limit.saturating_add(1)).await?;
        Ok(Page::of(found, limit, |client| Position::named(client.created_at, client.id.as_str())))
    }

    /// How many there are in all parts.
    pub async fn count(&self, since: Option<Timestamp>) -> Result<u64, StoreError> {
        self.clients.count(since).await
    }

    /// From the database itself: whoever just changed it elsewhere sees it.
    pub async fn read(&self, id: &str) -> Result<Client, AdminError> {
        let id = ClientId::parse(id).ok_or(AdminErrorCode::NotFound)?;
        Ok(self.clients.find(&id).await?.ok_or(AdminErrorCode::NotFound)?)
    }

    /// Without `id`, one is made; without `secret`, one is made where the client needs one.
    pub async fn create(
        &self,
        by: &Administrator,
        id: Option<&str>,
        metadata: &ClientMetadata,
        secret: Option<Secret<String>>,
    ) -> Result<WithSecret, AdminError> {
        let now = self.desk.now();
        let wanted = id.map(client_id);
        let bad_id = wanted == Some(None);
        let id = match wanted.flatten() {
            Some(id) => id,
            None => self.desk.fresh(Kind::Client, client_id)?,
        };
        let described = metadata.client(id, None, self.egress.as_ref(), now);
        let described = described.and_then(|client| unmet(self.profiles, &client).map(|()| client));
        let mut client = match described {
            Ok(client) if !bad_id => client,
            described => {
                let others = described.err().into_iter().flatten();
                return Err(AdminError::invalid(bad_id.then_some(BAD_ID).into_iter().chain(others).collect()));
            }
        };
        self.check_policy(metadata.sign_on_policy.as_deref()).await?;
        if !Vouched::of(self.egress.as_ref(), &client, None).await.covers(&client) {
            return Err(AdminError::invalid(vec![NOT_LISTED]));
        }
        let shown = client.authentication.secrets_mut().and_then(|secrets| {
            let made = secret.is_none();
            let secret = secret.unwrap_or_else(|| self.desk.entropy.token());
            *secrets = Secrets(vec![stored(&secret)]);
            made.then_some(secret)
        });
        let event = self.desk.event(by, Action::ClientCreated).client(&client.id);
        let wanted = Permissions::of(&client.scope);
        let permitted = |own: Option<&Client>| by.permissions_now(own).cover(&wanted);
        match self.clients.create_if(&client, own(by), &event, permitted).await? {
            Created::Yes => Ok(WithSecret { client, secret: shown }),
            Created::Taken => Err(AdminErrorCode::ClientExists.into()),
            Created::NotPermitted => Err(AdminErrorCode::ScopeNotGrantable.into()),
        }
    }

    /// Applies a merge patch [RFC 7396] to what may be changed.
    pub async fn update(
        &self,
        by: &Administrator,
        id: &str,
        patch: Value,
        unchanged: Precondition<'_, Client>,
    ) -> Result<Client, AdminError> {
        self.check_policy(patch.get("sign_on_policy").and_then(Value::as_str)).await?;
        let vouched = self.vouched(id, &patch).await?;
        self.change(by, id, Action::ClientUpdated, |client, now| {
            if !unchanged(&client) {
                return Err(AdminErrorCode::PreconditionFailed.into());
            }
            let changed = self.patched(&client, patch, now)?;
            // Somebody else may have changed it meanwhile: what was not asked about is not listed.
            if vouched.covers(&changed) { Ok(changed) } else { Err(AdminError::invalid(vec![NOT_LISTED])) }
        })
        .await
    }

    fn patched(&self, client: &Client, patch: Value, now: Timestamp) -> Result<Client, AdminError> {
        let metadata = patched(client, patch)?;
        let described = metadata.client(client.id.clone(), Some(client), self.egress.as_ref(), now);
        let described = described.and_then(|client| unmet(self.profiles, &client).map(|()| client));
        described.map_err(AdminError::invalid)
    }

    /// What the sector says of the client as it would be now. Nobody waits for others with the client locked.
    async fn vouched(&self, id: &str, patch: &Value) -> Result<Vouched, StoreError> {
        let before = match ClientId::parse(id) {
            Some(id) => self.clients.find(&id).await?,
            None => None,
        };
        // Whatever is wrong otherwise is told when the change is made.
        let changed = before.as_ref().and_then(|client| self.patched(client, patch.clone(), self.desk.now()).ok());
        match changed {
            Some(changed) => Ok(Vouched::of(self.egress.as_ref(), &changed, before.as_ref()).await),
            None => Ok(Vouched::For { uri: None, addresses: Vec::new() }),
        }
    }

    pub async fn set_disabled(&self, by: &Administrator, id: &str, disabled: bool) -> Result<Client, AdminError> {
        self.change(by, id, Action::ClientUpdated, |client, _| Ok(Client { disabled, ..client })).await
    }

    /// Makes a new secret; the old one works for another day.
    pub async fn rotate_secret(
        &self,
        by: &Administrator,
        id: &str,
        unchanged: Precondition<'_, Client>,
    ) -> Result<WithSecret, AdminError> {
        let secret = self.desk.entropy.token();
        let new = stored(&secret);
        let rotated = self.change(by, id, Action::ClientSecretRotated, |client, now| {
            if !unchanged(&client) {
                return Err(AdminErrorCode::PreconditionFailed.into());
            }
            replace_secret(client, new, now)
        });
        let client = rotated.await?;
        Ok(WithSecret { client, secret: Some(secret) })
    }

    /// Deletes the client and ends all that it was given.
    pub async fn delete(
        &self,
        by: &Administrator,
        id: &str,
        unchanged: Precondition<'_, Client>,
    ) -> Result<(), AdminError> {
        let id = ClientId::parse(id).ok_or(AdminErrorCode::NotFound)?;
        let event = self.desk.event(by, Action::ClientDeleted).client(&id);
        let check = |own: Option<&Client>, client: &Client, named: bool| match () {
            () if !may_touch(by, own, client) => Err(AdminErrorCode::ScopeNotGrantable),
            () if !unchanged(client) => Err(AdminErrorCode::PreconditionFailed),
            () if named => Err(AdminErrorCode::ClientInUse),
            () => Ok(()),
        };
        match self.clients.delete_if(&id, own(by), &event, self.desk.now(), check).await? {
            None => Err(AdminErrorCode::NotFound.into()),
            Some(Ok(())) => Ok(()),
            Some(Err(code)) => Err(code.into()),
        }
    }

    async fn change(
        &self,
        by: &Administrator,
        id: &str,
        action: Action,
        change: impl FnOnce(Client, Timestamp) -> Result<Client, AdminError> + Send,
    ) -> Result<Client, AdminError> {
        let id = ClientId::parse(id).ok_or(AdminErrorCode::NotFound)?;
        let now = self.desk.now();
        let event = self.desk.event(by, action).client(&id);
        let guarded = |own: Option<Client>, client: Client| {
            if !may_touch(by, own.as_ref(), &client) {
                return Err(AdminErrorCode::ScopeNotGrantable.into());
            }
            let changed = change(client, now)?;
            if may_touch(by, own.as_ref(), &changed) {
                Ok(changed)
            } else {
                Err(AdminErrorCode::ScopeNotGrantable.into())
            }
        };
        match self.clients.update_if(&id, own(by), &event, now, guarded).await? {
            None => Err(AdminErrorCode::NotFound.into()),
            Some(changed) => changed,
        }
    }

    /// One that goes at the same moment is kept by the database.
    async fn check_policy(&self, named: Option<&str>) -> Result<(), AdminError> {
        let Some(id) = named.and_then(policy_id) else { return Ok(()) };
        match self.policies.find(&id).await? {
            Some(_) => Ok(()),
            None => Err(AdminError::invalid(vec![NO_POLICY])),
        }
    }
}

/// What an identifier is that `client_id` does not take.
pub const BAD_ID_DETAIL: &str = "1 to 100 of A-Z a-z 0-9 - . _ ~, beginning with a letter or digit, and no UUID.";

const BAD_ID: FieldProblem = FieldProblem::new("/client_id", FieldCode::Invalid, BAD_ID_DETAIL);

/// The registration that the caller's rights are looked up in.
fn own(by: &Administrator) -> Option<&ClientId> {
    match &by.actor {
        Actor::Client(id) => Some(id),
        Actor::Bootstrap | Actor::CommandLine => None,
    }
}

fn may_touch(by: &Administrator, own: Option<&Client>, client: &Client) -> bool {
    by.permissions_now(own).cover(&Permissions::of(&client.scope))
}

fn patched(client: &Client, mut patch: Value) -> Result<ClientMetadata, AdminError> {
    let before = serde_json::to_value(ClientMetadata::of(client)).unwrap_or_default();
    let read_only = [("client_id", client.id.as_str().into()), ("created_at", client.created_at.to_string().into())];
    take_read_only(&mut patch, read_only)?;
    serde_json::from_value(merge_patch::apply(before, patch)).map_err(|_| {
        AdminError::because(AdminErrorCode::InvalidRequest, "the patched client does not have the documented members")
    })
}

/// As it is kept.
pub fn stored(secret: &Secret<String>) -> StoredSecret {
    StoredSecret { digest: Digest::of(secret.expose().as_bytes()), expires_at: None }
}

/// The old secret works for another day, and those before it no more.
pub fn replace_secret(mut client: Client, new: StoredSecret, now: Timestamp) -> Result<Client, AdminError> {
    let Some(Secrets(secrets)) = client.authentication.secrets_mut() else {
        return Err(AdminErrorCode::ClientHasNoSecret.into());
    };
    secrets.retain(|old| old.expires_at.is_none_or(|end| now < end));
    // The oldest goes, however often somebody rotates within a day.
    let surplus = secrets.len().saturating_sub(1);
    secrets.drain(..surplus);
    for old in secrets.iter_mut() {
        old.expires_at = Some(old.expires_at.map_or(now + OVERLAP, |end| end.min(now + OVERLAP)));
    }
    secrets.push(new);
    Ok(client)
}
