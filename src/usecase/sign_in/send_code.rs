//! A person is sent a one-time code, and brings it back: for one flow, once [flows.md F9].

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::domain::flow::{Flow, LONGEST};
use crate::domain::ladder::DAY;
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::occasion::Occasion;
use crate::domain::otp::{Channel, CodeOf, Delivery, OtpDevice, OtpMethod, OtpSecrets, Sent, Withdrawn};
use crate::domain::otp_guard::{OtpGuard, Tried};
use crate::domain::second_factor::Why;
use crate::entropy::Entropy;
use crate::failpoint;
use crate::metrics::Limit;
use crate::protocol::flow_api::{DetailCode, FlowErrorCode, FlowRefusal};
use crate::protocol::id::{DeviceId, OtpId, UserId};
use crate::store::ephemeral::{Attempts, Shelf, StoreError};
use crate::store::sql::outbox::{Kind, Outbox};
use crate::usecase::addresses::Addresses;
use crate::usecase::limit::{Most, limit};
use crate::usecase::sign_in::spend_texts::{May, SpendTexts};
use crate::words::Locale;

/// [security.md 5.6] messages to one address, and to one person.
const SHORT: Duration = Duration::from_secs(600);
const PER_SHORT: u32 = 5;
const PER_DAY: u32 = 10;

pub struct SendCode {
    pub devices: Addresses,
    pub guards: Shelf<OtpGuard>,
    pub attempts: Attempts,
    pub outbox: Outbox,
    pub secrets: OtpSecrets,
    pub deliveries: Shelf<Delivery>,
    pub withdrawn: Shelf<Withdrawn>,
    pub texts: SpendTexts,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// For whom something is done.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// In which language they are written to, should they be: a BCP 47 tag.
    pub language: &'a str,
    /// Where they call from.
    pub from: IpAddr,
}

impl Asker<'_> {
    /// Somebody who is written to by nobody, since they have done nothing yet.
    pub fn unseen() -> Self {
        Self { language: Locale::default().tag(), from: Ipv4Addr::UNSPECIFIED.into() }
    }
}

/// A message is under way for so long before whoever asked for it hears how it stands.
const PATIENCE: Duration = Duration::from_secs(2);
/// In between it is looked at as often.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// To whom, where it could go, and where it does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whom<'a> {
    pub(super) user: UserId,
    pub(super) devices: &'a [DeviceId],
    pub(super) selected: &'a OtpDevice,
    pub(super) asker: Asker<'a>,
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    TooOften,
    /// Nothing that comes back would be looked at.
    Locked,
}

/// How it stands with a code that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// So many may be wrong.
    pub attempts_remaining: u32,
    /// So long, and another one can be had. `None`: it can now.
    pub resend_in: Option<Duration>,
    /// `None`: nothing is sent, since an app shows it.
    pub delivery: Option<Delivery>,
}

impl NotSent {
    pub(super) const fn why(self) -> Why {
        match self {
            Self::TooOften => Why::OtpResendLimit,
            Self::Locked => Why::OtpAttemptsLimit,
        }
    }

    pub(super) fn refusal(self) -> FlowRefusal {
        let (code, why) = match self {
            Self::TooOften => (DetailCode::OtpResendLimit, "too many codes were sent"),
            Self::Locked => (DetailCode::OtpAttemptsLimit, "too many codes were wrong"),
        };
        FlowRefusal::new(FlowErrorCode::RequestFailed, why).about(code, Some("otp"))
    }
}

impl SendCode {
    /// The code is on its way; or nothing is, and the flow says when another try may be made.
    pub(super) async fn send(
        &self,
        flow: &Flow,
        policy: &MfaPolicy,
        Whom { user, devices, selected, asker }: Whom<'_>,
    ) -> Result<Result<Sent, NotSent>, StoreError> {
        let now = self.clock.now();
        let locked = self.guards.get(&user).await?.is_some_and(|guard| guard.is_locked(now));
        if locked {
            return Ok(Err(NotSent::Locked));
        }
        // To the same address again, be it by another name of the action.
        let early = flow.code_underway().is_some_and(|sent| sent.selected == selected.id && now < sent.resend_after());
        if early {
            return Ok(Err(NotSent::TooOften));
        }
        let may = self.texts.may_ask(selected, asker.from).await?;
        // For another flow: whoever begins anew is kept waiting and not out. A code that this one has sent is good still.
        let waits = may == May::Soon && flow.code_underway().is_none();
        if !waits && (may != May::Yes || !self.may_send(selected).await?) {
            return Ok(Err(NotSent::TooOften));
        }
        let (id, channel, own) = (OtpId::new(self.entropy.uuid()), selected.channel, policy.otp(selected.channel));
        let method = OtpMethod { attempts: policy.attempts(), ..own };
        let again = flow.code_underway().is_some_and(|before| before.selected == selected.id);
        let devices = devices.to_vec();
        let sent = Sent { devices, selected: selected.id, id, channel, method, again, sent_at: now };
        if waits {
            self.none_goes(&sent).await?;
            return Ok(Ok(sent));
        }
        let occasion = Occasion::OneTimeCode {
            user,
            device: selected.id,
            client: flow.client.clone(),
            transaction: flow.transaction,
            length: method.otp_length,
            lifetime: method.lifetime,
            language: asker.language.to_owned(),
            new_device: flow.newcomer.is_some(),
            new_address: flow.setting_up().map(|_| (channel, selected.target.clone())),
        };
        if let Some(before) = flow.code_underway() {
            self.withdraw(before, now).await?;
        }
        let kind = match channel {
            Channel::Email => Some(Kind::Mail),
            Channel::Sms | Channel::Voice => self.texts.spend(selected, now).await?.then_some(Kind::Text),
        };
        if let Some(kind) = kind {
            self.outbox.put(id.uuid(), kind, &occasion.encode(), now).await?;
            failpoint::hit("K28");
            self.look(id).await;
        } else {
            self.none_goes(&sent).await?;
        }
        Ok(Ok(sent))
    }

