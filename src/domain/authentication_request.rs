//! The CIBA state machine: one question to one person, from the request to the tokens.
//!
//! ```text
//!            deny, wrong number                 redeem: claim            tokens committed
//! Pending ───────────────────▶ Denied   Approved ───────▶ Redeeming ──────────────────▶ Redeemed
//!    │  └──── approve ──────────────────▶  ▲                  │
//!    └─ cancel ─▶ Cancelled                └── lease over ────┘
//! ```
//!
//! Expiry is no state: it is asked with `now`, so no flag can lag behind the clock. Which decision
//! counts is settled by SQL before it arrives here; a settled state never changes again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::decision::Record;
use crate::domain::device::Device;
use crate::domain::mobile_app::{Choice, Newcomer};
use crate::protocol::acr::Acr;
use crate::protocol::binding_message::BindingMessage;
use crate::protocol::id::{ClientId, DeviceId, NotificationId, RequestId, UserId};
use crate::protocol::notification::Said;
use crate::protocol::scope::Scope;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticationRequest {
    pub id: RequestId,
    pub notification: NotificationId,
    pub client: ClientId,
    pub asker: Asker,
    /// Whose devices may answer. Where nobody is behind the hint and the client is not to know, an
    /// identifier that no user has.
    pub user: UserId,
    pub scope: Scope,
    /// What an approval will be worth.
    pub acr: Acr,
    pub binding_message: Option<BindingMessage>,
    pub challenge: Challenge,
    /// What the person is asked about, where it is more than who they are.
    pub about: Option<About>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub polling: Polling,
    pub state: State,
}

/// What somebody is asked about besides who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum About {
    /// An app that is no device of theirs.
    Newcomer(Box<Newcomer>),
    /// What whoever asks has them read.
    Said(Box<Said>),
}

/// Who waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asker {
    /// The client, which polls with its `auth_req_id`. Any device of the person may answer.
    Client,
    /// A sign-in of the person, which asks one device of theirs. Nobody has an `auth_req_id`: no tokens come of it.
    Flow(DeviceId),
    /// The client as well, where an MFA policy says which device of the person may answer. `None`: not any of them.
    // The last one, since what rests in stores says so by number.
    ByPolicy(Option<DeviceId>),
}

impl Asker {
    /// Whether it is the client that waits, and comes for tokens.
    pub const fn is_client(self) -> bool {
        match self {
            Self::Client | Self::ByPolicy(_) => true,
            Self::Flow(_) => false,
        }
    }

    /// Whether this device of the person is asked.
    pub fn asks(self, device: DeviceId) -> bool {
        match self {
            Self::Client => true,
            Self::Flow(chosen) => chosen == device,
            Self::ByPolicy(chosen) => chosen == Some(device),
        }
    }
}

/// What the person must carry from the relying party's screen to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Challenge {
    /// Nothing: the person compares the binding message.
    None,
    /// One of three; which one is right never leaves the server towards the device.
    Pick {
        options: [u8; 3],
        right: u8,
    },
    Type {
        right: u8,
    },
}

impl Challenge {
    pub fn accepts(self, picked: Option<u8>) -> bool {
        match self {
            Self::None => picked.is_none(),
            Self::Pick { right, .. } | Self::Type { right } => picked == Some(right),
        }
    }

    /// The number that the client shows.
    pub fn number(self) -> Option<u8> {
        match self {
            Self::None => None,
            Self::Pick { right, .. } | Self::Type { right } => Some(right),
        }
    }
}

/// The pace that the client keeps. [CIBA §11] the longer interval of a `slow_down` holds for all
/// later polls too, so it is stored, not derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Polling {
    /// Seconds.
    pub interval: u16,
    /// The last poll that came in time.
    pub last: Option<Timestamp>,
}

impl Polling {
    /// One more poll, and whether it came in time. The first one always does.
    #[must_use]
    pub fn polled(self, now: Timestamp) -> (Self, bool) {
        let interval = Duration::from_secs(u64::from(self.interval));
        let early = self.last.is_some_and(|last| now + JITTER < last + interval);
        if early { (self.slowed(), false) } else { (Self { last: Some(now), ..self }, true) }
    }

    /// [CIBA §11, RFC 8628 §3.5] the longer interval holds for all later polls too.
    #[must_use]
    pub fn slowed(self) -> Self {
        Self { interval: self.interval.saturating_add(SLOW_DOWN).min(SLOWEST), ..self }
    }

