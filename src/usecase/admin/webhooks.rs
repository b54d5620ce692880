//! Webhooks: whom we tell what happened, and what was told.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::webhook::{About, Delivery, State, Webhook};
use crate::outbound::egress::Egress;
use crate::outbound::webhook::PREFIX;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::id::{DeliveryId, WebhookId};
use crate::protocol::merge_patch;
use crate::protocol::public_id::{self, Kind};
use crate::secret::{MasterKey, Secret};
use crate::store::ephemeral::StoreError;
use crate::store::sql::trail::Trail;
use crate::store::sql::webhooks::Webhooks;
use crate::usecase::admin::client_metadata::Problems;
use crate::usecase::admin::{AdminError, Administrator, Desk, Page, Position, Precondition, take_read_only};

/// How long a replaced secret still signs.
const OVERLAP: Duration = Duration::from_secs(86_400);

/// The type of a test event.
pub const PING: &str = "webhook.ping";

pub struct ManageWebhooks {
    pub webhooks: Webhooks,
    pub trail: Arc<Trail>,
    pub master: Arc<MasterKey>,
    pub egress: Egress,
    pub desk: Desk,
}

/// What may be changed of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default)]
    pub event_types: Vec<String>,
    #[serde(default = "yes")]
    pub enabled: bool,
}

const fn yes() -> bool {
    true
}

pub fn webhook_id(text: &str) -> Result<WebhookId, AdminError> {
    Ok(public_id::decode(Kind::Webhook, text).map(WebhookId::new).ok_or(AdminErrorCode::NotFound)?)
}

pub fn delivery_id(text: &str) -> Result<DeliveryId, AdminError> {
    Ok(public_id::decode(Kind::Delivery, text).map(DeliveryId::new).ok_or(AdminErrorCode::NotFound)?)
}

/// Where a secret rests.
pub(super) fn place(id: WebhookId) -> String {
    format!("webhook|secret|{id}")
}

impl ManageWebhooks {
    pub async fn list(&self, after: Option<Position>, limit: u32) -> Result<Page<Webhook>, StoreError> {
        let after = after.map(|position| (position.at, position.id));
        let found = self.webhooks.newest(after, limit.saturating_add(1)).await?;
        Ok(Page::of(found, limit, |webhook| Position {
            at: webhook.created_at.millis(),
            id: webhook.id.uuid().as_bytes().to_vec(),
        }))
    }

    /// How many there are in all parts.
    pub async fn count(&self, since: Option<Timestamp>) -> Result<u64, StoreError> {
        self.webhooks.count(since).await
    }

    pub async fn read(&self, id: WebhookId) -> Result<Webhook, AdminError> {
        Ok(self.webhooks.find(id).await?.ok_or(AdminErrorCode::NotFound)?)
    }

    /// Answers the secret as well, once: the one that the receiver has already, or else a new one.
    pub async fn create(
        &self,
        by: &Administrator,
        wish: Wish,
        theirs: Option<Secret<String>>,
    ) -> Result<(Webhook, Secret<String>), AdminError> {
        let mut problems = self.problems(&wish);
        let bytes = match &theirs {
            None => Some(self.fresh()),
            Some(text) => secret_bytes(text),
        };
        let bytes = match bytes {
            Some(bytes) if problems.0.is_empty() => bytes,
            Some(_) => return Err(AdminError::invalid(problems.0)),
            None => {
                problems.add("/secret", FieldCode::Invalid, "whsec_ and the base64 of 24 to 64 bytes.");
                return Err(AdminError::invalid(problems.0));
            }
        };
        let now = self.desk.now();
        let webhook = Webhook {
            id: WebhookId::new(self.desk.entropy.uuid()),
            enabled: wish.enabled,
            about: about(wish),
            created_at: now,
            updated_at: now,
        };
        let (shown, sealed) = self.sealed(webhook.id, &bytes);
        // What happens from now on.
        let position = self.trail.end().await?;
        let event = self.desk.event(by, Action::WebhookCreated);
        if self.webhooks.create(&webhook, &sealed, position, &event).await? {
            Ok((webhook, shown))
        } else {
            Err(AdminErrorCode::TooManyWebhooks.into())
        }
    }

