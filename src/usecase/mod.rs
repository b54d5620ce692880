//! What the world can ask. One file, one struct, one public verb.

use std::time::Duration;

use crate::protocol::error::Refusal;
pub use crate::store::ephemeral::StoreError;

pub mod account;
pub mod add_passkey;
pub mod addresses;
pub mod admin;
pub mod authenticate_client;
pub mod authenticate_device;
pub mod authorize_device;
pub mod callbacks;
pub mod cancel;
pub mod certificates;
pub mod change_devices;
pub mod check_passkey;
pub mod check_password;
pub mod check_user_code;
pub mod client_credentials;
pub mod decide;
pub mod dev;
pub mod device_logs;
pub mod device_trust;
pub mod exchange_code;
pub mod exchange_token;
pub mod hashing;
pub mod held;
pub mod inbox;
pub mod introspect;
pub mod issue;
mod limit;
pub mod measure;
pub mod notify_client;
pub mod pair_device;
pub mod pairing_keys;
pub mod password_ladder;
pub mod prove_possession;
mod pump;
pub mod push;
pub mod put_question;
pub mod rates;
pub mod read_hint_token;
pub mod read_question;
pub mod readiness;
pub mod record_refusal;
pub mod recover_password;
pub mod redeem;
pub mod redeem_device;
pub mod refresh;
pub mod register_client;
pub mod request_authentication;
pub mod resolve_hint;
pub mod revoke;
pub mod sector;
pub mod send_mail;
pub mod set_password;
pub mod settle;
pub mod sign_in;
pub mod signing_keys;
pub mod spend_pushes;
mod tally;
pub mod tell_logout;
pub mod tell_person;
pub mod told;
pub mod use_token;
pub mod verify_trail;
pub mod withdraw;

/// Why a use case gave no result. `http/error.rs` turns it into a status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Not refused for good: the same is to be asked again, after this time.
    #[error("{refusal}")]
    NotYet { refusal: Refusal, wait: Duration },
    /// Refused as well, and recorded in the audit trail together with what followed from it.
    #[error(transparent)]
    Recorded(Refusal),
    #[error("too many tries; again in {} s", retry_after.as_secs())]
    TooMany { retry_after: Duration },
    /// More work waits than can be done soon.
    #[error("busy; again in {} s", retry_after.as_secs())]
    Busy { retry_after: Duration },
    /// A dependency gave no answer. Never an answer in itself.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}
