//! The second factor in a flow: what it came to, and how the flow goes on from there [flows.md H.7].

use serde::{Deserialize, Serialize};

use super::{Around, At, Factor, Flow, Note, SettingUp};
use crate::clock::Timestamp;
use crate::domain::authentication_request::Challenge;
use crate::domain::enrolment::{Enrolment, NotOffered};
use crate::domain::mobile_app::MobileApp;
use crate::domain::otp::{CodeSource, Sent};
use crate::domain::passkey::Asserting;
use crate::domain::policy::Source;
use crate::domain::second_factor::{Verdict, Why};
use crate::domain::session::{Authentication, Trusted};
use crate::domain::totp::{TotpMethod, Typing};
use crate::protocol::id::{AuthReqId, DeviceId, InstallationId, MfaPolicyId, NotificationId, OtpId, RequestId, UserId};
use crate::secret::Digest;

/// Where the second factor is, once it came to something. Nothing goes on until whoever runs the flow says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecondFactor {
    /// A device has vouched for the person.
    Authorized(Trusted),
    /// The policy does without.
    Waived,
    /// The app may become a device until then; whether it does makes no difference to the flow. `None`: the policy does
    /// without.
    Pairing(Timestamp, Option<Proved>),
    Failed(Why),
    /// The person is to say on which of these devices they are asked, the primary one first.
    Choosing(Vec<DeviceId>),
    /// They are being asked.
    Waiting(Pushed),
    /// Nobody has answered in time.
    TimedOut(Pushed),
    /// They said no.
    Rejected,
    /// A code is on its way to them.
    Otp(Sent),
    /// It has come back, or was shown by an app.
    OtpVerified(CodeSource),
    /// The app is let in, and stays no device: by this one now, or not long ago.
    LetIn(Option<Trusted>),
    /// The code of an authenticator app is waited for.
    Totp(Typing),
    /// A passkey is to answer.
    Asserting(Asserting),
    /// It has, then.
    PasskeyVerified(Timestamp),
    /// The app on a trusted device is asked for more than its key, and nobody sees it.
    Verifying(Verifying),
    /// A device has vouched for the person, and answered; or did not, and the policy does without.
    Verified {
        trusted: Trusted,
        answered: bool,
    },
    /// They make what they have not.
    SettingUp(SettingUp),
    /// They have shown this device in the same browser not long ago, and nothing now.
    Remembered(DeviceId),
}

/// By what somebody has let in an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proved {
    Device(Trusted),
    Code(CodeSource),
    /// A passkey has answered then.
    Passkey(Timestamp),
}

/// What somebody is asked about besides who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub about: Enrolment,
    /// Whoever runs the flow can have the app become a device before it goes on.
    pub pairs: bool,
}

/// A push to the app on a trusted device that nobody sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifying {
    pub device: DeviceId,
    pub installation: InstallationId,
    pub notification: NotificationId,
    pub expires_at: Timestamp,
}

/// A question on a device of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// On which they could be asked, the primary one first.
    pub devices: Vec<DeviceId>,
    /// On which they are.
    pub selected: DeviceId,
    /// Names the question. Another one, on the same device or in another flow, is not this one.
    pub question: RequestId,
    /// Where it is kept.
    pub digest: Digest<AuthReqId>,
    pub challenge: Challenge,
    pub expires_at: Timestamp,
    /// A one-time passcode of that device does as well, by these rules. `None`: none is looked at.
    pub passcode: Option<TotpMethod>,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Approved(Trusted),
    /// The same, and the app may become a device.
    Admitted(Trusted),
    /// The same, and it may not.
    LetIn(Trusted),
    Denied,
    /// Nobody can answer any more.
    TimedOut,
}

impl SecondFactor {
    pub const fn failed(&self) -> Option<Why> {
        if let Self::Failed(why) = self { Some(*why) } else { None }
    }

