use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_extent"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(SCHEMA).await?;
        Ok(())
    }
}

const SCHEMA: &str = "
-- What was given besides scopes, as JSON: claims, resources, details. Null: nothing.
ALTER TABLE token_grant ADD COLUMN extent TEXT;
ALTER TABLE access_token ADD COLUMN extent TEXT;
";
