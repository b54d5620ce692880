//! A provider that fails is left alone for some time, so that nobody waits for what will not come [reliability.md F23].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::courier::{Courier, Undelivered};
use crate::clock::{Clock, Timestamp};

/// In a row.
const FAILURES: u32 = 5;
/// Then nothing is handed over for so long, and after it one message.
const REST: Duration = Duration::from_secs(30);

/// A courier that is left alone when it fails.
pub struct Spared<C> {
    inner: C,
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    failures: u32,
    until: Option<Timestamp>,
}

impl State {
    /// Whether something may be handed over. After the rest it is one message, whose fate decides.
    fn admits(mut self, now: Timestamp) -> (Self, bool) {
        if self.failures < FAILURES {
            return (self, true);
        }
        let rests = self.until.is_some_and(|until| now < until);
        if !rests {
            self.until = Some(now + REST);
        }
        (self, !rests)
    }

    fn after(self, failed: bool, now: Timestamp) -> Self {
        if !failed {
            return Self::default();
        }
        let failures = self.failures.saturating_add(1);
        Self { failures, until: (failures >= FAILURES).then(|| now + REST) }
    }
}

impl<C> Spared<C> {
    pub fn new(inner: C, clock: Arc<dyn Clock>) -> Self {
        Self { inner, state: Mutex::default(), clock }
    }

    fn change<O>(&self, change: impl FnOnce(State) -> (State, O)) -> O {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, outcome) = change(*state);
        *state = next;
        outcome
    }
}

#[async_trait]
impl<M: Sync, C: Courier<M>> Courier<M> for Spared<C> {
    async fn deliver(&self, message: &M) -> Result<(), Undelivered> {
        let now = self.clock.now();
        if !self.change(|state| state.admits(now)) {
            return Err(Undelivered::NotNow("the provider failed too often, and is left alone".to_owned()));
        }
        let delivered = self.inner.deliver(message).await;
        // What it refuses for good, it has looked at.
        let failed = matches!(&delivered, Err(Undelivered::NotNow(_) | Undelivered::Unclear(_)));
        let now = self.clock.now();
        self.change(|state| (state.after(failed, now), ()));
        delivered
    }

    fn knows_repeats(&self) -> bool {
        self.inner.knows_repeats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    #[test]
    fn f23_after_five_failures_in_a_row_one_message_in_half_a_minute() {
        let mut state = State::default();
        for _ in 0..4 {
            state = state.after(true, at(0));
        }
        state = state.after(false, at(0));
        for _ in 0..5 {
            assert!(state.admits(at(0)).1, "in a row");
            state = state.after(true, at(0));
        }
        assert!(!state.admits(at(29)).1);
        let (trying, admits) = state.admits(at(30));
        assert!(admits && !trying.admits(at(31)).1, "one alone");
        assert!(!trying.after(true, at(32)).admits(at(61)).1);
        let well = trying.after(false, at(32));
        assert!(well.admits(at(32)).1 && well.after(true, at(33)).admits(at(33)).1);
        // Whose fate nobody learns, holds nobody up for ever.
        assert!(trying.admits(at(60)).1);
    }
}
