use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0017_push"
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
-- As whom the operator of an app calls a push service. What may be seen of it is in the document.
CREATE TABLE push_credentials (
    application_id TEXT NOT NULL REFERENCES native_application (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    document TEXT NOT NULL,
    sealed BYTES NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (application_id, provider)
);

-- Where an installation is reached. The application keeps its name here when it is gone.
CREATE TABLE push_token (
    installation_id BYTES PRIMARY KEY NOT NULL REFERENCES installation (id) ON DELETE CASCADE,
    application_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    environment TEXT NOT NULL,
    digest BYTES NOT NULL UNIQUE,
    sealed BYTES NOT NULL,
    registered_at BIGINT NOT NULL
);
";