    /// On which devices the person can be asked now.
    pub fn devices(&self) -> &[DeviceId] {
        match self {
            Self::Choosing(devices) => devices,
            Self::Waiting(pushed) | Self::TimedOut(pushed) => &pushed.devices,
            Self::Otp(sent) => &sent.devices,
            Self::Totp(typing) => &typing.devices,
            Self::Asserting(asserting) => &asserting.devices,
            Self::Verifying(verifying) => std::slice::from_ref(&verifying.device),
            Self::Authorized(_)
            | Self::Waived
            | Self::Pairing(..)
            | Self::Failed(_)
            | Self::Rejected
            | Self::PasskeyVerified(_)
            | Self::OtpVerified(_)
            | Self::LetIn(_)
            | Self::Remembered(_)
            | Self::SettingUp(_)
            | Self::Verified { .. } => &[],
        }
    }

    /// Of those, on which they can be asked if they say so.
    pub fn offered(&self) -> &[DeviceId] {
        if matches!(self, Self::Verifying(_)) { &[] } else { self.devices() }
    }

    /// The question that was put last.
    pub const fn pushed(&self) -> Option<&Pushed> {
        match self {
            Self::Waiting(pushed) | Self::TimedOut(pushed) => Some(pushed),
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
            | Self::Verifying(_)
            | Self::SettingUp(_)
            | Self::Verified { .. } => None,
        }
    }

    /// The question whose answer is waited for.
    pub const fn waits_for(&self) -> Option<&Pushed> {
        if let Self::Waiting(pushed) = self { Some(pushed) } else { None }
    }

    /// The device that is asked, or was last.
    pub const fn selected(&self) -> Option<DeviceId> {
        match self {
            Self::Waiting(pushed) | Self::TimedOut(pushed) => Some(pushed.selected),
            Self::Otp(sent) => Some(sent.selected),
            Self::Totp(typing) => Some(typing.selected),
            Self::Asserting(asserting) => Some(asserting.selected),
            Self::Verifying(verifying) => Some(verifying.device),
            Self::Authorized(_)
            | Self::Waived
            | Self::Pairing(..)
            | Self::Failed(_)
            | Self::Choosing(_)
            | Self::Rejected
            | Self::PasskeyVerified(_)
            | Self::OtpVerified(_)
            | Self::LetIn(_)
            | Self::Remembered(_)
            | Self::SettingUp(_)
            | Self::Verified { .. } => None,
        }
    }
}

impl Flow {
    /// The policy by which a second factor is asked for, while nobody has said yet with what.
    pub fn wants_second_factor(&self, around: &Around<'_>) -> Option<MfaPolicyId> {
        self.mfa_policy(around).filter(|_| self.second_factor.is_none())
    }

    /// The policy by which a second factor is asked for.
    pub fn mfa_policy(&self, around: &Around<'_>) -> Option<MfaPolicyId> {
        let At::Asking(step, Source::Mfa) = &self.at else { return None };
        around.policy.steps().into_iter().find(|own| own.id == *step)?.mfa_policy.clone()
    }

    /// Whether somebody has to act before anybody is asked on a device: a browser that has a session alone may have
    /// been sent here by any page.
    pub fn pushes_by_itself(&self) -> bool {
        self.notes.has_verified_here()
    }

    /// The question whose answer is waited for.
    pub const fn waits_for(&self) -> Option<&Pushed> {
        match &self.second_factor {
            Some(second_factor) => second_factor.waits_for(),
            None => None,
        }
    }

    /// The push that nobody sees, whose answer is waited for.
    pub const fn verifying(&self) -> Option<&Verifying> {
        match &self.second_factor {
            Some(SecondFactor::Verifying(verifying)) => Some(verifying),
            Some(_) | None => None,
        }
    }

    /// The app on a trusted device is asked for more than its key. `None`: no second factor is asked for.
    #[must_use]
    pub fn verifies(self, verifying: Verifying) -> Option<Self> {
        self.asking(Source::Mfa).filter(|_| self.second_factor.is_none())?;
        let second_factor = Some(SecondFactor::Verifying(verifying));
        Some(Self { second_factor, newcomer: None, enrolment: None, ..self })
    }

