//! What people do with their own account, on our pages.

pub mod applications;
pub mod ceremonies;
pub mod confirm;
pub mod devices;
pub mod passkeys;
