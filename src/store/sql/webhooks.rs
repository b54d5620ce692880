//! Webhooks, and what is on its way to them.

use super::fleet::{self, After, first};
use super::{Database, Engine, Insert, Row, Transaction, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::webhook::{Delivery, State, Webhook};
use crate::protocol::id::{DeliveryId, WebhookId};
use crate::secret::Sealed;
use crate::store::ephemeral::StoreError;

/// Every event is looked at for each of them.
const MOST: i64 = 20;

#[derive(Clone, Debug)]
pub struct Webhooks {
    database: Database,
}

/// The secrets that sign now: the one, and the one that it replaced a while ago.
#[derive(Clone, Debug)]
pub struct Secrets {
    pub current: Sealed,
    pub old: Option<(Sealed, Timestamp)>,
}

const WEBHOOK: &str = "SELECT id, document, enabled, created_at, updated_at FROM webhook";

const DELIVERY: &str = "id, webhook_id, event_id, event_type, body, state, attempts, due_at, last_status, last_error, \
                        created_at, finished_at";

const INSERT: Insert = Insert {
    into: "webhook_delivery (id, webhook_id, event_id, event_type, body, state, attempts, due_at, created_at)",
    columns: 9,
    and: "ON CONFLICT (webhook_id, event_id) DO NOTHING",
};

impl Webhooks {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// It is told what happens after `position`. `false`: there are as many as there may be.
    pub async fn create(
        &self,
        webhook: &Webhook,
        secret: &Sealed,
        position: i64,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let created: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let made = transaction
                .execute(
                    "INSERT INTO webhook (id, document, enabled, secret_sealed, position, created_at, updated_at) \
                     SELECT $1, $2, $3, $4, $5, $6, $6 WHERE (SELECT COUNT(*) FROM webhook) < $7",
                    [
                        bytes(webhook.id.uuid()),
                        document(webhook)?.into(),
                        webhook.enabled.into(),
                        secret.as_bytes().into(),
                        position.into(),
                        webhook.created_at.millis().into(),
                        MOST.into(),
                    ],
                )
                .await?;
            if made == 0 {
                return Ok(false);
            }
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        created.map_err(WriteError::unexpected)
    }

    pub async fn newest(&self, after: Option<After>, limit: u32) -> Result<Vec<Webhook>, StoreError> {
        let (at, id) = after.unwrap_or_else(first);
        let sql = format!("{WEBHOOK} WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT $3");
        let rows = self.database.find_all(&sql, [at.into(), id.into(), i64::from(limit).into()]).await?;
        rows.iter().map(webhook).collect()
    }

    pub async fn count(&self, since: Option<Timestamp>) -> Result<u64, StoreError> {
        self.database.count("SELECT COUNT(*) FROM webhook WHERE created_at >= $1", [fleet::since(since)]).await
    }

    pub async fn find(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        let row = self.database.find(&format!("{WEBHOOK} WHERE id = $1"), [bytes(id.uuid())]).await?;
        row.as_ref().map(webhook).transpose()
    }

    /// Applies `change`, unless it refuses, while nobody else can change it. One that is enabled again
    /// is told what happens after `position`, and not what it missed.
    pub async fn update_if<E: Send>(
        &self,
        id: WebhookId,
        position: i64,
        event: &Event,
        now: Timestamp,
        change: impl FnOnce(Webhook) -> Result<Webhook, E> + Send,
    ) -> Result<Option<Result<Webhook, E>>, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(before) = transaction.lock_webhook(id).await? else { return Ok(None) };
            let was_enabled = before.enabled;
            let webhook = match change(before) {
                Ok(webhook) => Webhook { updated_at: now, ..webhook },
                Err(refused) => return Ok(Some(Err(refused))),
            };
            transaction
                .execute(
                    "UPDATE webhook SET document = $1, enabled = $2, updated_at = $3 WHERE id = $4",
                    [document(&webhook)?.into(), webhook.enabled.into(), now.millis().into(), bytes(id.uuid())],
                )
                .await?;
            if webhook.enabled && !was_enabled {
                let sql = "UPDATE webhook SET position = $1 WHERE id = $2 AND position < $1";
                transaction.execute(sql, [position.into(), bytes(id.uuid())]).await?;
            }
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(Some(Ok(webhook)))
        })
        .await;
        updated.map_err(WriteError::unexpected)
    }

    pub async fn delete_if<E: Send>(
        &self,
        id: WebhookId,
        event: &Event,
        check: impl FnOnce(&Webhook) -> Result<(), E> + Send,
    ) -> Result<Option<Result<(), E>>, StoreError> {
        let deleted: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(webhook) = transaction.lock_webhook(id).await? else { return Ok(None) };
            if let Err(refused) = check(&webhook) {
                return Ok(Some(Err(refused)));
            }
            transaction.execute("DELETE FROM webhook WHERE id = $1", [bytes(id.uuid())]).await?;
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(Some(Ok(())))
        })
        .await;
        deleted.map_err(WriteError::unexpected)
    }

    /// Puts a new secret in place. The one before signs too, until `until`.
    pub async fn rotate_secret_if<E: Send>(
        &self,
        id: WebhookId,
        new: &Sealed,
        until: Timestamp,
        event: &Event,
        check: impl FnOnce(&Webhook) -> Result<(), E> + Send,
    ) -> Result<Option<Result<Webhook, E>>, StoreError> {
        let rotated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(webhook) = transaction.lock_webhook(id).await? else { return Ok(None) };
            if let Err(refused) = check(&webhook) {
                return Ok(Some(Err(refused)));
            }
            transaction
                .execute(
                    "UPDATE webhook SET old_secret_sealed = secret_sealed, old_secret_until = $1, secret_sealed = $2 \
                     WHERE id = $3",
                    [until.millis().into(), new.as_bytes().into(), bytes(id.uuid())],
                )
                .await?;
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(Some(Ok(webhook)))
        })
        .await;
        rotated.map_err(WriteError::unexpected)
    }

    pub async fn secrets(&self, id: WebhookId) -> Result<Option<Secrets>, StoreError> {
        let sql = "SELECT secret_sealed, old_secret_sealed, old_secret_until FROM webhook WHERE id = $1";
        let Some(row) = self.database.find(sql, [bytes(id.uuid())]).await? else { return Ok(None) };
        let old: Option<Vec<u8>> = row.get(1)?;
        let old = old.map(Sealed::from_bytes).zip(row.time_if_any(2)?);
        Ok(Some(Secrets { current: Sealed::from_bytes(row.get(0)?), old }))
    }

    /// Those that are to be told, each with the last place of the trail that was looked at for it.
    pub async fn enabled(&self) -> Result<Vec<(Webhook, i64)>, StoreError> {
        let sql = "SELECT id, document, enabled, created_at, updated_at, position FROM webhook WHERE enabled = $1";
        let rows = self.database.find_all(sql, [true.into()]).await?;
        rows.iter().map(|row| Ok((webhook(row)?, row.get(5)?))).collect()
    }

    /// The trail was looked at up to `to` for a webhook, and this is what it is to be told. `false`:
    /// another node was faster, and nothing was done.
    pub async fn hand_out(
        &self,
        id: WebhookId,
        (from, to): (i64, i64),
        deliveries: &[Delivery],
    ) -> Result<bool, StoreError> {
        let handed: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let moved = transaction
                .execute(
                    "UPDATE webhook SET position = $1 WHERE id = $2 AND position = $3 AND enabled = $4",
                    [to.into(), bytes(id.uuid()), from.into(), true.into()],
                )
                .await?;
            if moved == 0 {
                return Ok(false);
            }
            transaction.insert(&INSERT, deliveries.iter().map(delivery_row).collect()).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        handed.map_err(WriteError::unexpected)
    }

    pub async fn add(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let added: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            transaction.insert(&INSERT, vec![delivery_row(delivery)]).await?;
            transaction.commit().await
        })
        .await;
        added.map_err(WriteError::unexpected)
    }

    /// Takes at most `limit` deliveries that are due; nobody else gets them before `until`.
    pub async fn lease(&self, limit: u32, until: Timestamp, now: Timestamp) -> Result<Vec<Delivery>, StoreError> {
        // Mostly there are none: to see that, nobody needs the lock for writing.
        let due = "SELECT 1 FROM webhook_delivery WHERE state = 'pending' AND due_at <= $1 LIMIT 1";
        if self.database.find(due, [now.millis().into()]).await?.is_none() {
            return Ok(Vec::new());
        }
        let skip = match self.database.engine() {
            Engine::Sqlite => "",
            Engine::Postgres => "FOR UPDATE SKIP LOCKED",
        };
        let sql = format!(
            "UPDATE webhook_delivery SET due_at = $1, attempts = attempts + 1 WHERE id IN \
             (SELECT id FROM webhook_delivery WHERE state = 'pending' AND due_at <= $2 ORDER BY due_at LIMIT $3 {skip}) \
             RETURNING {DELIVERY}"
        );
        let values = [until.millis().into(), now.millis().into(), i64::from(limit).into()];
        self.database.execute_returning(&sql, values).await?.iter().map(delivery).collect()
    }

    /// Writes down what a try came to, unless the lease was lost meanwhile.
    pub async fn tried(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        let tried = self
            .database
            .execute(
                "UPDATE webhook_delivery SET state = $1, due_at = $2, last_status = $3, last_error = $4, \
                 finished_at = $5 WHERE id = $6 AND attempts = $7 AND state = 'pending'",
                [
                    delivery.state.as_str().into(),
                    delivery.due_at.millis().into(),
                    delivery.last_status.map(i64::from).into(),
                    delivery.last_error.clone().into(),
                    delivery.finished_at.map(Timestamp::millis).into(),
                    bytes(delivery.id.uuid()),
                    i64::from(delivery.attempts).into(),
                ],
            )
            .await?;
        Ok(tried == 1)
    }

    /// How many deliveries wait, and since when the oldest does.
    pub async fn backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        let sql = "SELECT COUNT(*), MIN(created_at) FROM webhook_delivery WHERE state = 'pending'";
        let row = self.database.find(sql, []).await?.ok_or(StoreError::Corrupt("a count without an answer"))?;
        let count: i64 = row.get(0)?;
        Ok((count.unsigned_abs(), row.time_if_any(1)?))
    }

    pub async fn deliveries(
        &self,
        webhook: WebhookId,
        state: Option<State>,
        after: Option<After>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let (at, id) = after.unwrap_or_else(first);
        let sql = format!(
            "SELECT {DELIVERY} FROM webhook_delivery WHERE webhook_id = $1 AND (created_at, id) < ($2, $3) \
             AND ($4 IS NULL OR state = $4) ORDER BY created_at DESC, id DESC LIMIT $5"
        );
        let values = [
            bytes(webhook.uuid()),
            at.into(),
            id.into(),
            state.map(|state| state.as_str().to_owned()).into(),
            i64::from(limit).into(),
        ];
        self.database.find_all(&sql, values).await?.iter().map(delivery).collect()
    }

    pub async fn count_deliveries(
        &self,
        webhook: WebhookId,
        state: Option<State>,
        since: Option<Timestamp>,
    ) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM webhook_delivery WHERE webhook_id = $1 AND created_at >= $2 \
                   AND ($3 IS NULL OR state = $3)";
        let state = state.map(|state| state.as_str().to_owned());
        self.database.count(sql, [bytes(webhook.uuid()), fleet::since(since), state.into()]).await
    }

    /// Sends once more what was delivered or given up. `None`: there is no such delivery.
    pub async fn redeliver(
        &self,
        webhook: WebhookId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<Delivery>, StoreError> {
        let sql = format!(
            "UPDATE webhook_delivery SET state = 'pending', attempts = 0, due_at = $1, finished_at = NULL \
             WHERE id = $2 AND webhook_id = $3 RETURNING {DELIVERY}"
        );
        let values = [now.millis().into(), bytes(id.uuid()), bytes(webhook.uuid())];
        self.database.execute_returning(&sql, values).await?.first().map(delivery).transpose()
    }
}

