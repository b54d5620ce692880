//! A phone that no push reaches: it shows a one-time passcode, which does as well as its answer [flows.md F9, H.7].

use super::{Flow, SecondFactor};
use crate::domain::totp::Typing;

impl SecondFactor {
    /// Whether a one-time passcode of the device that is asked does as well.
    pub const fn takes_passcode(&self) -> bool {
        match self {
            Self::Waiting(pushed) | Self::TimedOut(pushed) => pushed.passcode.is_some(),
            Self::Authorized(_)
            | Self::Waived
            | Self::Pairing(..)
            | Self::Failed(_)
            | Self::Choosing(_)
            | Self::Rejected
            | Self::Otp(_)
            | Self::OtpVerified(_)
            | Self::Totp(_)
            | Self::Asserting(_)
            | Self::PasskeyVerified(_)
            | Self::LetIn(_)
            | Self::Remembered(_)
            | Self::SettingUp(_)
            | Self::Verifying(_)
            | Self::Verified { .. } => false,
        }
    }
}

impl Flow {
    /// Whose code counts that an app shows: an authenticator app's, or that of the phone that is asked.
    pub fn typed(&self) -> Option<Typing> {
        if let Some(typing) = self.typing() {
            return Some(typing.clone());
        }
        let pushed = self.second_factor.as_ref().and_then(SecondFactor::pushed)?;
        let method = pushed.passcode?;
        Some(Typing { devices: pushed.devices.clone(), selected: pushed.selected, method })
    }
}
