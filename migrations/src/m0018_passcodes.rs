use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0018_passcodes"
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
-- An authenticator app of a person. The key is sealed; last_step is the newest time step whose code was taken.
CREATE TABLE totp_device (
    id BYTES PRIMARY KEY NOT NULL,
    user_id BYTES NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    nickname TEXT,
    key_sealed BYTES NOT NULL,
    activated_at BIGINT,
    last_step BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX totp_device_of_user ON totp_device (user_id, created_at, id);
";
