use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_addresses"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // An index on what is in the document already: nodes of the version before keep it as well.
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        let address =
            if postgres { "(CAST(document AS json) ->> 'email')" } else { "json_extract(document, '$.email')" };
        let index = format!("CREATE INDEX account_email ON account ({address})");
        manager.get_connection().execute_unprepared(&index).await?;
        Ok(())
    }
}