impl Transaction {
    async fn lock_webhook(&self, id: WebhookId) -> Result<Option<Webhook>, WriteError> {
        let row = self.find_locked(&format!("{WEBHOOK} WHERE id = $1"), [bytes(id.uuid())]).await?;
        Ok(row.as_ref().map(webhook).transpose()?)
    }
}

fn document(webhook: &Webhook) -> Result<String, StoreError> {
    serde_json::to_string(&webhook.about).map_err(|_| StoreError::Corrupt("a webhook that cannot be written"))
}

fn webhook(row: &Row) -> Result<Webhook, StoreError> {
    let document: String = row.get(1)?;
    Ok(Webhook {
        id: WebhookId::new(row.uuid(0)?),
        about: serde_json::from_str(&document).map_err(|_| StoreError::Corrupt("a webhook that cannot be read"))?,
        enabled: row.get(2)?,
        created_at: row.time(3)?,
        updated_at: row.time(4)?,
    })
}

fn delivery_row(delivery: &Delivery) -> Vec<sea_orm::Value> {
    vec![
        bytes(delivery.id.uuid()),
        bytes(delivery.webhook.uuid()),
        bytes(delivery.event),
        delivery.event_type.as_str().into(),
        delivery.body.as_str().into(),
        delivery.state.as_str().into(),
        i64::from(delivery.attempts).into(),
        delivery.due_at.millis().into(),
        delivery.created_at.millis().into(),
    ]
}

fn delivery(row: &Row) -> Result<Delivery, StoreError> {
    let (attempts, status): (i64, Option<i64>) = (row.get(6)?, row.get(8)?);
    Ok(Delivery {
        id: DeliveryId::new(row.uuid(0)?),
        webhook: WebhookId::new(row.uuid(1)?),
        event: row.uuid(2)?,
        event_type: row.get(3)?,
        body: row.get(4)?,
        state: row.parsed(5, State::parse)?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        due_at: row.time(7)?,
        last_status: status.and_then(|status| u16::try_from(status).ok()),
        last_error: row.get(9)?,
        created_at: row.time(10)?,
        finished_at: row.time_if_any(11)?,
    })
}
