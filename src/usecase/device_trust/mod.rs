//! Apps that people sign in by become devices that they trust, and prove later that they are there [flows.md B, D].

pub mod agree_passcode;
pub mod enrol;
pub mod evaluate;
pub mod read_payload;
pub mod silent;
