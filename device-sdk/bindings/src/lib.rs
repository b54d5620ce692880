//! The device of a Nod server, for Kotlin and Swift: the core of `nod-device` behind an interface that UniFFI writes in
//! both languages.
//!
//! The app brings what its platform does best: a key that lives in hardware ([`SigningKey`]) and an HTTP stack ([`Http`]).
//! What is signed, when it is sent again and whom to believe is decided here, by the same code as that of the server.
//!
//! Each method of [`Device`] that talks to the server blocks until it has an answer: call it where blocking is allowed.

uniffi::setup_scaffolding!();

mod device;
mod error;
mod events;
mod http;
mod key;
mod offer;
mod session;
mod text;
mod types;

pub use device::{Device, PairedDevice, RotatedKey};
pub use error::DeviceError;
pub use events::{Event, EventDecoder};
pub use http::{Clock, Http, HttpAnswer, HttpFault, HttpRequest};
pub use key::{KeyFault, SigningKey};
pub use offer::{PairingOffer, Processed};
pub use text::{ScannedText, context_hash, one_time_passcode, parse_scanned, read_push, thumbprint};
pub use types::Check;
