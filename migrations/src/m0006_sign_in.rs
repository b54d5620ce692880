use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_sign_in"
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
-- One sign-in of one browser.
CREATE TABLE session (
    id BYTES PRIMARY KEY NOT NULL,
    token_digest BYTES NOT NULL UNIQUE,
    user_id BYTES NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    acr TEXT NOT NULL,
    amr TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
CREATE INDEX session_of_user ON session (user_id);
CREATE INDEX session_age ON session (seen_at);

-- What a person lets a client have without being asked again.
CREATE TABLE consent (
    user_id BYTES NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    given_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consent_client ON consent (client_id);

-- The session in which a grant was given.
ALTER TABLE token_grant ADD COLUMN session_id BYTES;
CREATE INDEX token_grant_session ON token_grant (session_id) WHERE session_id IS NOT NULL;
";
