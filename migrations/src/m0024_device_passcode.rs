use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0024_device_passcode"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, sql).await
    }
}

pub(crate) fn sql(engine: DbBackend) -> String {
    crate::with_bytes(SCHEMA, engine)
}

/// BYTES is replaced, as in the first migration.
const SCHEMA: &str = "
-- What a trusted device makes one-time passcodes of. The key is sealed; last_step is the newest time step whose passcode was taken.
CREATE TABLE device_passcode (
    device_id BYTES PRIMARY KEY NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    key_sealed BYTES NOT NULL,
    last_step BIGINT
);
";
