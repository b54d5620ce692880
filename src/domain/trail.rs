//! The audit trail as a chain. Each row has a hash over the hash before it, its number, its time, its
//! result, and a digest of all that it says. Whoever remembers one hash can tell later whether anything
//! up to that row was changed, taken out, put in or put elsewhere.
//!
//! What retention takes leaves its number, time, result and digest, so the chain can still be computed.
//! Time and result are in the hash by themselves: that shows whether the row was due.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ring::digest::{Context, SHA256};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::domain::audit::{Actor, Event, Outcome};
use crate::protocol::id::{DeviceId, RequestId, UserId};

/// How long an event is kept: as long as somebody may have to answer for it.
pub const KEPT: Duration = Duration::from_secs(400 * 86_400);

/// How long a refusal is: whoever knocks at the door fills the trail with them.
pub const REFUSALS_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// The clock of who verifies may be behind the clock of who has taken a row.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3600);

pub type Hash = [u8; 32];

/// How far the chain goes: the number of its last row, and the hash there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub hash: Hash,
}

impl Head {
    /// The next row. `None`: there are no more numbers.
    pub fn then(&self, at: Timestamp, result: &str, content: &Hash) -> Option<Self> {
        let seq = self.seq.checked_add(1)?;
        let mut context = Context::new(&SHA256);
        context.update(&self.hash);
        context.update(&seq.to_be_bytes());
        context.update(&at.millis().to_be_bytes());
        field(&mut context, b'r', result.as_bytes());
        context.update(content);
        Some(Self { seq, hash: finish(context) })
    }
}

/// Before the first row.
pub const NOTHING: Hash = [0; 32];

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex(&self.hash))
    }
}

impl FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "a head is a number, a colon and 64 hexadecimal digits, as `nod audit verify` prints it";
        let (seq, hash) = text.split_once(':').ok_or(SHAPE)?;
        let (digits, rest) = hash.as_bytes().as_chunks::<2>();
        let bytes = digits.iter().map(|digits| {
            let digits = str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        });
        let bytes: Option<Vec<u8>> = bytes.collect();
        let hash = bytes.filter(|_| rest.is_empty()).and_then(|bytes| bytes.try_into().ok()).ok_or(SHAPE)?;
        Ok(Self { seq: seq.parse().map_err(|_| SHAPE)?, hash })
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What an event says, besides its time and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub id: Uuid,
    pub action: String,
    pub reason: Option<String>,
    pub client: Option<String>,
    pub user: Option<Uuid>,
    pub device: Option<Uuid>,
    pub request: Option<Uuid>,
    pub actor: Option<String>,
}

impl Content {
    pub fn of(event: &Event) -> Self {
        Self {
            id: event.id,
            action: event.action.as_str().to_owned(),
            // PostgreSQL keeps no NUL in a text, and one bad event must not hold up its group.
            reason: event.reason.as_ref().map(|reason| reason.replace('\0', "\u{fffd}")),
            client: event.client.as_ref().map(|client| client.as_str().to_owned()),
            user: event.user.map(UserId::uuid),
            device: event.device.map(DeviceId::uuid),
            request: event.request.map(RequestId::uuid),
            actor: event.actor.as_ref().map(Actor::text),
        }
    }

    /// Each field that is there: its letter, its length, its bytes. A field that comes later changes no
    /// digest of before.
    pub fn digest(&self) -> Hash {
        let mut context = Context::new(&SHA256);
        context.update(b"nod audit 1");
        field(&mut context, b'i', self.id.as_bytes());
        field(&mut context, b'a', self.action.as_bytes());
        for (letter, text) in [(b'w', &self.reason), (b'c', &self.client), (b'b', &self.actor)] {
            if let Some(text) = text {
                field(&mut context, letter, text.as_bytes());
            }
        }
        for (letter, id) in [(b'u', &self.user), (b'd', &self.device), (b'q', &self.request)] {
            if let Some(id) = id {
                field(&mut context, letter, id.as_bytes());
            }
        }
        finish(context)
    }
}

fn field(context: &mut Context, letter: u8, bytes: &[u8]) {
    context.update(&[letter]);
    context.update(&(bytes.len() as u64).to_be_bytes());
    context.update(bytes);
}

