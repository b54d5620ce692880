use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0022_push_enabled"
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

/// Since when the person does not want the app to be rung.
const SCHEMA: &str = "ALTER TABLE installation ADD COLUMN pushes_off_since BIGINT;";
