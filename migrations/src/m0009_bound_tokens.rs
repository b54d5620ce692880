use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_bound_tokens"
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

/// `cnf` as JSON: what a token's holder has to show besides it. NULL: nothing.
const SCHEMA: &str = "
ALTER TABLE token_grant ADD COLUMN bound_to TEXT;
ALTER TABLE access_token ADD COLUMN bound_to TEXT;
";
