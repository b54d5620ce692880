//! A device that waits for somebody to connect it [RFC 8628]: from its request to its tokens.
//!
//! ```text
//!            somebody says no
//! Pending ──────────────────▶ Refused
//!    └─ a person lets it have ──▶ Connected ── tokens committed ──▶ Redeemed
//! ```
//!
//! Expiry is no state: it is asked with `now`. That one connection gives tokens once, SQL settles.

use serde::{Deserialize, Serialize};

use super::authentication_request::{FINALISE, Polling};
use super::session::Authentication;
use crate::clock::Timestamp;
use crate::protocol::id::{ClientId, ConsentId, DeviceCode, DeviceId, RequestId, SessionId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::user_code::UserCode;
use crate::secret::Digest;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAuthorization {
    /// One request gives one grant: SQL refuses a second one for the same.
    pub request: RequestId,
    pub client: ClientId,
    pub scope: Scope,
    pub expires_at: Timestamp,
    pub polling: Polling,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Pending,
    Connected(Connected),
    Refused,
    Redeemed,
}

/// Who lets the device have what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    pub user: UserId,
    pub scope: Scope,
    pub authentication: Authentication,
    /// The trusted device that was there.
    pub device: Option<DeviceId>,
    /// Where it was agreed to. The device's tokens outlive it.
    pub session: SessionId,
    /// In which it was agreed to. The device's tokens end with it.
    pub consent: Option<ConsentId>,
}

/// Which device shows a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCode {
    pub device: Digest<DeviceCode>,
}

impl ShownCode {
    /// Keyed: codes are short enough to try all of them.
    pub fn id_of(key: &ring::hmac::Key, code: &UserCode) -> Digest<UserCode> {
        Digest::keyed(key, format!("code\0{}", code.as_str()).as_bytes())
    }
}

/// The answer to a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Another client's device. Nothing was changed.
    Foreign,
    Pending,
    SlowDown,
    Expired,
    Refused,
    Redeemed,
    Ready(Box<Connected>),
}

/// What a person's word came to: the first one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    Connected,
    Refused,
    Expired,
}

impl DeviceAuthorization {
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// Whether somebody may still connect it.
    pub fn waits(&self, now: Timestamp) -> bool {
        self.state == State::Pending && !self.has_expired(now)
    }

    /// One poll of the token endpoint. Ownership before state; a settled state before the pace.
    #[must_use]
    pub fn poll(mut self, client: &ClientId, now: Timestamp) -> (Self, Poll) {
        if self.client != *client {
            return (self, Poll::Foreign);
        }
        match self.state.clone() {
            State::Pending if self.has_expired(now) => (self, Poll::Expired),
            State::Pending => {
                // [RFC 8628 §3.5] as [CIBA §11].
                let (polling, in_time) = self.polling.polled(now);
                self.polling = polling;
                (self, if in_time { Poll::Pending } else { Poll::SlowDown })
            }
            State::Refused => (self, Poll::Refused),
            State::Redeemed => (self, Poll::Redeemed),
            State::Connected(_) if self.expires_at + FINALISE <= now => (self, Poll::Expired),
            State::Connected(connected) => (self, Poll::Ready(Box::new(connected))),
        }
    }

    #[must_use]
    pub fn connected(self, connected: &Connected, now: Timestamp) -> (Self, Settled) {
        self.settled(State::Connected(connected.clone()), now)
    }

    #[must_use]
    pub fn refused(self, now: Timestamp) -> (Self, Settled) {
        self.settled(State::Refused, now)
    }

    fn settled(mut self, state: State, now: Timestamp) -> (Self, Settled) {
        if self.waits(now) {
            self.state = state;
        }
        let settled = match self.state {
            State::Connected(_) | State::Redeemed => Settled::Connected,
            State::Refused => Settled::Refused,
            State::Pending => Settled::Expired,
        };
        (self, settled)
    }

    /// The tokens are committed.
    #[must_use]
    pub fn redeemed(mut self) -> Self {
        if matches!(self.state, State::Connected(_)) {
            self.state = State::Redeemed;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::protocol::acr::Acr;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn tv() -> ClientId {
        ClientId::parse("tv").unwrap()
    }

    fn device() -> DeviceAuthorization {
        DeviceAuthorization {
            request: RequestId::new(Uuid::nil()),
            client: tv(),
            scope: Scope::parse("openid").unwrap(),
            expires_at: at(600),
            polling: Polling { interval: 5, last: None },
            state: State::Pending,
        }
    }

    fn alice() -> Connected {
        Connected {
            user: UserId::new(Uuid::nil()),
            scope: Scope::parse("openid").unwrap(),
            authentication: Authentication { at: at(0), acr: Acr::Password, amr: "pwd".into() },
            device: None,
            session: SessionId::new(Uuid::nil()),
            consent: None,
        }
    }

    #[test]
    fn rfc8628_3_5_who_polls_too_fast_slows_down_for_good() {
        let (device, poll) = device().poll(&tv(), at(0));
        assert_eq!(poll, Poll::Pending, "the first is never too fast");
        let (device, poll) = device.poll(&tv(), at(4));
        assert_eq!((poll, device.polling.interval), (Poll::SlowDown, 10));
        assert_eq!(device.clone().poll(&tv(), at(9)).1, Poll::SlowDown);
        assert_eq!(device.poll(&tv(), at(10)).1, Poll::Pending);
    }

    #[test]
    fn the_first_word_counts_and_the_answer_comes_before_the_pace() {
        let (device, _) = device().poll(&tv(), at(0));
        let (connected, settled) = device.clone().connected(&alice(), at(1));
        assert_eq!(settled, Settled::Connected);
        assert_eq!(connected.clone().refused(at(1)), (connected.clone(), Settled::Connected));
        assert_eq!(connected.clone().poll(&tv(), at(1)).1, Poll::Ready(Box::new(alice())));
        let (refused, settled) = device.clone().refused(at(1));
        assert_eq!(settled, Settled::Refused);
        assert_eq!(refused.clone().connected(&alice(), at(1)), (refused.clone(), Settled::Refused));
        assert_eq!(refused.poll(&tv(), at(1)).1, Poll::Refused);
        let redeemed = connected.redeemed();
        assert_eq!(redeemed.clone().poll(&tv(), at(2)).1, Poll::Redeemed);
        assert_eq!(redeemed.clone().redeemed(), redeemed);
    }

    #[test]
    fn nobody_connects_what_has_expired_and_strangers_learn_nothing() {
        let (late, settled) = device().connected(&alice(), at(600));
        assert_eq!((settled, &late), (Settled::Expired, &device()));
        assert_eq!(late.poll(&tv(), at(600)).1, Poll::Expired);
        let (connected, _) = device().connected(&alice(), at(599));
        assert_eq!(connected.clone().poll(&tv(), at(659)).1, Poll::Ready(Box::new(alice())));
        assert_eq!(connected.clone().poll(&tv(), at(660)).1, Poll::Expired);
        let other = ClientId::parse("other").unwrap();
        assert_eq!(connected.clone().poll(&other, at(599)), (connected, Poll::Foreign));
    }
}
