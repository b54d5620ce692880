use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_passwords"
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

/// BYTES is replaced, as in the first migration. A table of its own: people are read with every request,
/// and kept in memory; passwords are neither.
const SCHEMA: &str = "
CREATE TABLE password (
    user_id BYTES PRIMARY KEY NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    phc TEXT NOT NULL,
    -- The name of the key in it.
    pepper_id TEXT NOT NULL,
    must_change BOOLEAN NOT NULL,
    changed_at BIGINT NOT NULL
);
";
