use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_events_are_there_once"
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

/// An event whose commit had lost its answer was written again; of the two rows the first one stays.
const SCHEMA: &str = "
DELETE FROM audit WHERE seq IN (
    SELECT seq FROM (SELECT seq, ROW_NUMBER() OVER (PARTITION BY id ORDER BY seq) AS nth FROM audit) AS numbered
    WHERE nth > 1
);
CREATE UNIQUE INDEX audit_id ON audit (id);
";
