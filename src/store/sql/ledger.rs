//! What must never be lost, written in groups: decisions, grants, the audit trail.
//!
//! A commit costs the disk the same for one row as for a hundred. So everyone who has something to
//! commit hands it to one task, which takes all that waits and commits it together; while it does,
//! the next group gathers. A single item goes at once; only where many come, there is a moment's pause
//! between two groups.
//!
//! An answer means that the transaction was committed. No answer means nothing: it may have been.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};
use tracing::{error, warn};
use uuid::Uuid;

use super::{Database, PATIENCE, bounded};
use crate::domain::audit::Event;
use crate::domain::authentication_request::Decision;
use crate::domain::decision::Record;
use crate::domain::grant::{Grant, StoredAccessToken, StoredRefreshToken};
use crate::domain::mobile_app::Stands;
use crate::domain::ping::Ping;
use crate::failpoint::waiting;
use crate::metrics::metrics;
use crate::protocol::id::{RequestId, SessionId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::consents::Given;

mod group;

use group::group;

/// Items of one kind in one transaction.
const GROUP: usize = 128;

/// Items that may wait before whoever brings another one waits too.
const QUEUE: usize = 1024;

/// What nobody waits for goes along with the next commit, or by itself after this long.
const GATHER: Duration = Duration::from_millis(20);

/// Where this many were committed together, those who were just answered will soon be back. As long as the
/// last commit took is waited for them, so that they share the next one instead of taking turns with those
/// who came in between: everybody waits for fewer commits.
const BUSY: usize = 4;
const LONGEST_STEP_BACK: Duration = Duration::from_millis(4);

/// After an audit event could not be written, the next try.
const PAUSE: Duration = Duration::from_millis(200);

/// How often a server that stops tries to write what is left.
const TRIES_AT_THE_END: u32 = 5;

/// Who decided a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    First,
    /// Somebody else had decided, and this stands.
    Already(Decision),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    First,
    /// The request has its grant.
    Already,
    /// The session ended in which it was to be given. Nothing is given after that.
    SessionEnded,
    /// The person took back what they had agreed to. Nothing is given after that either.
    ConsentWithdrawn,
}

/// What a grant is given for, and that must not have ended by the moment in which it is committed.
#[derive(Clone, Debug, Default)]
pub struct Rests {
    pub session: Option<SessionId>,
    /// What the person must have agreed to.
    pub consent: Option<Given>,
}

/// Commits in groups. Clones share one queue.
#[derive(Clone, Debug)]
pub struct Ledger {
    commits: mpsc::Sender<Commit>,
    notes: mpsc::Sender<Note>,
}

#[derive(Debug)]
enum Commit {
    Decide {
        record: Record,
        event: Event,
        also: Also,
        answer: Answer<Decided>,
    },
    Grant {
        grant: Box<Grant>,
        on: Rests,
        refresh: Option<StoredRefreshToken>,
        access: Option<StoredAccessToken>,
        event: Event,
        answer: Answer<Granted>,
    },
}

/// What is committed with a decision, where there is something.
#[derive(Debug, Default)]
pub struct Also {
    /// The person is locked, and this is recorded when that changes anything. The directory is not told: whoever
    /// wants this node to know at once has it look.
    pub locked: Option<Event>,
    /// The client waits to hear of it.
    pub ping: Option<Box<Ping>>,
    /// What the person has said of an app.
    pub stands: Option<Box<Stands>>,
}

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What nobody waits for.
#[derive(Debug)]
enum Note {
    Event(Event),
    Told(Uuid),
}

