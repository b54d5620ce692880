use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_initial_access_tokens"
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
-- By which clients register themselves, so many times and no more.
CREATE TABLE initial_access_token (
    id BYTES PRIMARY KEY NOT NULL,
    digest BYTES NOT NULL UNIQUE,
    used BIGINT NOT NULL,
    max_uses BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX initial_access_token_newest ON initial_access_token (created_at, id);
CREATE INDEX initial_access_token_age ON initial_access_token (expires_at);
";
