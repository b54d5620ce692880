//! Telling webhooks what happened: the trail is followed for each of them, and what they want is put
//! on its way; what is due is sent.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use url::Url;

use crate::domain::audit::{Action, Event};
use crate::domain::webhook::{About, Delivery, JITTER, State, Webhook, pause};
use crate::metrics::{Delivered, metrics};
use crate::outbound::egress::{Egress, EgressError};
use crate::outbound::webhook::{Verdict, WebhookMessage, send};
use crate::protocol::id::{DeliveryId, WebhookId};
use crate::protocol::public_id::{self, Kind};
use crate::secret::{MasterKey, Secret};
use crate::store::ephemeral::StoreError;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::trail::Trail;
use crate::store::sql::webhooks::Webhooks;
use crate::usecase::admin::Desk;
use crate::usecase::admin::events::{EventDocument, is_told};
use crate::usecase::admin::webhooks::place;
use crate::usecase::told::{Told, Watchers, Whom};

/// Events that are looked at in one go.
const BATCH: u32 = 200;
/// Deliveries that are in somebody's hands at a time, on one node.
const AT_ONCE: usize = 16;
const TAKEN: u32 = 64;
/// For all that were taken, one after the other in the worst case.
const LEASE: Duration = Duration::from_secs(60);

pub struct Deliver {
    pub webhooks: Webhooks,
    pub trail: Arc<Trail>,
    pub master: Arc<MasterKey>,
    pub egress: Egress,
    pub ledger: Ledger,
    pub desk: Desk,
    pub watchers: Watchers,
}

impl Deliver {
    /// Looks at what happened, then sends what is due.
    pub async fn run(&self) -> Result<(), StoreError> {
        let webhooks = self.webhooks.enabled().await?;
        for (webhook, position) in &webhooks {
            self.hand_out(webhook, *position).await?;
        }
        while self.send_due().await? >= TAKEN as usize {}
        Ok(())
    }

    /// Puts on its way what a webhook wants of what happened. The place moves with it, in one
    /// transaction: on whatever node, each event is handed out once.
    async fn hand_out(&self, webhook: &Webhook, mut position: i64) -> Result<(), StoreError> {
        loop {
            let events = self.trail.follow(position, BATCH).await?;
            let Some(last) = events.last().map(|event| event.seq) else { return Ok(()) };
            let now = self.desk.now();
            let wanted = events.iter().filter(|event| is_told(event) && webhook.wants(&event.action));
            let deliveries: Vec<Delivery> = wanted
                .map(|event| Delivery {
                    id: DeliveryId::new(self.desk.entropy.ordered_uuid(now)),
                    webhook: webhook.id,
                    event: event.id,
                    event_type: event.action.clone(),
                    body: EventDocument::of(event).body(),
                    state: State::Pending,
                    attempts: 0,
                    due_at: now,
                    last_status: None,
                    last_error: None,
                    created_at: now,
                    finished_at: None,
                })
                .collect();
            if !self.webhooks.hand_out(webhook.id, (position, last), &deliveries).await? {
                return Ok(());
            }
            position = last;
        }
    }

    /// Sends what is due; answers how many there were.
    async fn send_due(&self) -> Result<usize, StoreError> {
        let now = self.desk.now();
        let taken = self.webhooks.lease(TAKEN, now + LEASE, now).await?;
        let count = taken.len();
        let mut known = HashMap::new();
        for delivery in &taken {
            if let Entry::Vacant(unknown) = known.entry(delivery.webhook) {
                unknown.insert(self.receiver(delivery.webhook).await?);
            }
        }
        let known = &known;
        let sending = taken.into_iter().map(|delivery| async move {
            let receiver = known.get(&delivery.webhook).and_then(Option::as_ref);
            self.send(receiver, delivery).await
        });
        let mut sent = stream::iter(sending).buffer_unordered(AT_ONCE);
        while let Some(result) = sent.next().await {
            // The others were tried as well: one that could not be written down comes again.
            if let Err(error) = result {
                tracing::warn!(%error, "a delivery to a webhook comes again");
            }
        }
        Ok(count)
    }

    /// A webhook with the secrets that sign for it now.
    async fn receiver(&self, id: WebhookId) -> Result<Option<(Webhook, Vec<Secret<Vec<u8>>>)>, StoreError> {
        let Some(webhook) = self.webhooks.find(id).await? else { return Ok(None) };
        let Some(secrets) = self.webhooks.secrets(id).await? else { return Ok(None) };
        let now = self.desk.now();
        let old = secrets.old.filter(|(_, until)| now < *until).map(|(old, _)| old);
        let opened = [Some(secrets.current), old]
            .into_iter()
            .flatten()
            .map(|sealed| self.master.open(&place(id), &sealed).map_err(|_| StoreError::Corrupt("a webhook's secret")));
        Ok(Some((webhook, opened.collect::<Result<_, _>>()?)))
    }

