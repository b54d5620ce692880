//! The app by which somebody signs in, as its payload proves it [flows.md H.2].

use serde::{Deserialize, Serialize};

use super::device::About;
use crate::protocol::id::{NativeApplicationId, RequestId};

/// One installation of a native application, known by its key and by nothing that it claims to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MobileApp {
    pub application: NativeApplicationId,
    /// RFC 7638 thumbprint of the key that has signed.
    pub jkt: String,
    /// The public key, as a JWK.
    pub public_jwk: String,
    /// What it says of itself.
    pub about: About,
}

/// In which transaction a payload was shown first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadUse(pub Option<RequestId>);
