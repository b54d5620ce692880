//! What runs on the phone.

pub mod call;
#[cfg(feature = "client")]
pub mod client;
pub mod context;
pub mod decide;
mod digest;
#[cfg(test)]
#[cfg(feature = "client")]
#[expect(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::format_push_string,
    reason = "the documentation includes this file as a module of its own"
)]
mod double;
mod error;
pub mod event_stream;
mod id;
mod issuer;
mod jwk;
pub mod messages;
mod notification;
pub mod pairing_link;
mod problem;
pub mod proof;
#[cfg(feature = "client")]
mod software_key;
#[cfg(feature = "client")]
mod system;
mod timestamp;

pub use call::Call;
#[cfg(feature = "client")]
pub use client::{DeviceClient, DeviceClientBuilder, Events, PairedDevice, PairedState, RotatedKey};
pub use context::{ClientContext, Shown};
pub use decide::DecisionError;
pub use digest::{BodyDigest, ContextHash, NotADigest, Thumbprint};
pub use error::Error;
pub use event_stream::Event;
pub use id::{DeviceId, InstallationId, NotAnId, NotificationId, UserId};
pub use issuer::{Issuer, NotAnIssuer};
pub use jwk::{NotAKey, PublicJwk};
pub use messages::InstallationInfo;
pub use notification::{CancelReason, Decision, DenyReason, Kind, Notification, NumberMatching};
pub use pairing_link::{PairingKey, PairingLink, PairingLinkError, Scanned};
pub use problem::{Code, Problem};
pub use proof::{DeviceKey, KeyError};
#[cfg(feature = "client")]
pub use software_key::{SoftwareKey, StoredKey};
pub use timestamp::{NotATime, Timestamp};
