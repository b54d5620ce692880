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
        crate::run(manager, sql).await
    }
}

/// An index on what is in the document already: nodes of the version before keep it as well.
pub(crate) fn sql(engine: DbBackend) -> String {
    let postgres = engine == DbBackend::Postgres;
    let address = if postgres { "(CAST(document AS json) ->> 'email')" } else { "json_extract(document, '$.email')" };
    format!("CREATE INDEX account_email ON account ({address});")
}