    /// The device vouches for the person. `answered`: its app has answered this push; else, the policy does without.
    /// `None`: nobody waits for it.
    #[must_use]
    pub fn vouched_for(self, notification: NotificationId, answered: bool) -> Option<Self> {
        self.asking(Source::Mfa)?;
        let verifying = self.verifying().filter(|verifying| verifying.notification == notification)?;
        let trusted = Trusted::silent(verifying.device);
        Some(Self { second_factor: Some(SecondFactor::Verified { trusted, answered }), ..self })
    }

    /// In this way the person is asked from now on, and in no other. `None`: it is on none of the devices on which they
    /// can be.
    fn asked_now(self, next: SecondFactor) -> Option<Self> {
        self.asking(Source::Mfa)?;
        let offered = self.second_factor.as_ref().map(SecondFactor::offered).unwrap_or_default();
        let asked_on = next.selected().filter(|selected| offered.contains(selected))?;
        Some(Self { second_factor: Some(next), asked_on: Some(asked_on), ceremony: None, ..self })
    }

    /// The person is asked on this device from now on, and on no other. `None`: it is none of those that can be.
    #[must_use]
    pub fn pushed(self, pushed: Pushed) -> Option<Self> {
        self.asked_now(SecondFactor::Waiting(pushed))
    }

    /// The code that was sent last.
    pub const fn sent(&self) -> Option<&Sent> {
        match &self.second_factor {
            Some(SecondFactor::Otp(sent)) => Some(sent),
            Some(_) | None => None,
        }
    }

    /// This code is on its way, and no other is worth anything. `None`: it goes to none of those where one can.
    #[must_use]
    pub fn code_sent(self, sent: Sent) -> Option<Self> {
        self.asked_now(SecondFactor::Otp(sent))
    }

    /// This code has come back. `None`: nobody waits for it.
    #[must_use]
    pub fn code_verified(mut self, id: OtpId) -> Option<Self> {
        self.asking(Source::Mfa)?;
        let channel = self.sent().filter(|sent| sent.id == id)?.channel;
        self.second_factor = Some(SecondFactor::OtpVerified(CodeSource::Sent(channel)));
        Some(self)
    }

    /// The authenticator app whose code is waited for.
    pub const fn typing(&self) -> Option<&Typing> {
        match &self.second_factor {
            Some(SecondFactor::Totp(typing)) => Some(typing),
            Some(_) | None => None,
        }
    }

    /// The code of this app is waited for, and no other is worth anything. `None`: it is none of those that can be.
    #[must_use]
    pub fn with_typing(self, typing: Typing) -> Option<Self> {
        self.asked_now(SecondFactor::Totp(typing))
    }

    /// The code of this app was right. `None`: nobody waits for it.
    #[must_use]
    pub fn totp_verified(mut self, device: DeviceId) -> Option<Self> {
        self.asking(Source::Mfa)?;
        self.typed().filter(|typing| typing.selected == device)?;
        self.second_factor = Some(SecondFactor::OtpVerified(CodeSource::Authenticator));
        Some(self)
    }

    /// The passkey that is asked for as a second factor.
    pub const fn asserting(&self) -> Option<&Asserting> {
        match &self.second_factor {
            Some(SecondFactor::Asserting(asserting)) => Some(asserting),
            Some(_) | None => None,
        }
    }

    /// This passkey is asked for, and is yet to be given something to sign. `None`: it is none of those that can be.
    #[must_use]
    pub fn with_assertion(self, asserting: Asserting) -> Option<Self> {
        self.asked_now(SecondFactor::Asserting(asserting))
    }

    /// A passkey of the person has answered. `None`: nobody waits for it, or it is another person's.
    #[must_use]
    pub fn assertion_verified(mut self, user: UserId, now: Timestamp) -> Option<Self> {
        self.asking(Source::Mfa).filter(|_| self.user() == Some(user))?;
        self.asserting()?;
        self.ceremony = None;
        self.second_factor = Some(SecondFactor::PasskeyVerified(now));
        Some(self)
    }

