//! A phone that does not answer, time after time. Nobody may ever say that its app is gone, so it stays a device; but another
//! phone is asked before it [flows.md G.2, F5 T5.4].

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// So many questions in a row that nobody answered.
const SUSPECT: u32 = 3;

/// How long that is remembered after the last of them.
pub const REMEMBERED: Duration = Duration::from_secs(30 * 86_400);

/// How many questions of sign-ins in a row were not answered on one device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence(u32);

impl Silence {
    /// One more; and whether that is the one by which the device becomes suspect.
    #[must_use]
    pub const fn longer(self) -> (Self, bool) {
        let longer = Self(self.0.saturating_add(1));
        (longer, longer.0 == SUSPECT)
    }

    pub const fn is_suspect(self) -> bool {
        self.0 >= SUSPECT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t5_4_the_third_in_a_row_makes_it_suspect_once() {
        let mut silence = Silence::default();
        let mut became = Vec::new();
        for _ in 0..5 {
            let now;
            (silence, now) = silence.longer();
            became.push((now, silence.is_suspect()));
        }
        assert_eq!(became, [(false, false), (false, false), (true, true), (false, true), (false, true)]);
    }
}
