//! What runs on the phone.

pub mod call;
pub mod context;
pub mod decide;
mod digest;
mod error;
mod id;
mod issuer;
mod jwk;
pub mod messages;
mod notification;
pub mod pairing_link;
mod problem;
pub mod proof;
mod timestamp;

pub use call::Call;
pub use context::{ClientContext, Shown};
pub use decide::DecisionError;
pub use digest::{BodyDigest, ContextHash, NotADigest, Thumbprint};
pub use error::Error;
pub use id::{DeviceId, InstallationId, NotAnId, NotificationId, UserId};
pub use issuer::{Issuer, NotAnIssuer};
pub use jwk::{NotAKey, PublicJwk};
pub use messages::InstallationInfo;
pub use notification::{CancelReason, Decision, DenyReason, Kind, Notification, NumberMatching};
pub use pairing_link::{PairingKey, PairingLink, PairingLinkError, Scanned};
pub use problem::{Code, Problem};
pub use proof::{DeviceKey, KeyError};
pub use timestamp::{NotATime, Timestamp};