impl Ledger {
    /// The future writes. It ends when every clone of the ledger is gone and the last item is
    /// written; until then it must run.
    pub fn new(database: Database) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (commits, commits_to_write) = mpsc::channel(QUEUE);
        let (notes, notes_to_write) = mpsc::channel(QUEUE);
        let writer = Writer { database, commits: commits_to_write, notes: notes_to_write };
        (Self { commits, notes }, writer.run())
    }

    /// Commits a decision, its event, and an outbox row that has its arrival checked a second later,
    /// when a store that forgets its last second has had the time to. All of it or, when somebody was
    /// faster, nothing.
    pub async fn decide(&self, record: Record, event: Event) -> Result<Decided, StoreError> {
        self.decide_and(record, event, Also::default()).await
    }

    /// The same, and what goes with it, in the same transaction.
    pub async fn decide_and(&self, record: Record, event: Event, also: Also) -> Result<Decided, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.commit(Commit::Decide { record, event, also, answer }, answered).await
    }

    /// Commits what one approval gave. All of it or, when the request has a grant already, nothing.
    pub async fn grant(
        &self,
        grant: Grant,
        refresh: Option<StoredRefreshToken>,
        access: Option<StoredAccessToken>,
        event: Event,
    ) -> Result<Granted, StoreError> {
        let on = Rests { session: grant.session, consent: None };
        self.grant_on(on, grant, refresh, access, event).await
    }

    /// The same for a grant that rests on more, or outlives the session in which it is given.
    pub async fn grant_on(
        &self,
        on: Rests,
        grant: Grant,
        refresh: Option<StoredRefreshToken>,
        access: Option<StoredAccessToken>,
        event: Event,
    ) -> Result<Granted, StoreError> {
        let (answer, answered) = oneshot::channel();
        let grant = Box::new(grant);
        self.commit(Commit::Grant { grant, on, refresh, access, event, answer }, answered).await
    }

    async fn commit<T>(
        &self,
        item: Commit,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let committed = async {
            self.commits.send(item).await.map_err(|_| StoreError::unavailable("the ledger is closed"))?;
            answered.await.map_err(|_| StoreError::unavailable("the ledger is closed"))?
        };
        bounded(committed).await
    }

    /// Records an event that belongs to no other commit. It is kept until the database takes it;
    /// when too many wait already, whoever brings one waits as well.
    pub async fn audit(&self, event: Event) {
        if self.note(Note::Event(event)).await.is_err() {
            error!("an audit event was lost: too many wait for the database");
        }
    }

    /// An outbox row is not needed any more, once the events that were brought before are written. When too many wait
    /// already, it comes again.
    pub async fn done(&self, row: Uuid) {
        let _ = self.note(Note::Told(row)).await;
    }

    async fn note(&self, note: Note) -> Result<(), Elapsed> {
        if let Err(mpsc::error::SendError(note)) = timeout(waiting(PATIENCE), self.notes.send(note)).await? {
            lost(&note);
        }
        Ok(())
    }

    /// A decision was told to everyone: its outbox row is not needed any more.
    pub fn told(&self, request: RequestId) {
        // Not worth waiting for: the worker tells once more, which changes nothing.
        let _ = self.notes.try_send(Note::Told(request.uuid()));
    }
}

fn lost(note: &Note) {
    match note {
        Note::Event(event) => error!(?event, "an audit event was lost"),
        Note::Told(_) => {}
    }
}

struct Writer {
    database: Database,
    commits: mpsc::Receiver<Commit>,
    notes: mpsc::Receiver<Note>,
}

impl Writer {
    async fn run(mut self) {
        let mut commits = Vec::with_capacity(GROUP);
        // Kept until they are written. While some are, no more are taken, and the queue fills.
        let mut notes = Vec::with_capacity(GROUP);
        let mut open = true;
        let mut failures = 0_u32;
        let mut last = (0, Duration::ZERO);
        loop {
            // Commits that failed were answered; what nobody waits for is what has to be tried again.
            let failed = failures > 0 && !notes.is_empty();
            tokio::select! {
                taken = self.commits.recv_many(&mut commits, GROUP), if open => open = taken > 0,
                taken = self.notes.recv_many(&mut notes, GROUP), if open && !failed && notes.is_empty() => {
                    open = taken > 0;
                    continue;
                }
                () = sleep(if failed { PAUSE } else { GATHER }), if !notes.is_empty() => {}
                else => {}
            }
            // Whoever can bring something just now comes along.
            yield_now().await;
            self.take(&mut commits);
            let (size, took) = last;
            if size >= BUSY && commits.len() < size {
                sleep(took.min(LONGEST_STEP_BACK)).await;
                self.take(&mut commits);
            }
            while !failed && notes.len() < GROUP && self.notes.try_recv().map(|note| notes.push(note)).is_ok() {}

            let (size, start) = (commits.len(), Instant::now());
            failures = if self.write(&mut commits, &mut notes).await { 0 } else { failures.saturating_add(1) };
            last = (size, start.elapsed());
            if !open && failures >= TRIES_AT_THE_END {
                notes.iter().for_each(lost);
                return;
            }
            if !open && failures == 0 && self.commits.is_empty() && self.notes.is_empty() {
                return;
            }
        }
    }