    async fn send(
        &self,
        receiver: Option<&(Webhook, Vec<Secret<Vec<u8>>>)>,
        delivery: Delivery,
    ) -> Result<(), StoreError> {
        // Deleted meanwhile, and its deliveries with it.
        let Some((webhook, secrets)) = receiver else { return Ok(()) };
        if !webhook.enabled {
            return self
                .write_down(webhook, Delivery { state: State::Failed, ..delivery }, "the webhook is disabled")
                .await;
        }
        let Ok(url) = Url::parse(&webhook.about.url) else {
            return self.write_down(webhook, Delivery { state: State::Failed, ..delivery }, "not a URL").await;
        };
        let id = public_id::encode(Kind::Event, delivery.event);
        let message = WebhookMessage::new(url, &id, delivery.body.clone(), secrets, self.desk.now());
        let begun = Instant::now();
        let verdict = send(&self.egress, &message).await;
        self.watchers.tell(|| Told {
            whom: Whom::Webhook,
            headers: message.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect(),
            url: message.url,
            body: message.body.into_bytes(),
            outcome: match &verdict {
                Verdict::Accepted(status) | Verdict::Gone(status) | Verdict::Refused(status) => Ok(*status),
                Verdict::Failed(error) => Err(error.to_string()),
            },
            took: begun.elapsed(),
        });
        let with = |state, status| Delivery { state, last_status: status, ..delivery.clone() };
        match verdict {
            Verdict::Accepted(status) => {
                metrics().webhook(Delivered::Delivered);
                self.write_down(webhook, with(State::Delivered, Some(status)), "").await
            }
            Verdict::Gone(status) => {
                not_delivered(&delivery, Some(status), "the receiver wants no more");
                self.write_down(webhook, with(State::Failed, Some(status)), "the receiver wants no more").await?;
                self.disable(webhook).await
            }
            Verdict::Refused(status) => {
                not_delivered(&delivery, Some(status), "not accepted");
                self.later(webhook, with(State::Pending, Some(status)), "not accepted").await
            }
            Verdict::Failed(error) => {
                not_delivered(&delivery, None, why(&error));
                self.later(webhook, with(State::Pending, None), &error.to_string()).await
            }
        }
    }

    /// Again after a pause, or never.
    async fn later(&self, webhook: &Webhook, delivery: Delivery, error: &str) -> Result<(), StoreError> {
        let chance = self.desk.entropy.below(JITTER);
        let Some(pause) = pause(delivery.attempts, chance) else {
            return self.write_down(webhook, Delivery { state: State::Failed, ..delivery }, error).await;
        };
        let due_at = self.desk.now() + pause;
        let delivery = Delivery { due_at, last_error: Some(error.to_owned()), ..delivery };
        metrics().webhook(Delivered::Failed);
        self.webhooks.tried(&delivery).await.map(drop)
    }

    async fn write_down(&self, webhook: &Webhook, delivery: Delivery, error: &str) -> Result<(), StoreError> {
        let gave_up = delivery.state == State::Failed && webhook.enabled;
        if delivery.state == State::Failed {
            metrics().webhook(Delivered::GaveUp);
        }
        let last_error = (!error.is_empty()).then(|| error.to_owned());
        let now = self.desk.now();
        let delivery = Delivery { finished_at: Some(now), last_error, ..delivery };
        if self.webhooks.tried(&delivery).await? && gave_up {
            let id = public_id::encode(Kind::Webhook, webhook.id.uuid());
            tracing::warn!(
                webhook.id = id,
                event.kind = delivery.event_type,
                attempts = delivery.attempts,
                "a delivery to a webhook was given up"
            );
            let event = Event {
                reason: Some(id),
                ..Event::new(self.desk.entropy.ordered_uuid(now), now, Action::WebhookGaveUp)
            };
            self.ledger.audit(event).await;
        }
        Ok(())
    }

    async fn disable(&self, webhook: &Webhook) -> Result<(), StoreError> {
        let now = self.desk.now();
        let reason = Some(public_id::encode(Kind::Webhook, webhook.id.uuid()));
        let event = Event { reason, ..Event::new(self.desk.entropy.ordered_uuid(now), now, Action::WebhookDisabled) };
        let disabled = |webhook: Webhook| {
            if !webhook.enabled {
                return Err(());
            }
            let about = About { disabled_because: Some("gone".to_owned()), ..webhook.about.clone() };
            Ok(Webhook { enabled: false, about, ..webhook })
        };
        self.webhooks.update_if(webhook.id, 0, &event, now, disabled).await.map(drop)
    }
}

/// Once for each attempt. The URL may have a secret in its query, and the receiver's words are theirs.
fn not_delivered(delivery: &Delivery, status: Option<u16>, why: &str) {
    tracing::warn!(
        webhook.id = public_id::encode(Kind::Webhook, delivery.webhook.uuid()),
        event.id = public_id::encode(Kind::Event, delivery.event),
        event.kind = delivery.event_type,
        attempt = delivery.attempts,
        status,
        why,
        "a webhook was not told"
    );
}

const fn why(error: &EgressError) -> &'static str {
    match error {
        EgressError::Url(_) => "the URL is refused",
        EgressError::PrivateAddress => "the host leads to a private or special-purpose address",
        EgressError::NoAddress => "the host has no address",
        EgressError::Timeout => "no answer in time",
        EgressError::TooLarge => "the answer is too large",
        EgressError::Header => "a header cannot be sent",
        EgressError::TrustAnchor => "a configured trust anchor is no certificate",
        EgressError::Connection(_) => "the connection failed",
    }
}
