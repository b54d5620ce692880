//! `/admin/v1/webhooks`.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::Value;

use crate::domain::webhook::{Delivery, State, Webhook};
use crate::http::Tag;
use crate::http::admin::access::{Admin, WebhooksRead, WebhooksWrite};
use crate::http::admin::audit::EventType;
use crate::http::admin::members::{Members, Patch, parsed};
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Created, Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::admin_scope::Permission;
use crate::protocol::public_id::{self, Kind};
use crate::secret::Secret;
use crate::usecase::admin::webhooks::{ManageWebhooks, delivery_id, webhook_id};

pub struct WebhooksApi {
    pub webhooks: ManageWebhooks,
    pub cursors: Cursors,
}

/// Somebody who is told what happens, with signed requests (Standard Webhooks).
#[derive(Clone, Debug, Object)]
#[oai(rename = "Webhook", skip_serializing_if_is_none)]
pub struct WebhookBody {
    pub id: String,
    pub url: String,
    pub description: Option<String>,
    /// What it is told; empty for all.
    pub event_types: Vec<String>,
    pub enabled: bool,
    /// `gone`: the receiver answered 410.
    pub disabled_because: Option<String>,
    pub created_at: DateTime,
    pub updated_at: DateTime,
}

/// A webhook and its secret: the only time that it is shown.
#[derive(Debug, Object)]
pub struct WebhookWithSecret {
    pub webhook: WebhookBody,
    /// `whsec_` and base64.
    pub secret: String,
}

/// A webhook to be made.
#[derive(Debug, Object)]
pub struct WebhookCreation {
    /// An https URL.
    pub url: String,
    pub description: Option<String>,
    /// All when left out.
    pub event_types: Option<Vec<EventType>>,
    /// `true` when left out.
    pub enabled: Option<bool>,
    /// A secret that the receiver has already: `whsec_` and the base64 of 24 to 64 bytes. Made when left
    /// out.
    pub secret: Option<String>,
}

/// Changes to a webhook, as a merge patch.
#[derive(Debug, Object)]
pub struct WebhookPatch {
    pub url: Option<String>,
    pub description: Option<String>,
    pub event_types: Option<Vec<EventType>>,
    pub enabled: Option<bool>,
}

/// Part of a list of webhooks.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct WebhookPage {
    pub items: Vec<WebhookBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum DeliveryState {
    Pending,
    Delivered,
    /// Given up.
    Failed,
}

/// One event on its way to one webhook, or there.
#[derive(Clone, Debug, Object)]
#[oai(rename = "WebhookDelivery", skip_serializing_if_is_none)]
pub struct DeliveryBody {
    pub id: String,
    pub webhook_id: String,
    /// The `webhook-id` of the request: the same whenever it is sent again.
    pub event_id: String,
    pub event_type: String,
    pub state: DeliveryState,
    pub attempts: u32,
    /// What the receiver answered last.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
    pub created_at: DateTime,
    /// When it is tried next, while it is pending.
    pub next_attempt_at: Option<DateTime>,
    pub finished_at: Option<DateTime>,
}

/// Part of a delivery log.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct DeliveryPage {
    pub items: Vec<DeliveryBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

impl From<&Webhook> for WebhookBody {
    fn from(webhook: &Webhook) -> Self {
        let about = webhook.about.clone();
        Self {
            id: public_id::encode(Kind::Webhook, webhook.id.uuid()),
            url: about.url,
            description: about.description,
            event_types: about.event_types,
            enabled: webhook.enabled,
            disabled_because: about.disabled_because,
            created_at: webhook.created_at.into(),
            updated_at: webhook.updated_at.into(),
        }
    }
}

