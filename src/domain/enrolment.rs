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
    pub answer: Answer,
}

/// What was said to an offer. In this order it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    None,
    No,
    Yes,
}

/// What showing a ticket comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Open(Offer),
    /// It is another key's: nothing is told of it.
    Foreign,
    /// Answered, or too late.
    Gone,
    /// The yes of before, once more: whoever says it may not have heard what came of it.
    Again(Offer),
}

impl Offer {
    /// Whoever has the key sees what is offered.
    pub fn shown(self, jkt: &str, now: Timestamp) -> Shown {
        match () {
            () if self.app.jkt != jkt => Shown::Foreign,
            () if self.answer != Answer::None || now >= self.expires_at => Shown::Gone,
            () => Shown::Open(self),
        }
    }

    /// Yes or no: one of them, once. The same yes may be said again.
    #[must_use]
    pub fn answered(self, jkt: &str, answer: Answer, now: Timestamp) -> (Self, Shown) {
        let shown = self.clone().shown(jkt, now);
        match shown {
            Shown::Open(_) => (Self { answer, ..self }, shown),
            Shown::Gone if self.answer == Answer::Yes && answer == Answer::Yes => (self.clone(), Shown::Again(self)),
            Shown::Gone | Shown::Foreign | Shown::Again(_) => (self, shown),
        }
    }

    /// The answer came to nothing, through no fault of whoever gave it.
    #[must_use]
    pub fn reopened(self) -> Self {
        Self { answer: Answer::None, ..self }
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
            answer: Answer::None,
        }
    }

    #[test]
    fn f2_a_ticket_is_answered_once_in_time_by_its_key() {
        let (other, shown) = offer().answered("another", Answer::Yes, at(0));
        assert_eq!((other.answer, shown), (Answer::None, Shown::Foreign));
        let (late, shown) = offer().answered("own", Answer::Yes, at(300));
        assert_eq!((late.answer, shown), (Answer::None, Shown::Gone));
        let (once, shown) = offer().answered("own", Answer::No, at(299));
        assert!(once.answer == Answer::No && matches!(shown, Shown::Open(_)));
        let (twice, shown) = once.answered("own", Answer::Yes, at(299));
        assert_eq!((twice.answer, shown), (Answer::No, Shown::Gone));
        assert!(matches!(twice.reopened().answered("own", Answer::Yes, at(299)).1, Shown::Open(_)));
    }

    #[test]
    fn f2_a_yes_may_be_said_again_by_its_key_and_nothing_else() {
        let (said, _) = offer().answered("own", Answer::Yes, at(0));
        let again = |jkt: &str, answer: Answer, second: i64| said.clone().answered(jkt, answer, at(second));
        // The answer may have been lost on the way, and the time be over by now.
        for second in [0, 299, 300] {
            assert_eq!(again("own", Answer::Yes, second), (said.clone(), Shown::Again(said.clone())));
        }
        assert_eq!(again("another", Answer::Yes, 0), (said.clone(), Shown::Foreign));
        assert_eq!(again("own", Answer::No, 0), (said.clone(), Shown::Gone));
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
