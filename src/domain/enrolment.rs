//! The offer to have an app as a trusted device, made to whoever signs in by it [flows.md F2, H.5].

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::mobile_app::MobileApp;
use crate::clock::Timestamp;
use crate::protocol::id::{ClientId, DeviceId, EnrolmentTicket, MfaPolicyId, RequestId, SessionId, UserId};
use crate::protocol::words::words;
use crate::secret::Secret;

/// [flows.md H.9] how long somebody may take to say yes.
pub const LIFETIME: Duration = Duration::from_secs(300);
/// One that was answered is remembered for some time, so that whoever shows it again is told what became of it.
pub const REMEMBER: Duration = Duration::from_secs(900);

/// What the app is told when somebody has signed in by it: the claim `device_enrollment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    pub app: MobileApp,
    /// That lets people have the app as a device.
    pub policy: MfaPolicyId,
    /// Or why it may not.
    pub grounds: Result<Grounds, NotOffered>,
}

words! {
    /// Why an app may become a device of somebody.
    Grounds {
        /// They have none.
        First = "first",
        /// They let it in with another one.
        Approved = "approved",
        /// Each app becomes one by itself.
        Individually = "individually",
    }
}

words! {
    /// Why an app is not offered to be a device: `reason` in the claim.
    NotOffered {
        /// The person has as many as one may have.
        MethodLimitReached = "METHOD_LIMIT_REACHED",
        /// Its phone is not as the policy wants it.
        DeviceRequirementsFailed = "DEVICE_REQUIREMENTS_FAILED",
    }
}

/// A ticket, as it rests here: under the digest of what the app has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub user: UserId,
    /// By whose app.
    pub client: ClientId,
    pub app: MobileApp,
    /// That lets people have the app as a device.
    pub policy: MfaPolicyId,
    pub grounds: Grounds,
    /// The device on which they let it in: once nobody trusts that one any more, the offer ends. `None`: they did so by
    /// other means, or need not have.
    pub let_in_by: Option<DeviceId>,
    /// When the password was chosen that the person gave: with another one, the offer ends.
    pub password: Option<Timestamp>,
    /// With its end, the offer ends. `None`: the flow has not come to one yet.
    pub session: Option<SessionId>,
    pub expires_at: Timestamp,
    pub answered: bool,
}

/// What showing a ticket comes to.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is the usual case")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Open(Offer),
    /// It is another key's: nothing is told of it.
    Foreign,
    /// Answered, or too late.
    Gone,
}

impl Offer {
    /// Whoever has the key sees what is offered.
    pub fn shown(self, jkt: &str, now: Timestamp) -> Shown {
        match () {
            () if self.app.jkt != jkt => Shown::Foreign,
            () if self.answered || now >= self.expires_at => Shown::Gone,
            () => Shown::Open(self),
        }
    }

    /// Yes or no: one of them, once.
    #[must_use]
    pub fn answered(self, jkt: &str, now: Timestamp) -> (Self, Shown) {
        let shown = self.clone().shown(jkt, now);
        let answered = self.answered || matches!(shown, Shown::Open(_));
        (Self { answered, ..self }, shown)
    }

    /// The answer came to nothing, through no fault of whoever gave it.
    #[must_use]
    pub fn reopened(self) -> Self {
        Self { answered: false, ..self }
    }
}

/// Makes the tickets. One is made of a key and of the transaction, the person and the app that it is for, so that it
/// rests nowhere, and the same one is told however often it is asked for.
#[derive(Clone)]
pub struct Tickets(hmac::Key);

impl Tickets {
    pub const fn new(key: hmac::Key) -> Self {
        Self(key)
    }

    pub fn of(&self, transaction: RequestId, user: UserId, jkt: &str) -> EnrolmentTicket {
        let mut mac = hmac::Context::with_key(&self.0);
        // All but the last are of one length.
        mac.update(transaction.uuid().as_bytes());
        mac.update(user.uuid().as_bytes());
        mac.update(jkt.as_bytes());
        EnrolmentTicket::new(Secret::new(URL_SAFE_NO_PAD.encode(mac.sign().as_ref())))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::device::About;
    use crate::protocol::id::NativeApplicationId;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn offer() -> Offer {
        let app = MobileApp {
            application: NativeApplicationId::parse("shop-app").unwrap(),
            jkt: "own".into(),
            public_jwk: "{}".into(),
            about: About::default(),
            unsound: false,
        };
        Offer {
            user: UserId::new(Uuid::nil()),
            client: ClientId::parse("shop").unwrap(),
            app,
            policy: MfaPolicyId::parse("mfa").unwrap(),
            grounds: Grounds::First,
            let_in_by: None,
            password: None,
            session: None,
            expires_at: at(300),
            answered: false,
        }
    }

    #[test]
    fn f2_a_ticket_is_answered_once_in_time_by_its_key() {
        let (other, shown) = offer().answered("another", at(0));
        assert_eq!((other.answered, shown), (false, Shown::Foreign));
        let (late, shown) = offer().answered("own", at(300));
        assert_eq!((late.answered, shown), (false, Shown::Gone));
        let (once, shown) = offer().answered("own", at(299));
        assert!(once.answered && matches!(shown, Shown::Open(_)));
        let (twice, shown) = once.answered("own", at(299));
        assert_eq!(shown, Shown::Gone);
        assert!(matches!(twice.reopened().answered("own", at(299)).1, Shown::Open(_)));
    }

    #[test]
    fn f2_each_offer_has_its_ticket() {
        let tickets = Tickets::new(hmac::Key::new(hmac::HMAC_SHA256, b"key"));
        let of = |transaction: u128, user: u128, jkt: &str| {
            let (transaction, user) = (Uuid::from_u128(transaction), Uuid::from_u128(user));
            tickets.of(RequestId::new(transaction), UserId::new(user), jkt).expose().clone()
        };
        assert_eq!(of(1, 1, "own"), of(1, 1, "own"));
        for other in [of(2, 1, "own"), of(1, 2, "own"), of(1, 1, "another")] {
            assert_ne!(of(1, 1, "own"), other);
        }
        assert_eq!(of(1, 1, "own").len(), 43);
    }
}