    /// There is an answer to this question, or there will be none. `None`: nobody waits for it.
    #[must_use]
    pub fn answered(mut self, question: RequestId, outcome: Outcome) -> Option<Self> {
        self.asking(Source::Mfa)?;
        let pushed = self.waits_for().filter(|pushed| pushed.question == question)?.clone();
        self.second_factor = Some(match outcome {
            Outcome::Approved(trusted) | Outcome::Admitted(trusted) => SecondFactor::Authorized(trusted),
            Outcome::LetIn(trusted) => SecondFactor::LetIn(Some(trusted)),
            Outcome::Denied => SecondFactor::Rejected,
            Outcome::TimedOut => SecondFactor::TimedOut(pushed),
        });
        Some(self)
    }

    /// What it came to. `pairs`: whoever runs the flow can have the app become a device before it goes on, until
    /// then. `None`: none was asked for, or a device has to answer first ([`Flow::verifies`]).
    #[must_use]
    pub fn second_factor_evaluated(
        self,
        (verdict, enrolment): (Verdict, Option<Enrolment>),
        pairs: Option<Timestamp>,
    ) -> Option<Self> {
        self.asking(Source::Mfa).filter(|_| self.second_factor.is_none())?;
        // Not on the word of a session alone, which may be somebody else's by now.
        let enrolment = enrolment.filter(|_| self.notes.has_verified_here());
        let offered = pairs.filter(|_| enrolment.as_ref().is_some_and(|about| about.grounds.is_ok()));
        let asks = matches!(&verdict, Verdict::Ask(..));
        // What a step before has come to stands where this one has nothing to say of the app.
        let stands = asks || matches!(&verdict, Verdict::Waived(_));
        let app = self.app.as_ref().filter(|_| stands);
        let before = self.enrolment.filter(|before| app.is_some_and(|app| app.jkt == before.app.jkt));
        let second_factor = match (verdict, offered) {
            (Verdict::Authorized(device), _) => SecondFactor::Authorized(Trusted::silent(device)),
            (Verdict::Verify(..), _) => return None,
            (Verdict::LetIn, _) => SecondFactor::LetIn(None),
            (Verdict::Remembered(device), _) => SecondFactor::Remembered(device),
            (Verdict::Ask(devices, _), _) => SecondFactor::Choosing(devices),
            (Verdict::Waived(_), Some(until)) => SecondFactor::Pairing(until, None),
            (Verdict::SetUp(_, without), _) if self.notes.has_verified_here() => {
                SecondFactor::SettingUp(SettingUp::Required { may_skip: without.is_some() })
            }
            (Verdict::Waived(_), None) | (Verdict::SetUp(_, Some(_)), _) => SecondFactor::Waived,
            (Verdict::SetUp(why, None) | Verdict::Failed(why), _) => SecondFactor::Failed(why),
        };
        // Whoever is asked about it has not let it in yet.
        let (newcomer, enrolment) =
            if asks && enrolment.is_some() { (enrolment, None) } else { (None, enrolment.or(before)) };
        let newcomer = newcomer.map(|about| Box::new(Asked { about, pairs: pairs.is_some() }));
        Some(Self { second_factor: Some(second_factor), newcomer, enrolment, ..self })
    }

    /// Somebody has let in the app that they were asked about: it may become a device of theirs, until then. `None`: it
    /// may not, since they have as many as they may have.
    #[must_use]
    pub fn admitted(mut self, until: Option<Timestamp>) -> Self {
        let proved = match &self.second_factor {
            Some(SecondFactor::Authorized(trusted)) => Proved::Device(*trusted),
            Some(SecondFactor::OtpVerified(source)) => Proved::Code(*source),
            Some(SecondFactor::PasskeyVerified(at)) => Proved::Passkey(*at),
            Some(_) | None => return self,
        };
        let Some(asked) = self.newcomer.take() else { return self };
        let Asked { about, pairs } = *asked;
        let grounds = if until.is_some() { about.grounds } else { Err(NotOffered::MethodLimitReached) };
        self.enrolment = Some(Enrolment { grounds, ..about });
        if let Some(until) = until.filter(|_| pairs) {
            self.second_factor = Some(SecondFactor::Pairing(until, Some(proved)));
        }
        self
    }