fn finish(context: Context) -> Hash {
    let mut hash = NOTHING;
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// One row of the trail, as it is stored.
#[derive(Clone, Debug)]
pub struct Entry {
    pub seq: i64,
    pub at: Timestamp,
    pub result: String,
    /// Not there in a row that was written around the chain.
    pub hash: Option<Hash>,
    pub said: Said,
}

#[derive(Clone, Debug)]
pub enum Said {
    Kept(Content),
    /// What is left when retention has taken the rest: the digest.
    Taken(Hash),
}

/// What is wrong, at the first row where something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    pub seq: i64,
    pub flaw: Flaw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    Missing,
    /// The row, or its hash, or the hash before it.
    Changed,
    Unchained,
    TakenTooEarly,
    /// The trail begins with a row that is not old enough for those before it to be gone.
    BeginsTooLate,
    /// The trail does not hold what somebody remembers of it.
    NotRemembered,
}

impl Flaw {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Unchained => "unchained",
            Self::TakenTooEarly => "taken_too_early",
            Self::BeginsTooLate => "begins_too_late",
            Self::NotRemembered => "not_remembered",
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match self.flaw {
            Flaw::Missing => write!(f, "row {seq} is missing"),
            Flaw::Changed => write!(f, "row {seq} does not follow from the rows before it: it, or they, were changed"),
            Flaw::Unchained => write!(f, "row {seq} has no hash: it was not written by a server"),
            Flaw::TakenTooEarly => write!(f, "row {seq} was emptied before its time"),
            Flaw::BeginsTooLate => write!(f, "the trail begins with row {seq}, and those before it were not due"),
            Flaw::NotRemembered => write!(f, "row {seq} is not there, or not the one that was remembered"),
        }
    }
}

/// Goes along the trail, row by row.
#[derive(Clone, Debug)]
pub struct Walk {
    head: Head,
    start: Start,
    remembered: Option<Head>,
    now: Timestamp,
    pub kept: u64,
    pub taken: u64,
}

/// What the first row of a walk has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The row after the head.
    Next,
    /// The same, and old enough for those before it to be gone.
    Old,
    /// The one that is remembered: the hash before it is not known.
    Remembered,
}

impl Walk {
    /// From the beginning of what is stored. `remembered` has to be met on the way.
    pub fn whole(begin: Head, remembered: Option<Head>, now: Timestamp) -> Self {
        let start = if begin.hash == NOTHING { Start::Next } else { Start::Old };
        Self { head: begin, start, remembered, now, kept: 0, taken: 0 }
    }

    /// From a row that somebody remembers: it is the first to be shown, and those after it are looked at.
    pub const fn on_from(remembered: Head, now: Timestamp) -> Self {
        let before = Head { seq: remembered.seq.saturating_sub(1), hash: NOTHING };
        Self { head: before, start: Start::Remembered, remembered: Some(remembered), now, kept: 0, taken: 0 }
    }

    /// Where the walk is.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    pub fn step(&mut self, entry: &Entry) -> Result<(), Broken> {
        let broken = |seq, flaw| Err(Broken { seq, flaw });
        let Some(hash) = entry.hash else { return broken(entry.seq, Flaw::Unchained) };
        let head = Head { seq: entry.seq, hash };
        let remembered = self.remembered.take_if(|remembered| remembered.seq <= entry.seq);
        let start = std::mem::replace(&mut self.start, Start::Next);
        if start == Start::Remembered {
            if remembered != Some(head) {
                return broken(self.head.seq + 1, Flaw::NotRemembered);
            }
            self.head = head;
            return Ok(());
        }
        let content = match &entry.said {
            Said::Kept(content) => content.digest(),
            Said::Taken(content) => *content,
        };
        let Some(expected) = self.head.then(entry.at, &entry.result, &content) else {
            return broken(entry.seq, Flaw::Changed);
        };
        if entry.seq != expected.seq {
            return broken(expected.seq, Flaw::Missing);
        }
        if hash != expected.hash {
            return broken(entry.seq, Flaw::Changed);
        }
        if let Some(remembered) = remembered.filter(|remembered| *remembered != head) {
            return broken(remembered.seq, Flaw::NotRemembered);
        }
        let now = self.now + CLOCKS_DIFFER;
        if start == Start::Old && now < entry.at + KEPT {
            return broken(entry.seq, Flaw::BeginsTooLate);
        }
        match entry.said {
            Said::Kept(_) => self.kept += 1,
            Said::Taken(_) => {
                let kept = if entry.result == Outcome::Refused.as_str() { REFUSALS_KEPT } else { KEPT };
                if now < entry.at + kept {
                    return broken(entry.seq, Flaw::TakenTooEarly);
                }
                self.taken += 1;
            }
        }
        self.head = head;
        Ok(())
    }

    /// After the last row.
    pub const fn end(&self) -> Result<Head, Broken> {
        match self.remembered {
            Some(Head { seq, .. }) => Err(Broken { seq, flaw: Flaw::NotRemembered }),
            None => Ok(self.head),
        }
    }
}
