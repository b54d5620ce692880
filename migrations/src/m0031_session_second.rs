use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0031_session_second"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, sql).await
    }
}

pub(crate) fn sql(_: DbBackend) -> String {
    SCHEMA.to_owned()
}

/// When the person last showed a second factor in it.
const SCHEMA: &str = "ALTER TABLE session ADD COLUMN second_at BIGINT;";
