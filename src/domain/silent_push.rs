//! A push that nobody sees: the app answers with what was in it, and so proves that it reaches the phone [flows.md F3].

use std::time::Duration;

use nod_device::ProofValue;
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::protocol::id::{DeviceId, InstallationId, NotificationId};
use crate::secret::constant_time_eq;

/// One that is over is remembered for some time, so that a late answer is told so.
pub const REMEMBER: Duration = Duration::from_secs(60);
/// How long those of an installation are kept: longer than any is waited for.
pub const LIFETIME: Duration = Duration::from_secs(80);
/// Of one installation, with all of its people. The oldest makes room.
const MOST: usize = 16;

/// Those of one installation, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilentPushes(Vec<SilentPush>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilentPush {
    pub notification: NotificationId,
    /// Whose word it is about.
    pub device: DeviceId,
    pub expires_at: Timestamp,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The app may answer.
    Pending,
    /// It has.
    Confirmed,
    /// It answered with something else, or nobody could tell it anything.
    Failed,
    /// Whoever carries pushes says that there is no app any more.
    Gone,
}

/// What an answer comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It was what was pushed.
    Confirmed,
    /// It was not: the one try is used up.
    Wrong,
    /// There was an answer before, or there can be none any more.
    Already,
    TooLate,
    /// There is no such push to this installation.
    Unknown,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Confirmed,
    Unanswered,
    Gone,
}

impl SilentPush {
    fn is_remembered(&self, now: Timestamp) -> bool {
        now < self.expires_at + REMEMBER
    }

    fn waits(&self, now: Timestamp) -> bool {
        self.state == State::Pending && now < self.expires_at
    }
}

impl SilentPushes {
    #[must_use]
    pub fn with(mut self, push: SilentPush, now: Timestamp) -> Self {
        self.0.retain(|one| one.is_remembered(now));
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(push);
        self
    }

    /// Whose word it is about, be it over or not.
    pub fn device(&self, notification: NotificationId) -> Option<DeviceId> {
        self.0.iter().find(|one| one.notification == notification).map(|one| one.device)
    }

    pub fn waiting(&self, now: Timestamp) -> impl Iterator<Item = &SilentPush> {
        self.0.iter().filter(move |one| one.waits(now))
    }

    /// One answer, in time. `right`: it is what was pushed.
    #[must_use]
    pub fn answered(mut self, notification: NotificationId, right: bool, now: Timestamp) -> (Self, Heard) {
        let Some(push) = self.0.iter_mut().find(|one| one.notification == notification) else {
            return (self, Heard::Unknown);
        };
        let heard = match (push.state, now < push.expires_at) {
            (State::Pending, true) if right => Heard::Confirmed,
            (State::Pending, true) => Heard::Wrong,
            (State::Pending, false) => Heard::TooLate,
            (State::Confirmed | State::Failed | State::Gone, _) => Heard::Already,
        };
        match heard {
            Heard::Confirmed => push.state = State::Confirmed,
            Heard::Wrong => push.state = State::Failed,
            Heard::Already | Heard::TooLate | Heard::Unknown => {}
        }
        (self, heard)
    }

    /// Nobody could be told.
    #[must_use]
    pub fn failed(mut self, notification: NotificationId) -> Self {
        for push in self.0.iter_mut().filter(|one| one.notification == notification && one.state == State::Pending) {
            push.state = State::Failed;
        }
        self
    }

    /// There is no app any more that could answer any of them.
    #[must_use]
    pub fn gone(mut self) -> Self {
        for push in self.0.iter_mut().filter(|one| one.state == State::Pending) {
            push.state = State::Gone;
        }
        self
    }

    /// What became of one. `None`: the app may still answer. One that is forgotten was not answered.
    pub fn outcome(&self, notification: NotificationId, now: Timestamp) -> Option<Outcome> {
        let Some(push) = self.0.iter().find(|one| one.notification == notification) else {
            return Some(Outcome::Unanswered);
        };
        match push.state {
            State::Pending if now < push.expires_at => None,
            State::Pending | State::Failed => Some(Outcome::Unanswered),
            State::Confirmed => Some(Outcome::Confirmed),
            State::Gone => Some(Outcome::Gone),
        }
    }
}