impl From<&Delivery> for DeliveryBody {
    fn from(delivery: &Delivery) -> Self {
        Self {
            id: public_id::encode(Kind::Delivery, delivery.id.uuid()),
            webhook_id: public_id::encode(Kind::Webhook, delivery.webhook.uuid()),
            event_id: public_id::encode(Kind::Event, delivery.event),
            event_type: delivery.event_type.clone(),
            state: match delivery.state {
                State::Pending => DeliveryState::Pending,
                State::Delivered => DeliveryState::Delivered,
                State::Failed => DeliveryState::Failed,
            },
            attempts: delivery.attempts,
            last_status: delivery.last_status,
            last_error: delivery.last_error.clone(),
            created_at: delivery.created_at.into(),
            next_attempt_at: (delivery.state == State::Pending).then(|| delivery.due_at.into()),
            finished_at: delivery.finished_at.map(Into::into),
        }
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminWebhooks")]
impl WebhooksApi {
    /// List webhooks
    ///
    /// Newest first.
    #[oai(path = "/webhooks", method = "get", operation_id = "listWebhooks")]
    async fn list(
        &self,
        #[oai(scope = "Permission::WebhooksRead")] admin: Admin<WebhooksRead>,
        /// Not made before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<WebhookPage>> {
        let Admin { .. } = admin;
        let since = created_after.0.map(|DateTime(at)| at);
        let list = page::since("webhooks", since);
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let found = self.webhooks.list(after, page::limit(limit.0)).await?.since(since, |webhook| webhook.created_at);
        Ok(Shown::of(WebhookPage {
            next_cursor: self.cursors.next(&list, found.next.as_ref()),
            total: page::total(count.0, self.webhooks.count(since)).await?,
            items: found.items.iter().map(WebhookBody::from).collect(),
        }))
    }

    /// Register a webhook
    ///
    /// It is told what happens from now on. Its secret is shown in the answer and never again; a receiver
    /// that has one already, as `nod listen` has, sends it along.
    #[oai(
        path = "/webhooks",
        method = "post",
        operation_id = "createWebhook",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn create(
        &self,
        #[oai(scope = "Permission::WebhooksWrite")] admin: Admin<WebhooksWrite>,
        body: Members<WebhookCreation>,
    ) -> Result<Created<WebhookWithSecret>> {
        let mut members = body.value;
        let theirs = match members.remove("secret") {
            None => None,
            Some(Value::String(secret)) => Some(Secret::new(secret)),
            Some(_) => return Err(AdminErrorCode::InvalidRequest.into()),
        };
        let (webhook, secret) = self.webhooks.create(&admin, parsed(members)?, theirs).await?;
        let webhook = WebhookBody::from(&webhook);
        let at = format!("/admin/v1/webhooks/{}", webhook.id);
        Ok(Created::at(at, &webhook.clone(), WebhookWithSecret { webhook, secret: secret.expose().clone() }))
    }

    /// Read a webhook
    #[oai(path = "/webhooks/:webhook_id", method = "get", operation_id = "getWebhook")]
    async fn read(
        &self,
        #[oai(scope = "Permission::WebhooksRead")] admin: Admin<WebhooksRead>,
        webhook_id: Path<String>,
    ) -> Result<Read<WebhookBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.webhooks.read(self::webhook_id(&webhook_id)?).await?).into()))
    }

    /// Change a webhook
    ///
    /// A merge patch (RFC 7396). One that is enabled again is not told what it missed.
    #[oai(path = "/webhooks/:webhook_id", method = "patch", operation_id = "updateWebhook")]
    async fn update(
        &self,
        #[oai(scope = "Permission::WebhooksWrite")] admin: Admin<WebhooksWrite>,
        webhook_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Patch<WebhookPatch, WebhookBody>,
    ) -> Result<Read<WebhookBody>> {
        let unchanged = unchanged::<Webhook, WebhookBody>(if_match);
        let id = self::webhook_id(&webhook_id)?;
        Ok(Read::of((&self.webhooks.update(&admin, id, body.value.into(), &unchanged).await?).into()))
    }

    /// Delete a webhook
    ///
    /// With its delivery log; what is on its way is not sent any more.
    #[oai(path = "/webhooks/:webhook_id", method = "delete", operation_id = "deleteWebhook")]
    async fn delete(
        &self,
        #[oai(scope = "Permission::WebhooksWrite")] admin: Admin<WebhooksWrite>,
        webhook_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Done> {
        let unchanged = unchanged::<Webhook, WebhookBody>(if_match);
        self.webhooks.delete(&admin, self::webhook_id(&webhook_id)?, &unchanged).await?;
        Ok(Done)
    }

    /// Replace a webhook's secret
    ///
    /// The new one is shown once. For a day, the old one signs too: a request has two signatures.
    #[oai(
        path = "/webhooks/:webhook_id/rotate-secret",
        method = "post",
        operation_id = "rotateWebhookSecret",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn rotate_secret(
        &self,
        #[oai(scope = "Permission::WebhooksWrite")] admin: Admin<WebhooksWrite>,
        webhook_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Shown<WebhookWithSecret>> {
        let unchanged = unchanged::<Webhook, WebhookBody>(if_match);
        let id = self::webhook_id(&webhook_id)?;
        let (webhook, secret) = self.webhooks.rotate_secret(&admin, id, &unchanged).await?;
        Ok(Shown::of(WebhookWithSecret { webhook: (&webhook).into(), secret: secret.expose().clone() }))
    }

    /// Send a test event
    ///
    /// Of the type `webhook.ping`. The delivery log tells what came of it.
    #[oai(
        path = "/webhooks/:webhook_id/ping",
        method = "post",
        operation_id = "pingWebhook",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn ping(
        &self,
        #[oai(scope = "Permission::WebhooksWrite")] admin: Admin<WebhooksWrite>,
        webhook_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Shown<DeliveryBody>> {
        let Admin { .. } = admin;
        let unchanged = unchanged::<Webhook, WebhookBody>(if_match);
        Ok(Shown::of((&self.webhooks.ping(self::webhook_id(&webhook_id)?, &unchanged).await?).into()))
    }

    /// List deliveries
    ///
    /// What a webhook was told, or is to be told: newest first.
    #[expect(clippy::too_many_arguments, reason = "each filter is one")]
    #[oai(path = "/webhooks/:webhook_id/deliveries", method = "get", operation_id = "listWebhookDeliveries")]
    async fn deliveries(
        &self,
        #[oai(scope = "Permission::WebhooksRead")] admin: Admin<WebhooksRead>,
        webhook_id: Path<String>,
        state: Query<Option<DeliveryState>>,
        /// Not made before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<DeliveryPage>> {
        let Admin { .. } = admin;
        let since = created_after.0.map(|DateTime(at)| at);
        let list = page::since(&format!("deliveries {} {:?}", webhook_id.0, state.0), since);
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let state = state.0.map(|state| match state {
            DeliveryState::Pending => State::Pending,
            DeliveryState::Delivered => State::Delivered,
            DeliveryState::Failed => State::Failed,
        });
        let id = self::webhook_id(&webhook_id)?;
        let found = self.webhooks.deliveries(id, state, after, page::limit(limit.0)).await?;
        let found = found.since(since, |delivery| delivery.created_at);
        Ok(Shown::of(DeliveryPage {
            next_cursor: self.cursors.next(&list, found.next.as_ref()),
            total: page::total(count.0, self.webhooks.count_deliveries(id, state, since)).await?,
            items: found.items.iter().map(DeliveryBody::from).collect(),
        }))
    }

    /// Send a delivery again
    ///
    /// With the same `webhook-id`: a receiver that has seen it knows it.
    #[oai(
        path = "/webhooks/:webhook_id/deliveries/:delivery_id/redeliver",
        method = "post",
        operation_id = "redeliverWebhookDelivery",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn redeliver(
        &self,
        #[oai(scope = "Permission::WebhooksWrite")] admin: Admin<WebhooksWrite>,
        webhook_id: Path<String>,
        delivery_id: Path<String>,
    ) -> Result<Shown<DeliveryBody>> {
        let Admin { .. } = admin;
        let (webhook, delivery) = (self::webhook_id(&webhook_id)?, self::delivery_id(&delivery_id)?);
        Ok(Shown::of((&self.webhooks.redeliver(webhook, delivery).await?).into()))
    }
}