    /// Applies a merge patch [RFC 7396] to what may be changed.
    pub async fn update(
        &self,
        by: &Administrator,
        id: WebhookId,
        patch: Value,
        unchanged: Precondition<'_, Webhook>,
    ) -> Result<Webhook, AdminError> {
        let position = self.trail.end().await?;
        let event = self.desk.event(by, Action::WebhookUpdated);
        let changed = self.webhooks.update_if(id, position, &event, self.desk.now(), |webhook| {
            if !unchanged(&webhook) {
                return Err(AdminErrorCode::PreconditionFailed.into());
            }
            let wish = patched(&webhook, patch)?;
            self.check(&wish)?;
            Ok::<_, AdminError>(Webhook { enabled: wish.enabled, about: about(wish), ..webhook })
        });
        changed.await?.ok_or(AdminErrorCode::NotFound)?
    }

    pub async fn delete(
        &self,
        by: &Administrator,
        id: WebhookId,
        unchanged: Precondition<'_, Webhook>,
    ) -> Result<(), AdminError> {
        let event = self.desk.event(by, Action::WebhookDeleted);
        let check = |webhook: &Webhook| {
            if unchanged(webhook) { Ok(()) } else { Err(AdminErrorCode::PreconditionFailed) }
        };
        Ok(self.webhooks.delete_if(id, &event, check).await?.ok_or(AdminErrorCode::NotFound)??)
    }

    /// Makes a new secret. For a day, the one before signs too.
    pub async fn rotate_secret(
        &self,
        by: &Administrator,
        id: WebhookId,
        unchanged: Precondition<'_, Webhook>,
    ) -> Result<(Webhook, Secret<String>), AdminError> {
        let (shown, sealed) = self.sealed(id, &self.fresh());
        let event = self.desk.event(by, Action::WebhookSecretRotated);
        let check = |webhook: &Webhook| {
            if unchanged(webhook) { Ok(()) } else { Err(AdminErrorCode::PreconditionFailed) }
        };
        let rotated = self.webhooks.rotate_secret_if(id, &sealed, self.desk.now() + OVERLAP, &event, check).await?;
        Ok((rotated.ok_or(AdminErrorCode::NotFound)??, shown))
    }

    /// Sends a test event. It is no event of the trail: nobody else is told.
    pub async fn ping(&self, id: WebhookId, unchanged: Precondition<'_, Webhook>) -> Result<Delivery, AdminError> {
        let webhook = self.read(id).await?;
        if !unchanged(&webhook) {
            return Err(AdminErrorCode::PreconditionFailed.into());
        }
        let (now, event) = (self.desk.now(), self.desk.entropy.uuid());
        let data = serde_json::json!({ "id": public_id::encode(Kind::Event, event), "type": PING });
        let body = serde_json::json!({ "type": PING, "timestamp": now.to_string(), "data": data });
        let delivery = Delivery {
            id: DeliveryId::new(self.desk.entropy.ordered_uuid(now)),
            webhook: webhook.id,
            event,
            event_type: PING.to_owned(),
            body: body.to_string(),
            state: State::Pending,
            attempts: 0,
            due_at: now,
            last_status: None,
            last_error: None,
            created_at: now,
            finished_at: None,
        };
        self.webhooks.add(&delivery).await?;
        Ok(delivery)
    }

    pub async fn deliveries(
        &self,
        id: WebhookId,
        state: Option<State>,
        after: Option<Position>,
        limit: u32,
    ) -> Result<Page<Delivery>, AdminError> {
        self.read(id).await?;
        let after = after.map(|position| (position.at, position.id));
        let found = self.webhooks.deliveries(id, state, after, limit.saturating_add(1)).await?;
        Ok(Page::of(found, limit, |delivery| Position {
            at: delivery.created_at.millis(),
            id: delivery.id.uuid().as_bytes().to_vec(),
        }))
    }

