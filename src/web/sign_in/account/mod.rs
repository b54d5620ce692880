//! The account of whoever is signed in.

pub mod applications;
pub mod confirm;
pub mod devices;
pub mod new_passkey;
pub mod new_phone;
pub mod passkeys;

/// Of a moment in RFC 3339.
fn day(moment: &str) -> &str {
    moment.split('T').next().unwrap_or(moment)
}
