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
        ]
    }
}

/// Runs what is the same for both engines but for one word, BYTES.
async fn run(manager: &SchemaManager<'_>, schema: &str) -> Result<(), DbErr> {
    let bytes = if manager.get_database_backend() == DbBackend::Postgres { "BYTEA" } else { "BLOB" };
    manager.get_connection().execute_unprepared(&schema.replace("BYTES", bytes)).await?;
    Ok(())
}
