use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_extent"
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

const SCHEMA: &str = "
-- What was given besides scopes, as JSON: claims, resources, details. Null: nothing.
ALTER TABLE token_grant ADD COLUMN extent TEXT;
ALTER TABLE access_token ADD COLUMN extent TEXT;
";