    /// How long until the next poll is in time.
    pub fn wait(self, now: Timestamp) -> Duration {
        let interval = Duration::from_secs(u64::from(self.interval));
        self.last.map_or(Duration::ZERO, |last| (last + interval).since(now))
    }
}

/// A poll this much too early is still in time: two requests need not take the same way.
const JITTER: Duration = Duration::from_millis(250);

/// [CIBA §11] each `slow_down` adds at least 5 seconds.
const SLOW_DOWN: u16 = 5;
const SLOWEST: u16 = 300;

/// How long after expiry an approval that came in time can still be redeemed.
pub const FINALISE: Duration = Duration::from_secs(60);

/// How long an expired request is remembered, so that a late poll is told `expired_token`.
pub const REMEMBER: Duration = Duration::from_secs(300);

/// How long one poll may take to turn its claim into tokens before another one may try.
pub const LEASE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Pending,
    Approved(Approval),
    Redeeming { approval: Approval, claim: Claim, lease_until: Timestamp },
    Redeemed,
    Denied(Denial),
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub device: DeviceId,
    pub at: Timestamp,
    /// What becomes of a newcomer, where the question was about one.
    pub choice: Option<Choice>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Denial {
    /// The person said no.
    Refused,
    /// "I did not ask for this."
    Reported,
    BiometricsRejected,
    WrongNumber,
    /// The person said no to a newcomer, now and later.
    Blocked,
    /// The person has no device that could be asked.
    NoDevice,
    /// It was approved, but what the approval rested on was gone when it was redeemed.
    Withheld,
}

impl Denial {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Reported => "reported",
            Self::BiometricsRejected => "biometrics_rejected",
            Self::WrongNumber => "wrong_number",
            Self::Blocked => "blocked",
            Self::NoDevice => "no_device",
            Self::Withheld => "withheld",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::Refused,
            Self::Reported,
            Self::BiometricsRejected,
            Self::WrongNumber,
            Self::Blocked,
            Self::NoDevice,
            Self::Withheld,
        ];
        all.into_iter().find(|denial| denial.as_str() == text)
    }
}

/// Names one attempt to redeem, so that the same attempt is recognised when it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim(pub u64);

/// What was decided, as SQL has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Approved(Approval),
    Denied(Denial),
    Cancelled,
}

impl Decision {
    /// Whether it says the same, whenever that was said.
    pub fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Approved(one), Self::Approved(other)) => one.device == other.device && one.choice == other.choice,
            (Self::Denied(one), Self::Denied(other)) => one == other,
            (Self::Cancelled, Self::Cancelled) => true,
            (Self::Approved(_) | Self::Denied(_) | Self::Cancelled, _) => false,
        }
    }
}

/// Why a device or a client can decide no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecidable {
    Expired,
    AlreadyDecided,
    Cancelled,
}

/// The answer to a poll. The fact is [`State`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Another client's request. Nothing was changed.
    Foreign,
    Pending,
    SlowDown,
    Expired,
    Denied,
    Cancelled,
    /// The tokens were given already.
    Redeemed,
    /// Another poll is turning the approval into tokens just now.
    Busy,
    /// This poll may turn the approval into tokens.
    Claimed(Box<Redeemable>),
}

/// What tokens are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemable {
    pub request: RequestId,
    pub user: UserId,
    pub scope: Scope,
    pub acr: Acr,
    pub issued_at: Timestamp,
    pub approval: Approval,
}

impl AuthenticationRequest {
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// The app that the person is asked about.
    pub fn newcomer(&self) -> Option<&Newcomer> {
        match self.about.as_ref()? {
            About::Newcomer(newcomer) => Some(newcomer),
            About::Said(_) => None,
        }
    }

    /// What the person reads in place of our words.
    pub fn said(&self) -> Option<&Said> {
        match self.about.as_ref()? {
            About::Said(said) => Some(said),
            About::Newcomer(_) => None,
        }
    }

    /// Whether it is this client that waits for the answer.
    pub fn is_of(&self, client: &ClientId) -> bool {
        self.client == *client && self.asker.is_client()
    }

    /// Whether this device is asked, and would be believed.
    pub fn asks(&self, device: &Device) -> bool {
        self.asker.asks(device.id) && self.user == device.user && device.may_answer(self.issued_at)
    }

