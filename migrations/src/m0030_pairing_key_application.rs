use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0030_pairing_key_application"
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

/// The native application that a key is for. It keeps its name when that is gone, and is for nobody then.
const SCHEMA: &str = "ALTER TABLE pairing_key ADD COLUMN application_id TEXT;";
