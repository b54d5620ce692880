//! The second factor in a flow: what it came to, and how the flow goes on from there [flows.md H.7].

use serde::{Deserialize, Serialize};

use super::{Around, At, Factor, Flow, Note};
use crate::clock::Timestamp;
use crate::domain::enrolment::Enrolment;
use crate::domain::mobile_app::MobileApp;
use crate::domain::policy::Source;
use crate::domain::second_factor::{Verdict, Why};
use crate::protocol::id::{DeviceId, MfaPolicyId};

/// Where the second factor is, once it came to something. Nothing goes on until whoever runs the flow says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecondFactor {
    /// A trusted device has proved to be there.
    Authorized(DeviceId),
    /// The policy does without.
    Waived,
    /// The same, and the app may become a device until then; whether it does makes no difference to the flow.
    Pairing(Timestamp),
    Failed(Why),
}

impl SecondFactor {
    pub const fn failed(&self) -> Option<Why> {
        match self {
            Self::Failed(why) => Some(*why),
            Self::Authorized(_) | Self::Waived | Self::Pairing(..) => None,
        }
    }
}

impl Flow {
    /// The policy by which a second factor is asked for, while nobody has said yet with what.
    pub fn wants_second_factor(&self, around: &Around<'_>) -> Option<MfaPolicyId> {
        let At::Asking(step, Source::Mfa) = &self.at else { return None };
        let step = around.policy.steps().into_iter().find(|own| own.id == *step)?;
        step.mfa_policy.clone().filter(|_| self.second_factor.is_none())
    }

    /// What it came to. `pairs`: whoever runs the flow can have the app become a device before it goes on, until
    /// then. `None`: none was asked for.
    #[must_use]
    pub fn second_factor_evaluated(
        self,
        (verdict, enrolment): (Verdict, Option<Enrolment>),
        pairs: Option<Timestamp>,
    ) -> Option<Self> {
        self.asking(Source::Mfa).filter(|_| self.second_factor.is_none())?;
        // Not on the word of a session alone, which may be somebody else's by now.
        let enrolment = enrolment.filter(|_| self.notes.has_verified_here());
        let offered = pairs.filter(|_| enrolment.is_some());
        let second_factor = match (verdict, offered) {
            (Verdict::Authorized(device), _) => SecondFactor::Authorized(device),
            (Verdict::Waived(_), Some(until)) => SecondFactor::Pairing(until),
            (Verdict::Waived(_), None) => SecondFactor::Waived,
            (Verdict::Failed(why), _) => SecondFactor::Failed(why),
        };
        Some(Self { second_factor: Some(second_factor), enrolment, ..self })
    }

    /// Whoever runs the flow has seen what it came to. `None`: there is nothing to go on from.
    #[must_use]
    pub fn second_factor_continued(mut self, around: &Around<'_>) -> Option<Self> {
        let step = self.asking(Source::Mfa)?;
        match self.second_factor.take()? {
            SecondFactor::Authorized(device) => {
                self.trusted = Some(device);
                self.notes.set(step, Note::Verified(Factor::TrustedDevice));
            }
            SecondFactor::Waived | SecondFactor::Pairing(_) => self.notes.set(step, Note::Waived),
            SecondFactor::Failed(_) => return None,
        }
        Some(self.settled(around))
    }

    /// What may become a device now, and until when.
    pub const fn offers_pairing(&self) -> Option<(&Enrolment, Timestamp)> {
        match (&self.second_factor, &self.enrolment) {
            (Some(SecondFactor::Pairing(until)), Some(enrolment)) => Some((enrolment, *until)),
            (Some(_) | None, _) => None,
        }
    }

    /// By this app the person signs in.
    #[must_use]
    pub fn by(self, app: Option<MobileApp>) -> Self {
        Self { app, ..self }
    }
}