    /// One poll of the token endpoint. [protocol.md 1] ownership before state; a settled state
    /// before the pace, so that an impatient client still gets its answer.
    #[must_use]
    pub fn poll(mut self, client: &ClientId, claim: Claim, now: Timestamp) -> (Self, Poll) {
        if !self.is_of(client) {
            return (self, Poll::Foreign);
        }
        match self.state.clone() {
            State::Pending if self.has_expired(now) => (self, Poll::Expired),
            State::Pending => {
                let (polling, in_time) = self.polling.polled(now);
                self.polling = polling;
                (self, if in_time { Poll::Pending } else { Poll::SlowDown })
            }
            State::Denied(_) => (self, Poll::Denied),
            State::Cancelled => (self, Poll::Cancelled),
            State::Redeemed => (self, Poll::Redeemed),
            State::Approved(_) | State::Redeeming { .. } if self.expires_at + FINALISE <= now => (self, Poll::Expired),
            State::Redeeming { claim: other, lease_until, .. } if other != claim && now < lease_until => {
                (self, Poll::Busy)
            }
            State::Approved(approval) | State::Redeeming { approval, .. } => {
                let redeemable = Redeemable {
                    request: self.id,
                    user: self.user,
                    scope: self.scope.clone(),
                    acr: self.acr,
                    issued_at: self.issued_at,
                    approval: approval.clone(),
                };
                self.state = State::Redeeming { approval, claim, lease_until: now + LEASE };
                (self, Poll::Claimed(Box::new(redeemable)))
            }
        }
    }

    /// As after a poll that came too early.
    #[must_use]
    pub fn slowed(self) -> Self {
        Self { polling: self.polling.slowed(), ..self }
    }

    /// How long until the next poll is in time.
    pub fn wait(&self, now: Timestamp) -> Duration {
        self.polling.wait(now)
    }

    /// What SQL knows of a decided request whose copy here was lost: enough to answer its polls. What
    /// only the question needed is gone.
    pub fn rebuilt(record: &Record, polling: Polling) -> Self {
        Self {
            id: record.request,
            notification: record.notification,
            client: record.client.clone(),
            // Whoever rebuilds it has its `auth_req_id`, or nobody does.
            asker: Asker::Client,
            user: record.user,
            scope: record.scope.clone(),
            acr: record.acr,
            binding_message: None,
            challenge: Challenge::None,
            about: None,
            issued_at: record.issued_at,
            expires_at: record.expires_at,
            polling,
            state: State::Pending,
        }
        .decided(&record.outcome)
    }

    /// Looks without polling: for whoever holds a poll and was woken.
    pub fn is_pending(&self, now: Timestamp) -> bool {
        self.state == State::Pending && !self.has_expired(now)
    }

    /// Whether somebody may decide now.
    pub fn decidable(&self, now: Timestamp) -> Result<(), Undecidable> {
        match self.state {
            State::Pending if self.has_expired(now) => Err(Undecidable::Expired),
            State::Pending => Ok(()),
            State::Cancelled => Err(Undecidable::Cancelled),
            State::Approved(_) | State::Redeeming { .. } | State::Redeemed | State::Denied(_) => {
                Err(Undecidable::AlreadyDecided)
            }
        }
    }

    /// Applies what SQL has decided. Idempotent, and a settled state stays: a late repeat can never
    /// bring a redeemed request back.
    #[must_use]
    pub fn decided(mut self, decision: &Decision) -> Self {
        if self.state == State::Pending {
            self.state = match decision {
                Decision::Approved(approval) => State::Approved(approval.clone()),
                Decision::Denied(denial) => State::Denied(*denial),
                Decision::Cancelled => State::Cancelled,
            };
        }
        self
    }

    /// The tokens are committed.
    #[must_use]
    pub fn redeemed(mut self) -> Self {
        if matches!(self.state, State::Redeeming { .. } | State::Approved(_)) {
            self.state = State::Redeemed;
        }
        self
    }

    /// The approval is worth nothing any more, and that is committed.
    #[must_use]
    pub fn withheld(mut self) -> Self {
        if matches!(self.state, State::Redeeming { .. } | State::Approved(_)) {
            self.state = State::Denied(Denial::Withheld);
        }
        self
    }

    /// The attempt failed before anything was committed: the next poll may try at once.
    #[must_use]
    pub fn released(mut self, own: Claim) -> Self {
        if let State::Redeeming { approval, claim, .. } = &self.state
            && *claim == own
        {
            self.state = State::Approved(approval.clone());
        }
        self
    }
}
