//! What the SQL side promises, tested alike on SQLite and PostgreSQL, by two nodes on one database.

/// The tests of a file, which has `Stage` among its imports: each runs on SQLite and on PostgreSQL.
macro_rules! on_every_engine {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Stage::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Stage::postgres().await).await;
            })*
        }
    };
}

mod app_standings;
mod clients;
mod consents;
mod devices;
mod keys;
mod ledger;
mod migrations;
mod otp_devices;
mod outages;
mod outbox;
mod passwords;
mod people;
mod stage;
mod tokens;
mod totp_devices;
mod user_codes;
