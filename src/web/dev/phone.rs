//! A virtual phone: the same library that runs on real ones, with a key of its own, over HTTP.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nod_device::messages::Canceled;
use nod_device::{
    CancelReason, Code, DecisionError, DenyReason, DeviceClient, Event, InstallationInfo, Kind, NewDeviceChoice,
    Notification, NotificationId, NumberMatching, PairedState, PairingKey, UnpairedClient,
};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::web::dev::wire::Wire;

pub(super) struct Phone {
    /// In addresses: `phone`, `tablet`.
    pub id: &'static str,
    /// What it calls itself.
    pub name: &'static str,
    wire: Arc<Wire>,
    clock: Arc<dyn Clock>,
    kept: Kept,
    screen: Mutex<Screen>,
    client: watch::Sender<Option<DeviceClient>>,
    reach: watch::Sender<Reach>,
}

/// What is kept of its pairing, where others may change it.
pub(super) type Kept = Arc<dyn Fn() -> Option<PairedState> + Send + Sync>;

/// What a person sees on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Screen {
    pub connection: Connection,
    /// The oldest first.
    pub questions: Vec<Notification>,
    /// How the last question ended.
    pub last: Option<Ended>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Connection {
    #[default]
    Unpaired,
    Connecting,
    Listening,
    Asleep,
    Offline,
}

/// How it can be told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Online,
    /// It asks when its owner wants to know.
    Asleep,
    Offline,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// The question, if it was one that ended.
    pub notification: Option<NotificationId>,
    pub how: How,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// No question: it has an owner now.
    Paired,
    Approved,
    Denied,
    Reported,
    WrongNumber,
    TooLate,
    Withdrawn,
    AnsweredElsewhere,
    Failed(String),
}

impl How {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Paired => "paired",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Reported => "reported",
            Self::WrongNumber => "wrong_number",
            Self::TooLate => "too_late",
            Self::Withdrawn => "withdrawn",
            Self::AnsweredElsewhere => "answered_elsewhere",
            Self::Failed(why) => why,
        }
    }
}

/// What the person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Approve { number: Option<u32> },
    Deny,
    Report,
}

