//! The story and how else it can go: each scenario is said once, here. The page shows them as chips,
//! `POST /dev/scenarios/{name}` plays them, and the tests play and judge them.

/// One way for the story to go.
#[derive(Debug)]
pub struct Scenario {
    /// In addresses.
    pub name: &'static str,
    /// On the chip.
    pub title: &'static str,
    /// What there is to see.
    pub about: &'static str,
    pub steps: &'static [Step],
    pub end: End,
}

/// What the shop is told in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Tokens,
    /// An error of the token endpoint.
    Refused(&'static str),
}

impl End {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Refused(error) => error,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The shop asks. `expiry` in seconds, where it does not leave that to the server.
    Ask {
        expiry: Option<u32>,
    },
    /// The shop asks for the tokens.
    Poll,
    /// The shop withdraws the question.
    Cancel,
    /// Alice answers on one of her devices.
    Answer(Device, Reply),
    Offline,
    Online,
    /// Alice pairs a second device.
    PairTablet,
    /// Time passes for the server; nobody waits.
    Pass {
        seconds: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Phone,
    Tablet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Approve,
    ApproveWrongNumber,
    Deny,
    Report,
}

const ASK: Step = Step::Ask { expiry: None };

pub const ALL: [Scenario; 7] = [
    Scenario {
        name: "deny",
        title: "Deny",
        about: "Alice says no. The shop learns it with its next poll, and that it need not ask again.",
        steps: &[ASK, Step::Poll, Step::Answer(Device::Phone, Reply::Deny), Step::Poll],
        end: End::Refused("access_denied"),
    },
    Scenario {
        name: "wrong-number",
        title: "Wrong number",
        about: "Alice picks a number that the shop does not show. There is no second try: that is the end.",
        steps: &[ASK, Step::Poll, Step::Answer(Device::Phone, Reply::ApproveWrongNumber), Step::Poll],
        end: End::Refused("access_denied"),
    },
    Scenario {
        name: "phone-offline",
        title: "Phone offline",
        about: "The phone is away when the shop asks. The question waits, and is there when it comes back.",
        steps: &[Step::Offline, ASK, Step::Poll, Step::Online, Step::Answer(Device::Phone, Reply::Approve), Step::Poll],
        end: End::Tokens,
    },
    Scenario {
        name: "too-slow",
        title: "Too slow",
        about: "Alice has 30 seconds and takes 31. Time is moved by /dev/clock, so you need not wait.",
        steps: &[
            Step::Ask { expiry: Some(30) },
            Step::Poll,
            Step::Pass { seconds: 31 },
            Step::Answer(Device::Phone, Reply::Approve),
            Step::Poll,
        ],
        end: End::Refused("expired_token"),
    },
    Scenario {
        name: "not-me",
        title: "I did not ask for this",
        about: "Alice is asked out of the blue and reports it: that locks her account. The shop is told a plain no. \
                Dev mode unlocks her before the next question.",
        steps: &[ASK, Step::Poll, Step::Answer(Device::Phone, Reply::Report), Step::Poll],
        end: End::Refused("access_denied"),
    },
    Scenario {
        name: "cancelled",
        title: "Cancelled by the shop",
        about: "The shop withdraws its question. It vanishes from the phone, and its handle is worth nothing.",
        steps: &[ASK, Step::Poll, Step::Cancel, Step::Poll],
        end: End::Refused("invalid_grant"),
    },
    Scenario {
        name: "two-phones",
        title: "Two phones",
        about: "Alice pairs a tablet. Both devices ring, she answers on the tablet, and the phone is told.",
        steps: &[Step::PairTablet, ASK, Step::Poll, Step::Answer(Device::Tablet, Reply::Approve), Step::Poll],
        end: End::Tokens,
    },
];

pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

impl Step {
    /// The step, told to whoever watches.
    pub(super) const fn caption(self) -> &'static str {
        match self {
            Self::Ask { .. } => "The shop asks Alice.",
            Self::Poll => "The shop asks for the tokens.",
            Self::Cancel => "The shop withdraws its question.",
            Self::Answer(_, Reply::Approve) => "Alice picks the number that the shop shows.",
            Self::Answer(_, Reply::ApproveWrongNumber) => "Alice picks another number.",
            Self::Answer(_, Reply::Deny) => "Alice says no.",
            Self::Answer(_, Reply::Report) => "Alice did not ask for this, and says so.",
            Self::Offline => "Alice’s phone goes offline.",
            Self::Online => "Alice’s phone is back.",
            Self::PairTablet => "Alice pairs a tablet.",
            Self::Pass { .. } => "Time passes.",
        }
    }
}
