use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0020_app_standing"
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
-- What somebody has said of an app that is no device of theirs, known by the thumbprint of its key.
CREATE TABLE app_standing (
    user_id BYTES NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    jkt TEXT NOT NULL,
    -- That it was said on. It may be gone by now.
    device_id BYTES NOT NULL,
    standing TEXT NOT NULL,
    mfa_policy_id TEXT NOT NULL,
    until BIGINT,
    said_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, jkt)
);
CREATE INDEX app_standing_until ON app_standing (until);
";
