//! The admin API, `/admin/v1`.

mod audit;
pub(crate) mod bootstrap;
mod client_credentials;
mod clients;
mod clients_sign_in;
mod device_trust;
mod devices;
mod escalation;
mod events;
mod idempotency;
mod keys;
mod lists;
mod operations;
mod otp_devices;
mod passwords;
mod problems;
pub(crate) mod ranges;
pub(crate) mod receiver;
mod requests;
pub(crate) mod robot;
mod secrets;
mod sign_on;
mod user_codes;
mod users;
pub(crate) mod webhooks;

use std::time::{Duration, Instant};

pub(crate) use robot::location;

/// Asks until the answer is there.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(8), "in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
