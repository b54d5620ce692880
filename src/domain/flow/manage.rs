//! The person looks after their devices on the way, once they have shown a second factor [flows.md A.1.3, H.7].

use super::{At, Flow, SecondFactor};
use crate::domain::policy::Source;
use crate::protocol::id::DeviceId;

impl Flow {
    /// Whether the person may say that they want to look after their devices: where they are asked which one it is, or
    /// for a passkey.
    pub fn may_manage(&self) -> bool {
        let asked = matches!(&self.second_factor, Some(SecondFactor::Choosing(_) | SecondFactor::Asserting(_)));
        // Not on the word of a session alone, which may be somebody else's by now; and what is shown about an app is
        // shown about nothing else.
        asked
            && self.is_at_second_factor()
            && self.managing.is_none()
            && self.newcomer.is_none()
            && self.notes.has_verified_here()
    }

    /// Whether they do: they wanted to, and have shown a second factor of theirs since then.
    pub const fn manages(&self) -> bool {
        self.managing.is_some()
            && self.is_at_second_factor()
            && matches!(
                &self.second_factor,
                Some(SecondFactor::Authorized(_) | SecondFactor::OtpVerified(_) | SecondFactor::PasskeyVerified(_))
            )
    }

    /// By which device they have shown it. `None`: by one that they have removed since.
    pub const fn shown_by(&self) -> Option<DeviceId> {
        if let Some(SecondFactor::Authorized(by)) = &self.second_factor { Some(by.device) } else { self.asked_on }
    }

    const fn is_at_second_factor(&self) -> bool {
        matches!(&self.at, At::Asking(_, Source::Mfa))
    }

    /// They want to, and show first that it is them. `only`: with one of these, as others are not enough. `None`: with
    /// none, or nobody can say so now.
    #[must_use]
    pub fn managed(mut self, only: Option<&[DeviceId]>) -> Option<Self> {
        self.may_manage().then_some(())?;
        let before = self.second_factor.as_ref()?.devices().to_vec();
        let counts = |device: &DeviceId| only.is_none_or(|only| only.contains(device));
        before.iter().any(counts).then_some(())?;
        if let Some(SecondFactor::Choosing(devices)) = &mut self.second_factor {
            devices.retain(counts);
        } else if let Some(SecondFactor::Asserting(asserting)) = &mut self.second_factor {
            asserting.devices.retain(counts);
        }
        self.managing = Some(before);
        Some(self)
    }

    /// They go on with the sign-in, by what they have shown, or as if they had not wanted to. `None`: they do not look
    /// after their devices, nor choose on which they are asked first.
    #[must_use]
    pub fn resumed(mut self) -> Option<Self> {
        let manages = self.manages();
        let before = self.managing.take()?;
        if let Some(SecondFactor::Choosing(devices)) = &mut self.second_factor {
            *devices = before;
            return Some(self);
        }
        manages.then_some(self)
    }

    /// A device of theirs is none any more. `None`: they do not look after their devices.
    #[must_use]
    pub fn without_device(self, device: DeviceId) -> Option<Self> {
        self.manages().then_some(())?;
        // [flows.md F5] it vouches for nobody any more: on what else they are asked is found out anew.
        let vouched = matches!(&self.second_factor, Some(SecondFactor::Authorized(by)) if by.device == device);
        // Nor is a browser remembered for it.
        let next = Self { asked_on: self.asked_on.filter(|asked| *asked != device), ..self };
        if vouched { next.unproved() } else { Some(next) }
    }

    /// What they have shown counts no more. `None`: they do not look after their devices.
    #[must_use]
    pub fn unproved(self) -> Option<Self> {
        self.manages().then_some(())?;
        Some(Self { second_factor: None, managing: None, ..self })
    }
}
