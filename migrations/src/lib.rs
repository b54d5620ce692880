//! The history of the database schema: one for SQLite and PostgreSQL.
//!
//! A crate of its own, so that it cannot use the server's types: what was released never changes.
//! There is no way down. A release must run beside the one before it, so a migration only adds;
//! what became useless is dropped one release later.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

mod m0001_first;
mod m0002_events_are_there_once;
mod m0003_administration;
mod m0004_audit_chain;
mod m0005_passwords;
mod m0006_sign_in;
mod m0007_sign_on;
mod m0008_extent;
mod m0009_bound_tokens;
mod m0010_initial_access_tokens;
mod m0011_passkeys;
mod m0012_user_codes;
mod m0013_addresses;
mod m0014_device_trust;
mod m0015_device_application;
mod m0016_otp_devices;
mod m0017_push;
mod m0018_passcodes;
mod m0020_app_standing;
mod m0021_pairing_key_used_by;
mod m0022_push_enabled;
mod m0024_device_passcode;
mod m0027_consent_id;
mod m0029_pairing_key_in_flow;
mod m0030_pairing_key_application;
mod m0031_session_second;
mod m0032_remembered_browser;

#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_events_are_there_once::Migration),
            Box::new(m0003_administration::Migration),
            Box::new(m0004_audit_chain::Migration),
            Box::new(m0005_passwords::Migration),
            Box::new(m0006_sign_in::Migration),
            Box::new(m0007_sign_on::Migration),
            Box::new(m0008_extent::Migration),
            Box::new(m0009_bound_tokens::Migration),
            Box::new(m0010_initial_access_tokens::Migration),
            Box::new(m0011_passkeys::Migration),
            Box::new(m0012_user_codes::Migration),
            Box::new(m0013_addresses::Migration),
            Box::new(m0014_device_trust::Migration),
            Box::new(m0015_device_application::Migration),
            Box::new(m0016_otp_devices::Migration),
            Box::new(m0017_push::Migration),
            Box::new(m0018_passcodes::Migration),
            Box::new(m0020_app_standing::Migration),
            Box::new(m0021_pairing_key_used_by::Migration),
            Box::new(m0022_push_enabled::Migration),
            Box::new(m0024_device_passcode::Migration),
            Box::new(m0027_consent_id::Migration),
            Box::new(m0029_pairing_key_in_flow::Migration),
            Box::new(m0030_pairing_key_application::Migration),
            Box::new(m0031_session_second::Migration),
            Box::new(m0032_remembered_browser::Migration),
        ]
    }
}

/// What a migration does, in the words of one engine. `None`: there is none of that name.
pub fn sql(name: &str, engine: DbBackend) -> Option<String> {
    let sql: fn(DbBackend) -> String = match name {
        "m0001_first" => m0001_first::sql,
        "m0002_events_are_there_once" => m0002_events_are_there_once::sql,
        "m0003_administration" => m0003_administration::sql,
        "m0004_audit_chain" => m0004_audit_chain::sql,
        "m0005_passwords" => m0005_passwords::sql,
        "m0006_sign_in" => m0006_sign_in::sql,
        "m0007_sign_on" => m0007_sign_on::sql,
        "m0008_extent" => m0008_extent::sql,
        "m0009_bound_tokens" => m0009_bound_tokens::sql,
        "m0010_initial_access_tokens" => m0010_initial_access_tokens::sql,
        "m0011_passkeys" => m0011_passkeys::sql,
        "m0012_user_codes" => m0012_user_codes::sql,
        "m0013_addresses" => m0013_addresses::sql,
        "m0014_device_trust" => m0014_device_trust::sql,
        "m0015_device_application" => m0015_device_application::sql,
        "m0016_otp_devices" => m0016_otp_devices::sql,
        "m0017_push" => m0017_push::sql,
        "m0018_passcodes" => m0018_passcodes::sql,
        "m0020_app_standing" => m0020_app_standing::sql,
        "m0021_pairing_key_used_by" => m0021_pairing_key_used_by::sql,
        "m0022_push_enabled" => m0022_push_enabled::sql,
        "m0024_device_passcode" => m0024_device_passcode::sql,
        "m0027_consent_id" => m0027_consent_id::sql,
        "m0029_pairing_key_in_flow" => m0029_pairing_key_in_flow::sql,
        "m0030_pairing_key_application" => m0030_pairing_key_application::sql,
        "m0031_session_second" => m0031_session_second::sql,
        "m0032_remembered_browser" => m0032_remembered_browser::sql,
        _ => return None,
    };
    Some(sql(engine))
}

/// What is the same for both engines but for one word, BYTES.
fn with_bytes(schema: &str, engine: DbBackend) -> String {
    schema.replace("BYTES", if engine == DbBackend::Postgres { "BYTEA" } else { "BLOB" })
}

async fn run(manager: &SchemaManager<'_>, sql: fn(DbBackend) -> String) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(&sql(manager.get_database_backend())).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_says_what_it_does() {
        for migration in Migrator::migrations() {
            for engine in [DbBackend::Sqlite, DbBackend::Postgres] {
                let sql = sql(migration.name(), engine).unwrap_or_default();
                assert!(sql.trim_end().ends_with(';') && !sql.contains("BYTES"), "{}: {sql}", migration.name());
            }
        }
        assert_eq!(sql("m0000_nothing", DbBackend::Sqlite), None);
    }
}
