use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0012_user_codes"
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
-- What people give at clients, so that nobody else has them asked.
CREATE TABLE user_code (
    user_id BYTES PRIMARY KEY NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    phc TEXT NOT NULL,
    -- The name of the key in it.
    pepper_id TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);
";
