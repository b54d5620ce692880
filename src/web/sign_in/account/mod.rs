//! The account of whoever is signed in.

pub mod confirm;
pub mod new_passkey;
pub mod passkeys;
