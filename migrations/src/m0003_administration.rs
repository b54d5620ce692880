use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_administration"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, sql).await
    }
}

pub(crate) fn sql(engine: DbBackend) -> String {
    crate::with_bytes(SCHEMA, engine)
}

/// BYTES is replaced, as in the first migration.
const SCHEMA: &str = "
-- Whose hand did it: an administering client, the bootstrap token, the command line.
ALTER TABLE audit ADD COLUMN actor TEXT;
-- Requests have no row of their own until they are decided: the trail is their list.
CREATE INDEX audit_request_created ON audit (seq) WHERE action = 'request.created';
CREATE INDEX audit_request ON audit (request_id) WHERE action = 'request.created';

-- A name that is no digest: twelve digits are guessed from one. Keys of before have none, and are
-- gone in ten minutes.
ALTER TABLE pairing_key ADD COLUMN id BYTES;
CREATE INDEX pairing_key_id ON pairing_key (id);

-- Lists show what is newest first.
CREATE INDEX client_newest ON client (created_at, id);
CREATE INDEX account_newest ON account (created_at, id);
CREATE INDEX device_newest ON device (paired_at, id);
CREATE INDEX pairing_key_newest ON pairing_key (created_at, id);

CREATE TABLE bootstrap_token (
    digest BYTES PRIMARY KEY NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE idempotency (
    principal TEXT NOT NULL,
    key_digest BYTES NOT NULL,
    fingerprint BYTES NOT NULL,
    created_at BIGINT NOT NULL,
    answer_sealed BYTES,
    PRIMARY KEY (principal, key_digest)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE webhook (
    id BYTES PRIMARY KEY NOT NULL,
    document TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    secret_sealed BYTES NOT NULL,
    old_secret_sealed BYTES,
    old_secret_until BIGINT,
    -- The last event of the audit trail that was looked at for it.
    position BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE webhook_delivery (
    id BYTES PRIMARY KEY NOT NULL,
    webhook_id BYTES NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    event_id BYTES NOT NULL,
    event_type TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    last_status BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (webhook_id, event_id)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE state = 'pending';
CREATE INDEX webhook_delivery_newest ON webhook_delivery (webhook_id, created_at, id);
CREATE INDEX webhook_delivery_age ON webhook_delivery (finished_at);
";
