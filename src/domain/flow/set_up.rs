//! Whoever has no second factor that counts makes one on the way, where the MFA policy says so [flows.md A.1.3, H.7].

use serde::{Deserialize, Serialize};

use super::{Flow, SecondFactor};
use crate::clock::Timestamp;
use crate::domain::mfa_policy::Makes;
use crate::domain::otp::{Channel, CodeSource, OtpDevice, Sent};
use crate::domain::policy::Source;
use crate::domain::session::Trusted;
use crate::domain::totp::TotpMethod;
use crate::protocol::flow_api::{Action, Status};
use crate::protocol::id::{DeviceId, OtpId, PairingKey, UserId};
use crate::secret::{Digest, Sealed};

/// How far they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SettingUp {
    /// They have not begun. `may_skip`: the policy lets them go on without.
    Required { may_skip: bool },
    /// They say which of these it is to be.
    Choosing(Vec<Makes>),
    /// An authenticator app has to show that it has this key.
    Totp(NewTotp),
    /// A phone has to come with this key.
    Phone(NewPhone),
    /// A passkey has to be made, of what the flow has for it.
    Passkey,
    /// They say where they get codes of this kind.
    Target(Channel),
    /// One has gone there, and has to come back.
    Address(NewAddress),
}

/// An authenticator app that is none yet: nothing of it is kept but here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTotp {
    /// What it is called from then on.
    pub device: DeviceId,
    /// Sealed, as it rests later.
    key: Vec<u8>,
    /// As the policy had it then.
    pub method: TotpMethod,
}

impl NewTotp {
    pub fn new(device: DeviceId, key: &Sealed, method: TotpMethod) -> Self {
        Self { device, key: key.as_bytes().to_vec(), method }
    }

    pub fn key(&self) -> Sealed {
        Sealed::from_bytes(self.key.clone())
    }
}

/// Where somebody says that they get codes: it is theirs once one comes back from there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAddress {
    pub target: String,
    /// The code that was sent last, and what the address is called from then on.
    pub sent: Sent,
}

impl NewAddress {
    /// As it is kept once it is theirs.
    pub fn device(&self, user: UserId) -> OtpDevice {
        let Sent { selected: id, channel, sent_at: created_at, .. } = self.sent;
        OtpDevice { id, user, channel, target: self.target.clone(), nickname: None, created_at }
    }

    const fn actions(&self) -> &'static [Action] {
        const fn with(activates: Action) -> [Action; 4] {
            [activates, Action::ResendOtp, Action::CancelDevicePairing, Action::CancelAuthentication]
        }
        const BY_EMAIL: [Action; 4] = with(Action::ActivateEmailDevice);
        const BY_SMS: [Action; 4] = with(Action::ActivateSmsDevice);
        const BY_VOICE: [Action; 4] = with(Action::ActivateVoiceDevice);
        match self.sent.channel {
            Channel::Email => &BY_EMAIL,
            Channel::Sms => &BY_SMS,
            Channel::Voice => &BY_VOICE,
        }
    }
}

/// A phone that is no device yet: its app has to bring a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPhone {
    /// By which the key is found that a phone brings.
    pub key: Digest<PairingKey>,
    /// The key itself, sealed, for whoever shows it.
    sealed: Vec<u8>,
    /// From then on it is worth nothing.
    pub expires_at: Timestamp,
}

impl NewPhone {
    pub fn new(key: Digest<PairingKey>, sealed: &Sealed, expires_at: Timestamp) -> Self {
        Self { key, sealed: sealed.as_bytes().to_vec(), expires_at }
    }

    /// What the key is sealed for.
    pub fn place(key: &Digest<PairingKey>) -> String {
        format!("flow|pairing key|{key}")
    }

    pub fn sealed(&self) -> Sealed {
        Sealed::from_bytes(self.sealed.clone())
    }
}

impl SettingUp {
    /// What it is that they make. `None`: they have not said so yet.
    pub const fn kind(&self) -> Option<Makes> {
        match self {
            Self::Required { .. } | Self::Choosing(_) => None,
            Self::Totp(_) => Some(Makes::Totp),
            Self::Phone(_) => Some(Makes::Mobile),
            Self::Passkey => Some(Makes::Fido2),
            Self::Target(channel) | Self::Address(NewAddress { sent: Sent { channel, .. }, .. }) => {
                Some(match channel {
                    Channel::Email => Makes::Email,
                    Channel::Sms => Makes::Sms,
                    Channel::Voice => Makes::Voice,
                })
            }
        }
    }