    /// Nobody is asked any more, on whatever it was, nor is an app: what comes of that is found out anew. `None`: nobody
    /// was.
    #[must_use]
    pub fn unasked(mut self) -> Option<Self> {
        self.asking(Source::Mfa)?;
        self.second_factor.take().filter(|came_to| !came_to.devices().is_empty())?;
        (self.ceremony, self.managing) = (None, None);
        Some(self)
    }

    /// Whoever runs the flow has seen what it came to. `None`: there is nothing to go on from.
    #[must_use]
    pub fn second_factor_continued(mut self, around: &Around<'_>) -> Option<Self> {
        let step = self.asking(Source::Mfa).filter(|_| !self.manages())?;
        let proved = match self.second_factor.take()? {
            SecondFactor::Authorized(trusted)
            | SecondFactor::Verified { trusted, .. }
            | SecondFactor::LetIn(Some(trusted)) => Some(Proved::Device(trusted)),
            SecondFactor::OtpVerified(source) => Some(Proved::Code(source)),
            SecondFactor::PasskeyVerified(at) => Some(Proved::Passkey(at)),
            SecondFactor::Pairing(_, proved) => proved,
            SecondFactor::Waived | SecondFactor::LetIn(None) | SecondFactor::Remembered(_) => None,
            SecondFactor::Failed(_)
            | SecondFactor::Choosing(_)
            | SecondFactor::Waiting(_)
            | SecondFactor::TimedOut(_)
            | SecondFactor::Rejected
            | SecondFactor::Totp(_)
            | SecondFactor::Asserting(_)
            | SecondFactor::Otp(_)
            | SecondFactor::SettingUp(_)
            | SecondFactor::Verifying(_) => return None,
        };
        (self.newcomer, self.managing) = (None, None);
        match proved {
            Some(Proved::Device(trusted)) => {
                self.trusted = Some(trusted);
                self.notes.set(step, Note::Verified(Factor::TrustedDevice));
            }
            Some(Proved::Code(source)) => {
                self.by_code = Some(source);
                self.notes.set(step, Note::Verified(Factor::Otp));
            }
            // What a passkey proves here it proves wherever one is asked for: the session is worth as much.
            Some(Proved::Passkey(at)) => {
                let user = self.user()?;
                self.verified(user, &Authentication::by_passkey(at), (step, Factor::Passkey));
            }
            None => self.notes.set(step, Note::Waived),
        }
        Some(self.settled(around))
    }

    /// What may become a device now, and until when.
    pub const fn offers_pairing(&self) -> Option<(&Enrolment, Timestamp)> {
        match (&self.second_factor, &self.enrolment) {
            (Some(SecondFactor::Pairing(until, _)), Some(enrolment)) => Some((enrolment, *until)),
            (Some(_) | None, _) => None,
        }
    }

    /// The device on which somebody has said that the app may become one.
    pub const fn let_in_by(&self) -> Option<DeviceId> {
        match &self.second_factor {
            Some(SecondFactor::Pairing(_, Some(Proved::Device(trusted)))) => Some(trusted.device),
            Some(_) | None => None,
        }
    }

    /// By this app the person signs in. What it says of its phone now counts, whatever it said when somebody was asked.
    #[must_use]
    pub fn by(mut self, app: Option<MobileApp>) -> Self {
        if let (Some(asked), Some(app)) = (&mut self.newcomer, &app) {
            asked.about.app.unsound |= app.unsound;
        }
        Self { app, ..self }
    }
}