/// What is in the pushes. Each is made of a key and of what it is for, so that it rests nowhere: it is in the push alone,
/// and made once more when it comes back.
#[derive(Clone)]
pub struct ProofValues(hmac::Key);

impl ProofValues {
    pub const fn new(key: hmac::Key) -> Self {
        Self(key)
    }

    pub fn of(&self, installation: InstallationId, notification: NotificationId) -> ProofValue {
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(installation.uuid().as_bytes());
        mac.update(notification.uuid().as_bytes());
        let tag = mac.sign();
        let mut value = [0; 16];
        for (to, from) in value.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        ProofValue::new(value)
    }

    /// In constant time.
    pub fn is(&self, installation: InstallationId, notification: NotificationId, value: &ProofValue) -> bool {
        constant_time_eq(self.of(installation, notification).as_bytes(), value.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const BEGIN: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(BEGIN.millis() + millis)
    }

    const fn notification(number: u128) -> NotificationId {
        NotificationId::new(Uuid::from_u128(number))
    }

    fn push(number: u128) -> SilentPush {
        let device = DeviceId::new(Uuid::from_u128(9));
        SilentPush { notification: notification(number), device, expires_at: at(7000), state: State::Pending }
    }

    fn one() -> SilentPushes {
        SilentPushes::default().with(push(1), BEGIN)
    }

    #[test]
    fn f3_an_answer_counts_once_and_in_time() {
        let (confirmed, heard) = one().answered(notification(1), true, at(6999));
        assert_eq!(
            (heard, confirmed.outcome(notification(1), at(60_000))),
            (Heard::Confirmed, Some(Outcome::Confirmed))
        );
        for right in [true, false] {
            let (same, heard) = confirmed.clone().answered(notification(1), right, at(6999));
            assert_eq!((heard, &same), (Heard::Already, &confirmed));
        }
        let (late, heard) = one().answered(notification(1), true, at(7000));
        assert_eq!((heard, late.outcome(notification(1), at(7000))), (Heard::TooLate, Some(Outcome::Unanswered)));
        assert_eq!(one().answered(notification(2), true, at(0)).1, Heard::Unknown);
    }

    #[test]
    fn f3_there_is_one_try() {
        let (wrong, heard) = one().answered(notification(1), false, at(0));
        assert_eq!((heard, wrong.outcome(notification(1), at(0))), (Heard::Wrong, Some(Outcome::Unanswered)));
        assert_eq!(wrong.answered(notification(1), true, at(0)).1, Heard::Already);
    }

    #[test]
    fn f5_what_was_answered_is_not_taken_back_by_word_of_a_push_service() {
        let both = one().with(push(2), at(0)).answered(notification(1), true, at(0)).0;
        let gone = both.clone().gone();
        assert_eq!(gone.outcome(notification(1), at(0)), Some(Outcome::Confirmed));
        assert_eq!(gone.outcome(notification(2), at(0)), Some(Outcome::Gone));
        assert_eq!(both.clone().failed(notification(1)), both);
        assert_eq!(both.failed(notification(2)).outcome(notification(2), at(0)), Some(Outcome::Unanswered));
    }

    #[test]
    fn they_do_not_grow() {
        let many = (1..=40).fold(SilentPushes::default(), |pushes, number| pushes.with(push(number), BEGIN));
        assert_eq!(many.waiting(BEGIN).count(), MOST);
        assert_eq!(many.outcome(notification(1), BEGIN), Some(Outcome::Unanswered));
        let later = many.with(SilentPush { expires_at: at(99_000), ..push(41) }, at(67_000));
        assert_eq!(later.0.len(), 1, "the others are forgotten");
    }

    #[test]
    fn f3_what_is_pushed_is_of_one_push_to_one_installation() {
        let values = ProofValues::new(hmac::Key::new(hmac::HMAC_SHA256, b"key"));
        let installation = |number| InstallationId::new(Uuid::from_u128(number));
        let value = values.of(installation(1), notification(1));
        assert!(values.is(installation(1), notification(1), &value));
        assert!(!values.is(installation(2), notification(1), &value));
        assert!(!values.is(installation(1), notification(2), &value));
    }
}
