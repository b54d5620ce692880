use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_audit_chain"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, sql).await
    }
}

pub(crate) fn sql(engine: DbBackend) -> String {
    if engine == DbBackend::Postgres {
        [SCHEMA, NUMBERED_BY_THE_WRITER]
            .concat()
            .replace("BYTES", "BYTEA")
            .replace("NOTHING", "decode(repeat('00', 32), 'hex')")
    } else {
        SCHEMA.replace("BYTES", "BLOB").replace("NOTHING", "zeroblob(32)")
    }
}

/// The chain begins after the rows that are there: they have no hash.
///
/// - `audit_stub` has what is left of a row that retention took: enough to compute the chain over it.
/// - `audit_begin` has the end of what is gone altogether.
const SCHEMA: &str = "
ALTER TABLE audit ADD COLUMN hash BYTES;

CREATE TABLE audit_stub (
    seq BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    result TEXT NOT NULL,
    content BYTES NOT NULL,
    hash BYTES NOT NULL
);

CREATE TABLE audit_begin (
    seq BIGINT PRIMARY KEY NOT NULL,
    hash BYTES NOT NULL
);
INSERT INTO audit_begin (seq, hash) SELECT COALESCE(MAX(seq), 0), NOTHING FROM audit;
";

/// A number goes into the hash, so the writer has to know it before. What would write a row without
/// knowing of the chain fails.
const NUMBERED_BY_THE_WRITER: &str = "
ALTER TABLE audit ALTER COLUMN seq DROP IDENTITY;
";
