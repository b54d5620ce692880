use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_sign_on"
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

/// What is named by something else stays as long as it is.
const SCHEMA: &str = "
-- Pages of the operator's own that show the sign-in.
CREATE TABLE authentication_application (
    id TEXT PRIMARY KEY NOT NULL,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX authentication_application_newest ON authentication_application (created_at, id);

CREATE TABLE sign_on_policy (
    id TEXT PRIMARY KEY NOT NULL,
    document TEXT NOT NULL,
    application_id TEXT REFERENCES authentication_application (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX sign_on_policy_newest ON sign_on_policy (created_at, id);
CREATE INDEX sign_on_policy_application ON sign_on_policy (application_id);

-- One row: what holds where nothing else is said.
CREATE TABLE sign_on_settings (
    only_row BIGINT PRIMARY KEY NOT NULL CHECK (only_row = 1),
    document TEXT NOT NULL,
    policy_id TEXT REFERENCES sign_on_policy (id),
    application_id TEXT REFERENCES authentication_application (id)
);
INSERT INTO sign_on_settings (only_row, document) VALUES (1, '{\"restrict_access_to_redirectless_mode\":false}');

-- The policy that a client names.
ALTER TABLE client ADD COLUMN policy_id TEXT REFERENCES sign_on_policy (id);
CREATE INDEX client_policy ON client (policy_id) WHERE policy_id IS NOT NULL;

INSERT INTO epoch (name, value) VALUES ('sign_on', 0);
";