impl Phone {
    pub(super) fn new(
        id: &'static str,
        name: &'static str,
        wire: Arc<Wire>,
        clock: Arc<dyn Clock>,
        kept: Kept,
    ) -> Arc<Self> {
        let screen = Mutex::default();
        let (client, reach) = (watch::Sender::new(None), watch::Sender::new(Reach::Online));
        Arc::new(Self { id, name, wire, clock, kept, screen, client, reach })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Screen) -> T) -> T {
        let changed = change(&mut self.lock());
        self.wire.touch();
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn screen(&self) -> Screen {
        self.lock().clone()
    }

    pub(super) fn is_paired(&self) -> bool {
        self.client.borrow().is_some()
    }

    pub(super) fn forget_last(&self) {
        self.change(|screen| screen.last = None);
    }

    /// It goes by the time of the server, which dev mode moves.
    fn builder(&self) -> nod_device::DeviceClientBuilder {
        let clock = Arc::clone(&self.clock);
        let clock = Arc::new(move || nod_device::Timestamp::from_millis(clock.now().millis()));
        DeviceClient::builder().clock(clock)
    }

    pub(super) fn restore(&self, state: PairedState) -> Result<(), nod_device::Error> {
        let client = self.builder().restore(state)?;
        self.client.send_replace(Some(client));
        Ok(())
    }

    pub(super) async fn pair(&self, issuer: &str, key: &PairingKey) -> Result<PairedState, nod_device::Error> {
        let info = InstallationInfo {
            platform: std::env::consts::OS.to_uppercase(),
            name: Some(self.name.to_owned()),
            application: Some("nod dev".to_owned()),
            app_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            ..InstallationInfo::default()
        };
        let (client, _) = self.builder().pair(issuer, key, &info).await?;
        let state = client.state();
        self.client.send_replace(Some(client));
        Ok(state)
    }

    /// Takes its owner off it. What its screen shows stays.
    pub(super) async fn unpair(&self) {
        let client = self.client.send_replace(None);
        if let Some(client) = client
            && let Err(error) = client.unpair().await
        {
            tracing::warn!(%error, "a virtual phone could not be unpaired");
        }
        self.change(|screen| {
            screen.connection = Connection::Unpaired;
            screen.questions.clear();
        });
    }

    pub(super) fn set_reach(&self, reach: Reach) {
        self.reach.send_replace(reach);
    }

    /// What its screen says, besides what it hears.
    pub(super) fn says(&self, how: How) {
        self.change(|screen| screen.last = Some(Ended { notification: None, how }));
    }

    /// Looks for questions, as an app does that its owner opens.
    pub(super) async fn pull(&self) -> Result<(), nod_device::Error> {
        let client = self.client.borrow().clone();
        if let Some(client) = client {
            let questions = client.pending().await?;
            self.change(|screen| screen.questions = questions);
        }
        Ok(())
    }

    /// Another phone with this time, which is nobody's yet.
    pub(super) fn strange(&self, issuer: &str) -> Result<UnpairedClient, nod_device::Error> {
        self.builder().unpaired(issuer)
    }

    /// Listens whenever it is paired and online. Does not end.
    pub(super) async fn work(self: Arc<Self>) {
        let (mut clients, mut reach) = (self.client.subscribe(), self.reach.subscribe());
        loop {
            let client = clients.borrow_and_update().clone();
            let reached = *reach.borrow_and_update();
            let changed = async {
                tokio::select! {
                    changed = clients.changed() => changed.is_ok(),
                    changed = reach.changed() => changed.is_ok(),
                }
            };
            let connection = match (&client, reached) {
                (None, _) => Connection::Unpaired,
                (Some(_), Reach::Offline) => Connection::Offline,
                (Some(_), Reach::Asleep) => Connection::Asleep,
                (Some(_), Reach::Online) => Connection::Connecting,
            };
            self.change(|screen| screen.connection = connection);
            let go_on = match client.filter(|_| reached == Reach::Online) {
                None => changed.await,
                Some(client) => {
                    tokio::select! {
                        go_on = changed => go_on,
                        () = self.listen(&client) => {
                            // Unpaired elsewhere: nothing to listen to until it is paired anew.
                            self.client.send_replace(None);
                            true
                        }
                    }
                }
            };
            if !go_on {
                return;
            }
        }
    }

    async fn listen(&self, client: &DeviceClient) {
        let mut events = client.events();
        while let Some(event) = events.next().await {
            self.change(|screen| match event {
                Event::Ready => screen.connection = Connection::Listening,
                Event::Notification(notification) => {
                    let id = notification.notification_id;
                    screen.questions.retain(|known| known.notification_id != id);
                    screen.questions.push(*notification);
                }
                Event::Canceled(Canceled { notification_id, reason }) => screen.end(notification_id, withdrawn(reason)),
                Event::Unpaired => {
                    screen.connection = Connection::Unpaired;
                    screen.questions.clear();
                }
                Event::Trouble(_) => screen.connection = Connection::Connecting,
            });
        }
    }

    /// The person answers. How it ended is on the screen, too.
    pub(super) async fn answer(&self, id: NotificationId, answer: Answer) -> Option<How> {
        let client = self.client.borrow().clone()?;
        let question = self.lock().questions.iter().find(|known| known.notification_id == id).cloned()?;
        let mut sent = send(&client, &question, answer).await;
        if is_unknown(&sent) {
            // Its channel is still open, but `nod phone rotate` may have given it another key meanwhile.
            let again = (self.kept)().and_then(|state| self.builder().restore(state).ok());
            if let Some(again) = again.filter(|again| again.public_jwk() != client.public_jwk()) {
                sent = send(&again, &question, answer).await;
                // Only now: a channel that it opens earlier would tell it of the question again.
                self.client.send_replace(Some(again));
            }
        }
        if is_unknown(&sent) {
            // Unpaired behind its back: it is paired anew when it is needed.
            self.client.send_replace(None);
        }
        let how = match (sent, answer) {
            (Ok(()), Answer::Approve { .. }) => How::Approved,
            (Ok(()), Answer::Deny) => How::Denied,
            (Ok(()), Answer::Report) => How::Reported,
            (Err(error), _) => failed(&error),
        };
        self.change(|screen| {
            if !matches!(how, How::Failed(_)) {
                screen.questions.retain(|known| known.notification_id != id);
            }
            screen.last = Some(Ended { notification: Some(id), how: how.clone() });
        });
        Some(how)
    }

    /// Until the screen is as wanted; `false` when it does not come to that in time.
    pub(super) async fn shows(&self, wanted: impl Fn(&Screen) -> bool, patience: Duration) -> bool {
        let mut changes = self.wire.watch();
        let shown = async {
            while !wanted(&self.screen()) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(patience, shown).await.is_ok() && wanted(&self.screen())
    }
}

async fn send(client: &DeviceClient, question: &Notification, answer: Answer) -> Result<(), nod_device::Error> {
    match answer {
        // A yes to a new device makes it one of the person's.
        Answer::Approve { number } if question.kind == Kind::ApproveNewDevice => {
            client.choose(question, NewDeviceChoice::Trusted, number, &["user".to_owned()]).await
        }
        Answer::Approve { number } => client.approve(question, number, &["user".to_owned()]).await,
        Answer::Deny => client.deny(question, DenyReason::None).await,
        Answer::Report => client.deny(question, DenyReason::ReportFraud).await,
    }
}

fn is_unknown(sent: &Result<(), nod_device::Error>) -> bool {
    sent.as_ref().is_err_and(|error| error.refusal() == Some(&Code::DeviceUnknown))
}

impl Screen {
    /// A question is over. What the person did with it says more than the news that it is over.
    fn end(&mut self, notification: NotificationId, how: How) {
        let known = self.questions.iter().any(|question| question.notification_id == notification);
        self.questions.retain(|question| question.notification_id != notification);
        if known {
            self.last = Some(Ended { notification: Some(notification), how });
        }
    }
}

const fn withdrawn(reason: CancelReason) -> How {
    match reason {
        CancelReason::AlreadyDecided => How::AnsweredElsewhere,
        CancelReason::Canceled | CancelReason::Unknown => How::Withdrawn,
        CancelReason::Expired => How::TooLate,
    }
}

fn failed(error: &nod_device::Error) -> How {
    if let nod_device::Error::Decision(DecisionError::Expired) = error {
        return How::TooLate;
    }
    match error.refusal() {
        Some(Code::NumberMismatch) => How::WrongNumber,
        Some(Code::Expired) => How::TooLate,
        Some(Code::AlreadyDecided) => How::AnsweredElsewhere,
        Some(Code::Canceled | Code::NotificationNotFound) => How::Withdrawn,
        Some(_) | None => How::Failed(error.to_string()),
    }
}

/// The numbers to choose from; none where the question asks for none.
pub(super) fn options(notification: &Notification) -> &[u32] {
    match &notification.number_matching {
        Some(NumberMatching::SelectNumber { options }) => options,
        Some(NumberMatching::EnterManually | NumberMatching::Unknown) | None => &[],
    }
}
