//! The app by which somebody signs in, as its payload proves it [flows.md H.2].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::device::About;
use crate::clock::Timestamp;
use crate::protocol::id::{DeviceId, MfaPolicyId, NativeApplicationId, RequestId, UserId};
use crate::protocol::words::words;

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
    /// It says that its phone is rooted, debugged or hooked into. A phone that lies says nothing.
    pub unsound: bool,
}

/// In which transaction a payload was shown first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadUse(pub Option<RequestId>);

/// An app that somebody signs in by, and that wants to be a device of theirs: they are asked about it on another one
/// [flows.md F10].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newcomer {
    pub app: MobileApp,
    /// By which they are asked.
    pub policy: MfaPolicyId,
}

words! {
    /// What a newcomer may be that somebody lets in.
    Choice {
        /// A device of theirs.
        Trusted = "trusted",
        /// None: they are signed in there, and that is all.
        Once = "once",
    }
}

words! {
    /// What somebody said of an app that is no device of theirs.
    Standing {
        /// Nobody is signed in by it, or asked about it.
        Blocked = "blocked",
        /// They are signed in by it without being asked, for some time, and while the device is trusted on which they
        /// said so.
        LetIn = "let_in",
    }
}

/// What somebody has just said of an app, for as long as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    pub user: UserId,
    /// On which they said so.
    pub device: DeviceId,
    pub jkt: String,
    pub standing: Standing,
    /// By which they were asked: to be let in counts for no other.
    pub policy: MfaPolicyId,
    /// `None`: until the app is paired by other means.
    pub until: Option<Timestamp>,
    pub said_at: Timestamp,
}

impl Newcomer {
    /// This person wants nothing of it, and said so on this device.
    pub fn blocked(&self, by: (UserId, DeviceId), now: Timestamp) -> Stands {
        self.stands(by, (Standing::Blocked, None), now)
    }

    /// They are signed in by it for so many seconds without being asked. `None`: for none.
    pub fn let_in(&self, by: (UserId, DeviceId), seconds: u32, now: Timestamp) -> Option<Stands> {
        let until = now + Duration::from_secs(u64::from(seconds));
        (seconds > 0).then(|| self.stands(by, (Standing::LetIn, Some(until)), now))
    }

    fn stands(
        &self,
        (user, device): (UserId, DeviceId),
        (standing, until): (Standing, Option<Timestamp>),
        now: Timestamp,
    ) -> Stands {
        let (jkt, policy) = (self.app.jkt.clone(), self.policy.clone());
        Stands { user, device, jkt, standing, policy, until, said_at: now }
    }
}
