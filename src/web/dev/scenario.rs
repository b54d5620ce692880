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
    /// Nothing: a device was paired.
    Paired,
}

impl End {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Refused(error) => error,
            Self::Paired => "paired",
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
    /// Alice’s phone sleeps: what is pushed to it is lost.
    Asleep,
    /// Alice opens the app on it, which looks for questions.
    Pull,
    /// Somebody signs in at the shop’s app.
    App(At),
    /// Alice pairs a second device.
    PairTablet,
    /// Time passes for the server; nobody waits.
    Pass {
        seconds: u32,
    },
}

/// Where somebody who signs in is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// This person has given name and password.
    Password(&'static str),
    /// Alice is asked on her phone,
    Asked,
    /// and did not answer.
    TimedOut,
    /// She wants a code on another one,
    ChoosesSms,
    /// and types it.
    EntersCode,
    /// The app shows that it is on this phone, which is nobody’s yet;
    ShowsStranger,
    /// or which is a device of the person.
    ShowsTrusted,
    /// The app has the tokens.
    Tokens,
    /// The person takes the phone for a device of theirs.
    Enrols,
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

pub const ALL: [Scenario; 11] = [
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
    Scenario {
        name: "pair-phone",
        title: "Pair a new phone",
        about: "Alice gets a pairing key, twelve digits that work once, and types it on another device. That makes a key \
                of its own there, and is asked from then on, too.",
        steps: &[Step::PairTablet],
        end: End::Paired,
    },
    Scenario {
        name: "lost-push",
        title: "Lost push",
        about: "The phone sleeps, and what is pushed to it is lost. Nothing depends on it: when Alice opens the app, it \
                looks for questions and finds this one.",
        steps: &[Step::Asleep, ASK, Step::Poll, Step::Pull, Step::Answer(Device::Phone, Reply::Approve), Step::Poll],
        end: End::Tokens,
    },
    Scenario {
        name: "silent-sign-in",
        title: "Silent sign-in",
        about: "Bob signs in at the shop’s app with his password, and takes the phone that it is on for a device of his. \
                The next time the app proves by its key that it is there, and nobody is asked.",
        steps: &[
            Step::App(At::Password("bob")),
            Step::App(At::ShowsStranger),
            Step::App(At::Tokens),
            Step::App(At::Enrols),
            Step::App(At::Password("bob")),
            Step::App(At::ShowsTrusted),
            Step::App(At::Tokens),
        ],
        end: End::Tokens,
    },
    Scenario {
        name: "sms-fallback",
        title: "SMS fallback",
        about: "Alice signs in at the shop’s app and is asked on her phone, which is not at hand. After 40 seconds she \
                takes a code by SMS instead: it is at /dev/inbox. Time is moved by /dev/clock.",
        steps: &[
            Step::App(At::Password("alice")),
            Step::App(At::Asked),
            Step::Pass { seconds: 41 },
            Step::App(At::TimedOut),
            Step::App(At::ChoosesSms),
            Step::App(At::EntersCode),
            Step::App(At::Tokens),
        ],
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
            Self::Asleep => "Alice’s phone sleeps.",
            Self::Pull => "Alice opens the app on her phone.",
            Self::App(At::Password(_)) => "Somebody signs in at the shop’s app: name and password.",
            Self::App(At::Asked) => "The phone of Alice is asked, too.",
            Self::App(At::TimedOut) => "Nobody has answered.",
            Self::App(At::ChoosesSms) => "Alice takes a code by SMS instead.",
            Self::App(At::EntersCode) => "She reads the code in the inbox, and types it.",
            Self::App(At::ShowsStranger) => "The app proves which phone it is on: nobody’s yet.",
            Self::App(At::ShowsTrusted) => "The app proves that it is on Bob’s phone. Nobody is asked.",
            Self::App(At::Tokens) => "The app gets its tokens.",
            Self::App(At::Enrols) => "Bob takes the phone for a device of his.",
            Self::PairTablet => "Alice pairs a tablet.",
            Self::Pass { .. } => "Time passes.",
        }
    }
}
