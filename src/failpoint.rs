//! What tests may change in a debug build: named places where the process ends, to see what a crash
//! between two steps leaves behind, and how long a node waits for its stores. A release build has none
//! of it.

use std::time::Duration;

/// Ends the process here, as a power cut would, when `NOD_FAILPOINT` names this place.
#[cfg(debug_assertions)]
pub fn hit(place: &str) {
    use std::sync::OnceLock;
    static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "no setting: a debug build's own switch")]
    let chosen = CHOSEN.get_or_init(|| std::env::var("NOD_FAILPOINT").ok());
    if chosen.as_deref() == Some(place) {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub const fn hit(_place: &str) {}

/// `NOD_PATIENCE` times as long: a test of races asks who wins, and a busy machine must not be the answer.
#[cfg(debug_assertions)]
pub fn waiting(usual: Duration) -> Duration {
    use std::sync::OnceLock;
    static TIMES: OnceLock<u32> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "no setting: a debug build's own switch")]
    let times = TIMES.get_or_init(|| {
        std::env::var("NOD_PATIENCE").ok().and_then(|times| times.parse().ok()).unwrap_or(1).clamp(1, 100)
    });
    usual * *times
}

#[cfg(not(debug_assertions))]
pub const fn waiting(usual: Duration) -> Duration {
    usual
}
