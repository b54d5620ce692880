use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0029_pairing_key_in_flow"
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

/// What has to be so still of the person of a key that was made in a sign-in: how many second factors they had, and when
/// the password was chosen that they gave.
const SCHEMA: &str = "
ALTER TABLE pairing_key ADD COLUMN factors BIGINT;
ALTER TABLE pairing_key ADD COLUMN password_at BIGINT;
";
