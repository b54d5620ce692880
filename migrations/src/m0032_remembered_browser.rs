use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0032_remembered_browser"
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
-- A browser in which somebody is not asked for a second factor for some time, known by what its cookie digests to.
CREATE TABLE remembered_browser (
    key_digest BYTES NOT NULL,
    user_id BYTES NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    mfa_policy_id TEXT NOT NULL,
    -- That was shown there. It may be gone by now.
    device_id BYTES NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (key_digest, user_id, mfa_policy_id)
);
CREATE INDEX remembered_browser_user ON remembered_browser (user_id);
CREATE INDEX remembered_browser_until ON remembered_browser (until);
";