    pub(super) const fn status(&self) -> Status {
        match self {
            Self::Required { .. } => Status::MfaSetupRequired,
            Self::Choosing(_) => Status::DevicePairingMethodRequired,
            Self::Totp(_) => Status::TotpActivationRequired,
            Self::Phone(_) => Status::MobileActivationRequired,
            Self::Passkey => Status::Fido2ActivationRequired,
            Self::Target(Channel::Email) => Status::EmailPairingTargetRequired,
            Self::Target(Channel::Sms) => Status::SmsPairingTargetRequired,
            Self::Target(Channel::Voice) => Status::VoicePairingTargetRequired,
            Self::Address(NewAddress { sent: Sent { channel: Channel::Email, .. }, .. }) => {
                Status::EmailActivationRequired
            }
            Self::Address(NewAddress { sent: Sent { channel: Channel::Sms, .. }, .. }) => Status::SmsActivationRequired,
            Self::Address(NewAddress { sent: Sent { channel: Channel::Voice, .. }, .. }) => {
                Status::VoiceActivationRequired
            }
        }
    }

    pub(super) const fn actions(&self) -> &'static [Action] {
        match self {
            Self::Required { may_skip: false } => &[Action::SetupMfa, Action::CancelAuthentication],
            Self::Required { may_skip: true } => &[Action::SetupMfa, Action::SkipMfa, Action::CancelAuthentication],
            Self::Choosing(_) => {
                &[Action::SelectDevicePairingMethod, Action::CancelDevicePairing, Action::CancelAuthentication]
            }
            Self::Totp(_) => &[Action::ActivateTotpDevice, Action::CancelDevicePairing, Action::CancelAuthentication],
            Self::Phone(_) => &[Action::Poll, Action::CancelDevicePairing, Action::CancelAuthentication],
            Self::Passkey => &[Action::ActivateFido2Device, Action::CancelDevicePairing, Action::CancelAuthentication],
            Self::Target(channel) => match channel {
                Channel::Email => {
                    &[Action::SubmitEmailTarget, Action::CancelDevicePairing, Action::CancelAuthentication]
                }
                Channel::Sms => &[Action::SubmitSmsTarget, Action::CancelDevicePairing, Action::CancelAuthentication],
                Channel::Voice => {
                    &[Action::SubmitVoiceTarget, Action::CancelDevicePairing, Action::CancelAuthentication]
                }
            },
            Self::Address(new) => new.actions(),
        }
    }
}

impl Flow {
    /// What somebody makes who has no second factor.
    pub const fn setting_up(&self) -> Option<&SettingUp> {
        match &self.second_factor {
            Some(SecondFactor::SettingUp(setting_up)) => Some(setting_up),
            Some(_) | None => None,
        }
    }

    /// The authenticator app whose first code is waited for.
    pub const fn new_totp(&self) -> Option<&NewTotp> {
        if let Some(SettingUp::Totp(new)) = self.setting_up() { Some(new) } else { None }
    }

    /// The address whose first code is waited for.
    pub const fn new_address(&self) -> Option<&NewAddress> {
        if let Some(SettingUp::Address(new)) = self.setting_up() { Some(new) } else { None }
    }

    /// The code that was sent last, to an address of the person or to a new one.
    pub fn code_underway(&self) -> Option<&Sent> {
        self.sent().or_else(|| self.new_address().map(|new| &new.sent))
    }

    /// The phone that is waited for.
    pub const fn new_phone(&self) -> Option<&NewPhone> {
        match &self.second_factor {
            Some(second_factor) => second_factor.new_phone(),
            None => None,
        }
    }

    fn setting_up_now(self, next: SettingUp) -> Option<Self> {
        self.asking(Source::Mfa)?;
        Some(Self { second_factor: Some(SecondFactor::SettingUp(next)), ceremony: None, ..self })
    }

    /// They begin, and have the choice of these. `None`: there is nothing to begin.
    #[must_use]
    pub fn set_up_begun(self, makes: Vec<Makes>) -> Option<Self> {
        matches!(self.setting_up()?, SettingUp::Required { .. }).then_some(())?;
        self.setting_up_now(SettingUp::Choosing(makes))
    }

    /// They go on without. `None`: they may not.
    #[must_use]
    pub fn set_up_skipped(self) -> Option<Self> {
        self.asking(Source::Mfa)?;
        matches!(self.setting_up()?, SettingUp::Required { may_skip: true }).then_some(())?;
        Some(Self { second_factor: Some(SecondFactor::Waived), ..self })
    }

    /// It is to be this authenticator app. `None`: nobody was asked.
    #[must_use]
    pub fn set_up_with(self, new: NewTotp) -> Option<Self> {
        matches!(self.setting_up()?, SettingUp::Choosing(_)).then_some(())?;
        self.setting_up_now(SettingUp::Totp(new))
    }

    /// It is to be a phone. `None`: nobody was asked.
    #[must_use]
    pub fn set_up_phone(self, new: NewPhone) -> Option<Self> {
        matches!(self.setting_up()?, SettingUp::Choosing(_)).then_some(())?;
        self.setting_up_now(SettingUp::Phone(new))
    }

