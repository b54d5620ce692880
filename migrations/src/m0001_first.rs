use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, sql).await
    }
}

pub(crate) fn sql(engine: DbBackend) -> String {
    if engine == DbBackend::Postgres {
        let schema = [SCHEMA, EPHEMERAL].concat();
        schema.replace("BYTES", "BYTEA").replace("SEQUENCE", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
    } else {
        SCHEMA.replace("BYTES", "BLOB").replace("SEQUENCE", "INTEGER PRIMARY KEY AUTOINCREMENT")
    }
}

/// Two words differ between the engines and are replaced: BYTES and SEQUENCE.
///
/// - Times are BIGINT, milliseconds since 1970 in UTC: both engines keep and compare them exactly.
/// - UUIDs are 16 bytes: half of the text in every index, and one spelling only.
/// - Digests are 32 bytes of SHA-256.
/// - Documents are JSON in TEXT: they are read and written whole and never searched.
const SCHEMA: &str = "
CREATE TABLE setting (
    name TEXT PRIMARY KEY NOT NULL,
    value BYTES NOT NULL
);

-- Counts the changes of what every node caches, so that each node sees that something changed.
CREATE TABLE epoch (
    name TEXT PRIMARY KEY NOT NULL,
    value BIGINT NOT NULL
);
INSERT INTO epoch (name, value) VALUES ('clients', 0), ('people', 0), ('keys', 0);

CREATE TABLE client (
    id TEXT PRIMARY KEY NOT NULL,
    document TEXT NOT NULL,
    disabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE account (
    id BYTES PRIMARY KEY NOT NULL,
    username TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE installation (
    id BYTES PRIMARY KEY NOT NULL,
    jkt TEXT NOT NULL UNIQUE,
    public_jwk TEXT NOT NULL,
    next_jkt TEXT UNIQUE,
    next_jwk TEXT,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE device (
    id BYTES PRIMARY KEY NOT NULL,
    user_id BYTES NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    installation_id BYTES NOT NULL REFERENCES installation (id),
    nickname TEXT,
    status TEXT NOT NULL,
    position BIGINT NOT NULL,
    paired_at BIGINT NOT NULL,
    UNIQUE (user_id, installation_id),
    UNIQUE (user_id, position)
);
CREATE INDEX device_installation ON device (installation_id);

CREATE TABLE pairing_key (
    digest BYTES PRIMARY KEY NOT NULL,
    user_id BYTES NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX pairing_key_user ON pairing_key (user_id, expires_at);
CREATE INDEX pairing_key_expiry ON pairing_key (expires_at);

CREATE TABLE signing_key (
    kid TEXT PRIMARY KEY NOT NULL,
    alg TEXT NOT NULL,
    state TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    sealed_private BYTES NOT NULL,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    retiring_at BIGINT
);
CREATE UNIQUE INDEX signing_key_current ON signing_key (alg) WHERE state = 'current';
CREATE UNIQUE INDEX signing_key_next ON signing_key (alg) WHERE state = 'next';

CREATE TABLE decision (
    request_id BYTES PRIMARY KEY NOT NULL,
    request_digest BYTES NOT NULL,
    notification_id BYTES NOT NULL,
    client_id TEXT NOT NULL,
    user_id BYTES NOT NULL,
    device_id BYTES,
    outcome TEXT NOT NULL,
    reason TEXT,
    acr TEXT NOT NULL,
    evidence TEXT,
    context_hash TEXT,
    shown TEXT,
    decided_at BIGINT NOT NULL,
    scope TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX decision_request_digest ON decision (request_digest);
CREATE INDEX decision_expiry ON decision (expires_at);

CREATE TABLE token_grant (
    id BYTES PRIMARY KEY NOT NULL,
    request_id BYTES UNIQUE,
    client_id TEXT NOT NULL,
    user_id BYTES NOT NULL,
    device_id BYTES,
    scope TEXT NOT NULL,
    acr TEXT NOT NULL,
    amr TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX token_grant_user ON token_grant (user_id);
CREATE INDEX token_grant_client ON token_grant (client_id);

CREATE TABLE refresh_token (
    digest BYTES PRIMARY KEY NOT NULL,
    grant_id BYTES NOT NULL REFERENCES token_grant (id) ON DELETE CASCADE,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    absolute_expires_at BIGINT NOT NULL,
    used_at BIGINT,
    successor_sealed BYTES
);
CREATE INDEX refresh_token_grant ON refresh_token (grant_id);
CREATE INDEX refresh_token_end ON refresh_token (absolute_expires_at);

CREATE TABLE access_token (
    digest BYTES PRIMARY KEY NOT NULL,
    grant_id BYTES NOT NULL REFERENCES token_grant (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX access_token_grant ON access_token (grant_id);

CREATE INDEX access_token_expiry ON access_token (expires_at);

CREATE TABLE revoked_access_token (
    jti TEXT PRIMARY KEY NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE outbox (
    id BYTES PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    payload BYTES NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL
);
CREATE INDEX outbox_due ON outbox (due_at);

CREATE TABLE audit (
    seq SEQUENCE,
    id BYTES NOT NULL,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    result TEXT NOT NULL,
    reason TEXT,
    client_id TEXT,
    user_id BYTES,
    device_id BYTES,
    request_id BYTES
);
CREATE INDEX audit_at ON audit (at);
";

/// State with a deadline, for an installation without Redis. On SQLite it is in a file of its own,
/// which the server makes.
const EPHEMERAL: &str = "
CREATE TABLE ephemeral (
    key BYTES PRIMARY KEY NOT NULL,
    value BYTES NOT NULL,
    version BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ephemeral_expiry ON ephemeral (expires_at);
";
