//! [RFC 8628 §3.3] a device that has no keyboard shows a code, and somebody enters it here.

pub mod confirm;
pub mod done;
pub mod enter;
