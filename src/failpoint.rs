//! Named places where a test can end the process, to see what a crash between two steps leaves
//! behind. A release build has none of it.

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
