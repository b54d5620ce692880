use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0014_device_trust"
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
-- Apps with our SDK. Each signs people in as one client, and no two as the same.
CREATE TABLE native_application (
    id TEXT PRIMARY KEY NOT NULL,
    document TEXT NOT NULL,
    client_id TEXT NOT NULL UNIQUE REFERENCES client (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX native_application_newest ON native_application (created_at, id);

CREATE TABLE mfa_policy (
    id TEXT PRIMARY KEY NOT NULL,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX mfa_policy_newest ON mfa_policy (created_at, id);

-- The applications that an MFA policy names.
CREATE TABLE mfa_policy_application (
    policy_id TEXT NOT NULL REFERENCES mfa_policy (id) ON DELETE CASCADE,
    application_id TEXT NOT NULL REFERENCES native_application (id),
    PRIMARY KEY (policy_id, application_id)
);
CREATE INDEX mfa_policy_application_named ON mfa_policy_application (application_id);

-- The MFA policies that the steps of a sign-on policy name.
CREATE TABLE sign_on_policy_mfa (
    policy_id TEXT NOT NULL REFERENCES sign_on_policy (id) ON DELETE CASCADE,
    mfa_policy_id TEXT NOT NULL REFERENCES mfa_policy (id),
    PRIMARY KEY (policy_id, mfa_policy_id)
);
CREATE INDEX sign_on_policy_mfa_named ON sign_on_policy_mfa (mfa_policy_id);
";
