use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0021_pairing_key_used_by"
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

/// The thumbprint of the phone that has used a key: whoever did not hear the answer may ask again.
const SCHEMA: &str = "ALTER TABLE pairing_key ADD COLUMN used_by TEXT;";
