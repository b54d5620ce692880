//! How long one waits before something that failed is tried again.

use std::time::Duration;

/// In seconds, after each failure.
#[derive(Clone, Copy, Debug)]
pub struct Pauses(pub &'static [u64]);

impl Pauses {
    /// The pause after the `attempts`th try. `None`: that was the last one.
    pub fn after(self, attempts: u32) -> Option<Duration> {
        self.0.get(usize::try_from(attempts).ok()?.checked_sub(1)?).copied().map(Duration::from_secs)
    }
}