    /// How many deliveries of a webhook there are in all parts.
    pub async fn count_deliveries(
        &self,
        id: WebhookId,
        state: Option<State>,
        since: Option<Timestamp>,
    ) -> Result<u64, StoreError> {
        self.webhooks.count_deliveries(id, state, since).await
    }

    pub async fn redeliver(&self, id: WebhookId, delivery: DeliveryId) -> Result<Delivery, AdminError> {
        let again = self.webhooks.redeliver(id, delivery, self.desk.now()).await?;
        Ok(again.ok_or(AdminErrorCode::NotFound)?)
    }

    fn fresh(&self) -> Secret<Vec<u8>> {
        Secret::new(self.desk.entropy.bytes::<32>().to_vec())
    }

    /// A secret as it is shown, and as it rests.
    fn sealed(&self, id: WebhookId, bytes: &Secret<Vec<u8>>) -> (Secret<String>, crate::secret::Sealed) {
        let sealed = self.master.seal(&place(id), bytes.expose(), &self.desk.entropy);
        (Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes.expose()))), sealed)
    }

    fn check(&self, wish: &Wish) -> Result<(), AdminError> {
        let problems = self.problems(wish);
        if problems.0.is_empty() { Ok(()) } else { Err(AdminError::invalid(problems.0)) }
    }

    fn problems(&self, wish: &Wish) -> Problems {
        let mut problems = Problems::default();
        let url = Url::parse(&wish.url).ok().filter(|url| self.egress.check_url(url).is_ok());
        if wish.url.len() > 400 {
            problems.add("/url", FieldCode::TooLong, "At most 400 characters.");
        } else if url.is_none() {
            problems.add("/url", FieldCode::Invalid, "An https URL that leads to a public address.");
        }
        if let Some(text) = &wish.description {
            if text.chars().count() > 200 {
                problems.add("/description", FieldCode::TooLong, "At most 200 characters.");
            } else if text.chars().any(char::is_control) {
                problems.add("/description", FieldCode::Invalid, "With control characters.");
            }
        }
        let known = |kind: &String| Action::parse(kind).is_some() && !kind.starts_with("webhook.");
        if !wish.event_types.iter().all(known) {
            problems.add(
                "/event_types",
                FieldCode::Unknown,
                "An event type that there is not, or that is told to nobody.",
            );
        }
        problems
    }
}

/// The bytes of a secret as Standard Webhooks writes it: long enough to sign with, and one way to write
/// it, since it is shown again as it was made of the bytes.
fn secret_bytes(text: &Secret<String>) -> Option<Secret<Vec<u8>>> {
    let bytes = Secret::new(STANDARD.decode(text.expose().strip_prefix(PREFIX)?).ok()?);
    (24..=64).contains(&bytes.expose().len()).then_some(bytes)
}

fn about(wish: Wish) -> About {
    let Wish { url, description, mut event_types, enabled: _ } = wish;
    event_types.sort_unstable();
    event_types.dedup();
    About { url, description, event_types, disabled_because: None }
}

fn patched(webhook: &Webhook, mut patch: Value) -> Result<Wish, AdminError> {
    let read_only = [
        ("id", public_id::encode(Kind::Webhook, webhook.id.uuid()).into()),
        ("disabled_because", webhook.about.disabled_because.clone().into()),
        ("created_at", webhook.created_at.to_string().into()),
        ("updated_at", webhook.updated_at.to_string().into()),
    ];
    take_read_only(&mut patch, read_only)?;
    let About { url, description, event_types, disabled_because: _ } = webhook.about.clone();
    let before = Wish { url, description, event_types, enabled: webhook.enabled };
    let patched = merge_patch::apply(serde_json::to_value(before).unwrap_or_default(), patch);
    if patched.is_object() && patched.get("url").is_none() {
        let problem = FieldProblem::new("/url", FieldCode::Required, "It cannot be left out.");
        return Err(AdminError::invalid(vec![problem]));
    }
    serde_json::from_value(patched).map_err(|_| {
        AdminError::because(AdminErrorCode::InvalidRequest, "the patched webhook does not have the documented members")
    })
}