    /// It is worth nothing from now on: what still waits would be paid for in vain. Said first, for whoever has it in
    /// hand, and would put it back.
    async fn withdraw(&self, before: &Sent, now: Timestamp) -> Result<(), StoreError> {
        let lifetime = before.expires_at().since(now);
        if !lifetime.is_zero() {
            self.withdrawn.insert(&before.id, &Withdrawn { at: now }, lifetime).await?;
        }
        self.outbox.done(before.id.uuid()).await
    }

    /// The person is told as of a message that nobody has taken, and of other ways. The same for every reason.
    async fn none_goes(&self, sent: &Sent) -> Result<(), StoreError> {
        self.deliveries.insert(&sent.id, &Delivery::NotSent, LONGEST).await?;
        Ok(())
    }

    /// Until it is known what becomes of a message, or for as long as anybody likes to wait.
    async fn look(&self, id: OtpId) {
        let known = async {
            while matches!(self.deliveries.get(&id).await, Ok(None)) {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        // Not known yet: that is what the state says then.
        let _ = tokio::time::timeout(PATIENCE, known).await;
    }

    /// Counted before it is sent, so that it holds however many come at once.
    async fn may_send(&self, device: &OtpDevice) -> Result<bool, StoreError> {
        let (user, address) = (device.user.uuid(), device.counted());
        let whom = [("address", address.as_bytes()), ("person", user.as_bytes().as_slice())];
        for (whose, who) in whom {
            for (times, window) in [(PER_SHORT, SHORT), (PER_DAY, DAY)] {
                let what = format!("otp, {whose}, {}", window.as_secs());
                let most = Most { what: &what, times, window, limit: Limit::Otps };
                if limit(&self.attempts, most, who).await?.is_some() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Whether this is the code that was sent last in this flow.
    pub(super) async fn check(
        &self,
        flow: &Flow,
        sent: &Sent,
        typed: &str,
    ) -> Result<Result<(), FlowRefusal>, StoreError> {
        let Some(user) = flow.user() else { return Ok(Err(FlowRefusal::not_now())) };
        let looked = self.look_at(flow, (user, sent), typed).await?;
        if looked.is_ok() {
            self.texts.came_back(&self.devices, user, sent).await;
        }
        Ok(looked)
    }

    /// The same of the first code that was sent to where somebody says that they get them.
    pub(super) async fn check_first(
        &self,
        flow: &Flow,
        (address, sent): (&OtpDevice, &Sent),
        typed: &str,
    ) -> Result<Result<(), FlowRefusal>, StoreError> {
        let looked = self.look_at(flow, (address.user, sent), typed).await?;
        if looked.is_ok() {
            self.texts.came_back_from(address).await;
        }
        Ok(looked)
    }

    async fn look_at(
        &self,
        flow: &Flow,
        (user, sent): (UserId, &Sent),
        typed: &str,
    ) -> Result<Result<(), FlowRefusal>, StoreError> {
        let now = self.clock.now();
        if sent.has_expired(now) {
            let refusal = FlowRefusal::new(FlowErrorCode::RequestFailed, "the code has expired");
            return Ok(Err(refusal.about(DetailCode::OtpExpired, Some("otp"))));
        }
        let one_more = |guard: OtpGuard| guard.attempt(sent.method.tries(), Some(sent.sent_at), now);
        let Tried::Looked { left } = self.guards.upsert(&user, DAY, one_more).await? else {
            return Ok(Err(NotSent::Locked.refusal()));
        };
        failpoint::hit("K27");
        let of = CodeOf { transaction: flow.transaction, user, id: sent.id, length: sent.method.otp_length };
        if self.secrets.is_code(of, typed) {
            self.guards.upsert(&user, DAY, |guard| (guard.succeeded(), ())).await?;
            failpoint::hit("K29");
            return Ok(Ok(()));
        }
        Ok(Err(if left == 0 { NotSent::Locked.refusal() } else { FlowRefusal::wrong_code(left) }))
    }

    /// How it stands with the code of a flow. Changes nothing.
    pub(super) async fn standing(&self, user: UserId, sent: &Sent) -> Result<Standing, StoreError> {
        let now = self.clock.now();
        let guard = self.guards.get(&user).await?.unwrap_or_default();
        let resend_in = Some(sent.resend_after().since(now)).filter(|wait| !wait.is_zero());
        let delivery = self.deliveries.get(&sent.id).await?.unwrap_or_default();
        Ok(Standing {
            attempts_remaining: guard.left(sent.method.tries(), Some(sent.sent_at), now),
            resend_in,
            delivery: Some(delivery),
        })
    }
}
