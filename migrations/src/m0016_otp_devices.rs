use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0016_otp_devices"
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
-- Where a person gets one-time codes.
CREATE TABLE otp_device (
    id BYTES PRIMARY KEY NOT NULL,
    user_id BYTES NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    target TEXT NOT NULL,
    nickname TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (user_id, channel, target)
);
CREATE INDEX otp_device_of_user ON otp_device (user_id, created_at, id);
";