    /// They get codes by this channel. `None`: nobody was asked.
    #[must_use]
    pub fn set_up_target(self, channel: Channel) -> Option<Self> {
        matches!(self.setting_up()?, SettingUp::Choosing(_)).then_some(())?;
        self.setting_up_now(SettingUp::Target(channel))
    }

    /// A code has gone to where they say, or another one to the same. `None`: nobody was asked for that.
    #[must_use]
    pub fn first_code_sent(self, new: NewAddress) -> Option<Self> {
        let fits = match self.setting_up()? {
            SettingUp::Target(channel) => *channel == new.sent.channel,
            SettingUp::Address(before) => before.target == new.target && before.sent.channel == new.sent.channel,
            SettingUp::Required { .. }
            | SettingUp::Choosing(_)
            | SettingUp::Totp(_)
            | SettingUp::Phone(_)
            | SettingUp::Passkey => false,
        };
        fits.then_some(())?;
        self.setting_up_now(SettingUp::Address(new))
    }

    /// This code has come back: the address is theirs. `None`: nobody waits for it.
    #[must_use]
    pub fn first_code_verified(mut self, id: OtpId) -> Option<Self> {
        self.asking(Source::Mfa)?;
        let sent = &self.new_address().filter(|new| new.sent.id == id)?.sent;
        let (channel, device) = (sent.channel, sent.selected);
        self.second_factor = Some(SecondFactor::OtpVerified(CodeSource::Sent(channel)));
        self.asked_on = Some(device);
        Some(self)
    }

    /// Whether a passkey is made as a second factor.
    pub const fn makes_second_factor(&self) -> bool {
        matches!(self.setting_up(), Some(SettingUp::Passkey))
    }

    /// It is to be a passkey, which is yet to be given something to be made of. `None`: nobody was asked.
    #[must_use]
    pub fn set_up_passkey(self) -> Option<Self> {
        matches!(self.setting_up()?, SettingUp::Choosing(_)).then_some(())?;
        self.setting_up_now(SettingUp::Passkey)
    }

    /// A passkey of the person was made, which is this device. `None`: nobody waits for it, or it is another person's.
    #[must_use]
    pub fn passkey_made(mut self, (user, device): (UserId, DeviceId), now: Timestamp) -> Option<Self> {
        self.asking(Source::Mfa).filter(|_| self.user() == Some(user))?;
        self.makes_second_factor().then_some(())?;
        self.ceremony = None;
        self.second_factor = Some(SecondFactor::PasskeyVerified(now));
        // Whatever they were asked on before, they have shown this one.
        self.asked_on = Some(device);
        Some(self)
    }

    /// This phone has come with the key, and is theirs: it has shown that it is there. `None`: nobody waits for it.
    #[must_use]
    pub fn phone_came(mut self, key: &Digest<PairingKey>, device: DeviceId) -> Option<Self> {
        self.asking(Source::Mfa)?;
        self.new_phone().filter(|new| new.key == *key)?;
        self.second_factor = Some(SecondFactor::Authorized(Trusted::silent(device)));
        Some(self)
    }

    /// No phone will come with the key any more: it is another one, or one of these. `None`: none was waited for.
    #[must_use]
    pub fn no_phone_came(self, makes: Vec<Makes>) -> Option<Self> {
        self.new_phone()?;
        self.setting_up_now(SettingUp::Choosing(makes))
    }

    /// What they make, they may not any more: it is another one of these. `None`: they had not said what it is to be.
    #[must_use]
    pub fn set_up_otherwise(self, makes: Vec<Makes>) -> Option<Self> {
        self.setting_up()?.kind()?;
        self.setting_up_now(SettingUp::Choosing(makes))
    }

    /// It is to be another one, or none: what there was is worth nothing. `None`: nothing was begun.
    #[must_use]
    pub fn set_up_cancelled(self, may_skip: bool) -> Option<Self> {
        (!matches!(self.setting_up()?, SettingUp::Required { .. })).then_some(())?;
        self.setting_up_now(SettingUp::Required { may_skip })
    }

    /// This app has shown that it has the key, and is theirs. `None`: nobody waits for it.
    #[must_use]
    pub fn set_up_done(mut self, device: DeviceId) -> Option<Self> {
        self.asking(Source::Mfa)?;
        self.new_totp().filter(|new| new.device == device)?;
        self.second_factor = Some(SecondFactor::OtpVerified(CodeSource::Authenticator));
        self.asked_on = Some(device);
        Some(self)
    }

    /// Nothing is made any more: what comes of that is found out anew. `None`: nothing was.
    #[must_use]
    pub fn set_up_over(mut self) -> Option<Self> {
        self.asking(Source::Mfa)?;
        self.setting_up()?;
        self.ceremony = None;
        self.second_factor = None;
        Some(self)
    }
}

impl SecondFactor {
    /// The phone that somebody is to pair.
    pub const fn new_phone(&self) -> Option<&NewPhone> {
        if let Self::SettingUp(SettingUp::Phone(new)) = self { Some(new) } else { None }
    }
}