    fn take(&mut self, commits: &mut Vec<Commit>) {
        while commits.len() < GROUP && self.commits.try_recv().map(|item| commits.push(item)).is_ok() {}
    }

    /// Whether the notes were written. The commits are answered in any case.
    async fn write(&self, commits: &mut Vec<Commit>, notes: &mut Vec<Note>) -> bool {
        // Whoever has given up is told nothing any more, so nothing is done for them.
        commits.retain(|item| !item.is_abandoned());
        if commits.is_empty() && notes.is_empty() {
            return true;
        }
        let size = commits.len() + notes.len();
        let written = bounded(group(&self.database, commits, notes)).await;
        metrics().group(size, written.is_err());
        match written {
            Ok(outcomes) => {
                notes.clear();
                answer(commits, outcomes.into_iter().map(Ok));
                true
            }
            Err(error) if error.is_about_rows() && commits.len() + notes.len() > 1 => {
                warn!(%error, "a group could not be committed; each of its items is tried by itself");
                self.write_singly(commits, notes).await
            }
            Err(error) => {
                let error = error.unexpected();
                warn!(%error, commits = commits.len(), notes = notes.len(), "a group could not be committed");
                let text = error.to_string();
                answer(commits, std::iter::repeat_with(|| Err(StoreError::unavailable(text.clone()))));
                false
            }
        }
    }

    async fn write_singly(&self, commits: &mut Vec<Commit>, notes: &mut Vec<Note>) -> bool {
        for item in commits.drain(..) {
            if item.is_abandoned() {
                continue;
            }
            let mut item = vec![item];
            let outcome = match bounded(group(&self.database, &mut item, &[])).await {
                Ok(mut outcomes) => outcomes.pop().ok_or(StoreError::Corrupt("an item without an outcome")),
                Err(error) => Err(error.unexpected()),
            };
            answer(&mut item, std::iter::once(outcome));
        }
        let mut kept = Vec::new();
        for note in notes.drain(..) {
            let note = [note];
            match bounded(group(&self.database, &mut Vec::new(), &note)).await {
                Ok(_) => {}
                Err(error) if error.is_about_rows() => note.iter().for_each(lost),
                Err(_) => kept.extend(note),
            }
        }
        *notes = kept;
        notes.is_empty()
    }
}

impl Commit {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Decide { answer, .. } => answer.is_closed(),
            Self::Grant { answer, .. } => answer.is_closed(),
        }
    }
}

/// What became of one item.
enum Outcome {
    Decided(Decided),
    Granted(Granted),
}

fn answer(commits: &mut Vec<Commit>, outcomes: impl Iterator<Item = Result<Outcome, StoreError>>) {
    for (item, outcome) in commits.drain(..).zip(outcomes) {
        match (item, outcome) {
            (Commit::Decide { answer, .. }, Ok(Outcome::Decided(decided))) => drop(answer.send(Ok(decided))),
            (Commit::Grant { answer, .. }, Ok(Outcome::Granted(granted))) => drop(answer.send(Ok(granted))),
            (Commit::Decide { answer, .. }, Err(error)) => drop(answer.send(Err(error))),
            (Commit::Grant { answer, .. }, Err(error)) => drop(answer.send(Err(error))),
            // An outcome of the other kind cannot be; dropping the sender says "closed".
            (Commit::Decide { .. }, Ok(Outcome::Granted(_))) | (Commit::Grant { .. }, Ok(Outcome::Decided(_))) => {}
        }
    }
}
