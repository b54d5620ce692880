//! The phone at work: questions come in, are shown, are answered, and end.

use std::collections::VecDeque;
use std::future::pending;
use std::io::{self, Write};
use std::time::Duration;

use nod_device::client::DeviceClient;
use nod_device::messages::Canceled;
use nod_device::{
    CancelReason, Code, DecisionError, DenyReason, Event, Kind, NewDeviceChoice, Notification, NumberMatching,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::dev_server::DevServer;
use super::question::{self, Typed, clock};
use super::state_file::StateFile;
use super::{Auto, exit, explain};
use crate::cli::exit::{Exit, Why};
use crate::cli::terminal::{Ink, Terminal, safe};

/// What was typed sooner after a question took the place of another was meant for the other.
const REACTION: Duration = Duration::from_secs(1);
/// Before an answer that did not get through is sent again.
const AGAIN: Duration = Duration::from_secs(2);

pub(super) struct Listener<'a, W> {
    pub client: DeviceClient,
    pub dev: DevServer,
    pub file: StateFile,
    pub auto: Option<Auto>,
    pub after: Duration,
    pub once: bool,
    pub terminal: &'a mut Terminal<W>,
}

/// Questions that wait, the oldest first. A person sees one at a time.
type Open = VecDeque<Question>;

struct Question {
    notification: Notification,
    /// When it answers itself.
    answer_at: Option<Instant>,
    expires_at: Instant,
    shown_at: Option<Instant>,
    /// It was shown because another one went away by itself.
    took_the_place: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Approve(Option<u32>),
    Deny(DenyReason),
    Choose(NewDeviceChoice, Option<u32>),
}

impl Answer {
    /// A yes to a new device makes it one of the person's.
    const fn about(self, kind: Kind) -> Self {
        match (kind, self) {
            (Kind::ApproveNewDevice, Self::Approve(number)) => Self::Choose(NewDeviceChoice::Trusted, number),
            (Kind::ApproveNewDevice | Kind::Authentication | Kind::Unknown, answer) => answer,
        }
    }
}

/// What became of a question.
#[derive(Debug)]
enum End {
    Approved,
    Denied,
    Expired,
    Withdrawn,
    AnsweredElsewhere,
    Failed(Exit),
}

impl End {
    fn result(self) -> Result<(), Exit> {
        match self {
            Self::Approved => Ok(()),
            Self::Denied => Err(Exit::told(Why::Denied)),
            Self::Expired => Err(Exit::told(Why::Expired)),
            Self::Withdrawn | Self::AnsweredElsewhere => Err(Exit::told(Why::Conflict)),
            Self::Failed(exit) => Err(Exit::told(exit.why)),
        }
    }
}

/// Whether to go on.
enum Flow {
    On,
    Stop(Result<(), Exit>),
}

impl<W: Write> Listener<'_, W> {
    pub(super) async fn run(&mut self) -> Result<(), Exit> {
        let mut input = if self.auto.is_none() { Some(lines()) } else { None };
        let mut events = self.client.events();
        let mut open = Open::new();
        let mut offline: Option<String> = None;
        loop {
            let next =
                open.iter().flat_map(|question| question.answer_at.into_iter().chain([question.expires_at])).min();
            let flow = tokio::select! {
                event = events.next() => match event {
                    Some(event) => self.hear(event, &mut open, &mut offline)?,
                    None => Flow::Stop(Err(Exit::told(Why::NotPermitted))),
                },
                line = typed(input.as_mut()) => if let Some(line) = line {
                    self.take(&line, &mut open).await?
                } else {
                    self.say(None, "input", "ended: with --auto the phone answers by itself")?;
                    Flow::Stop(Ok(()))
                },
                () = until(next) => self.time_passed(&mut open).await?,
            };
            if let Flow::Stop(result) = flow {
                return result;
            }
            self.show_next(&mut open)?;
        }
    }

    fn say(&mut self, ink: Option<Ink>, what: &str, text: &str) -> io::Result<()> {
        let what = format!("{what:<10}");
        let what = ink.map_or_else(|| what.clone(), |ink| self.terminal.paint(ink, &what));
        self.terminal.line(format!("{}  {what}  {text}", clock(self.client.now())))
    }

    fn hear(&mut self, event: Event, open: &mut Open, offline: &mut Option<String>) -> Result<Flow, Exit> {
        match event {
            Event::Ready => {
                let who =
                    self.client.state().users.iter().map(|paired| safe(&paired.user.username)).collect::<Vec<_>>();
                let text = match offline.take() {
                    Some(_) => "again".to_owned(),
                    None => format!("for {} at {}", who.join(", "), self.client.issuer()),
                };
                self.say(None, "listening", &text)?;
            }
            Event::Notification(notification) => self.arrive(*notification, open)?,
            Event::Canceled(Canceled { notification_id, reason }) => {
                // What this phone answered itself is not open any more.
                if let Some(place) = open.iter().position(|q| q.notification.notification_id == notification_id) {
                    let end = match reason {
                        CancelReason::AlreadyDecided => End::AnsweredElsewhere,
                        CancelReason::Canceled | CancelReason::Unknown => End::Withdrawn,
                        CancelReason::Expired => End::Expired,
                    };
                    return self.end(place, end, open);
                }
            }
            Event::Unpaired => {
                self.file.remove()?;
                self.say(Some(Ink::Bad), "unpaired", "by the server; the key is deleted")?;
                return Ok(Flow::Stop(Err(Exit::told(Why::NotPermitted))));
            }
            Event::Trouble(error) => {
                // Told once: it comes again with each attempt to reconnect.
                if offline.as_deref() != Some(error.code()) {
                    *offline = Some(error.code().to_owned());
                    self.say(Some(Ink::Bad), "offline", &safe(&explain(&error)))?;
                }
            }
        }
        Ok(Flow::On)
    }

    fn arrive(&mut self, notification: Notification, open: &mut Open) -> io::Result<()> {
        let now = Instant::now();
        let left = notification.expires_at.since(self.client.now());
        let answer_at = match self.auto {
            Some(Auto::Approve | Auto::Deny | Auto::WrongNumber) => Some(now + self.after),
            Some(Auto::Ignore) | None => None,
        };
        let mut question =
            Question { notification, answer_at, expires_at: now + left, shown_at: None, took_the_place: false };
        if self.auto.is_some() {
            question::show(&question.notification, self.client.now(), self.terminal)?;
            question.shown_at = Some(now);
        } else if !open.is_empty() {
            self.say(None, "waiting", "one more question, for when this one is done")?;
        }
        open.push_back(question);
        Ok(())
    }

    /// One question at a time is on the screen of a person.
    fn show_next(&mut self, open: &mut Open) -> io::Result<()> {
        let Some(question) = open.front_mut().filter(|question| question.shown_at.is_none()) else { return Ok(()) };
        question::show(&question.notification, self.client.now(), self.terminal)?;
        self.terminal.line(question::prompt(&question.notification))?;
        question.shown_at = Some(Instant::now());
        Ok(())
    }

    /// A line that the person typed, about the question on the screen.
    async fn take(&mut self, line: &str, open: &mut Open) -> Result<Flow, Exit> {
        let Some(question) = open.front() else {
            if line.trim() == "q" {
                return Ok(Flow::Stop(Ok(())));
            }
            if !line.trim().is_empty() {
                self.say(None, "nothing", "to answer yet; q quits")?;
            }
            return Ok(Flow::On);
        };
        if question.took_the_place && question.shown_at.is_some_and(|shown| shown.elapsed() < REACTION) {
            self.say(None, "ignored", "what you typed was for the question before: answer again")?;
            return Ok(Flow::On);
        }
        let answer = match question::read(line, &question.notification) {
            Typed::Approve(number) => Answer::Approve(number),
            Typed::Deny(reason) => Answer::Deny(reason),
            Typed::Choose(choice, number) => Answer::Choose(choice, number),
            Typed::Quit => return Ok(Flow::Stop(Ok(()))),
            Typed::Nothing => return Ok(Flow::On),
            Typed::Unclear(why) => {
                self.say(None, "not clear", why)?;
                return Ok(Flow::On);
            }
        };
        self.answer(0, answer, open).await
    }

    /// Answers what is due, and lets go of what is too late.
    async fn time_passed(&mut self, open: &mut Open) -> Result<Flow, Exit> {
        let now = Instant::now();
        if let Some(place) = open.iter().position(|question| question.expires_at <= now) {
            return self.end(place, End::Expired, open);
        }
        let due = open.iter().position(|question| question.answer_at.is_some_and(|at| at <= now));
        let Some((place, question)) = due.and_then(|place| open.get(place).map(|question| (place, question))) else {
            return Ok(Flow::On);
        };
        match self.decide_alone(&question.notification).await {
            Ok(answer) => self.answer(place, answer, open).await,
            Err(exit) => self.end(place, End::Failed(exit), open),
        }
    }

    /// Only asked when `--auto` says more than to ignore.
    async fn decide_alone(&self, notification: &Notification) -> Result<Answer, Exit> {
        let wrong = self.auto == Some(Auto::WrongNumber);
        if self.auto == Some(Auto::Deny) {
            return Ok(Answer::Deny(DenyReason::None));
        }
        let options = match &notification.number_matching {
            // No number to get wrong: the nearest thing to a wrong answer is a no.
            None if wrong => return Ok(Answer::Deny(DenyReason::None)),
            None => return Ok(Answer::Approve(None)),
            Some(NumberMatching::SelectNumber { options }) => Some(options),
            Some(NumberMatching::EnterManually | NumberMatching::Unknown) => None,
        };
        let right = self.dev.number(&self.username(notification), notification.notification_id).await?;
        let number = match options {
            _ if !wrong => right,
            Some(options) => options.iter().copied().find(|option| *option != right).unwrap_or(right),
            // Two digits, as the right one.
            None => 10 + (right + 1) % 90,
        };
        Ok(Answer::Approve(Some(number)))
    }

    fn username(&self, notification: &Notification) -> String {
        let users = self.client.state().users;
        let paired = users.into_iter().find(|paired| paired.user.user_id == notification.user_id);
        paired.map(|paired| paired.user.username).unwrap_or_default()
    }

    async fn answer(&mut self, place: usize, answer: Answer, open: &mut Open) -> Result<Flow, Exit> {
        let Some(question) = open.get_mut(place) else { return Ok(Flow::On) };
        let answer = answer.about(question.notification.kind);
        let result = match answer {
            // [RFC 8176] a person acted; nothing more is known here, and not even that with --auto.
            Answer::Approve(number) => {
                let amr: &[String] = if self.auto.is_none() { &["user".to_owned()] } else { &[] };
                self.client.approve(&question.notification, number, amr).await
            }
            Answer::Choose(choice, number) => {
                let amr: &[String] = if self.auto.is_none() { &["user".to_owned()] } else { &[] };
                self.client.choose(&question.notification, choice, number, amr).await
            }
            Answer::Deny(reason) => self.client.deny(&question.notification, reason).await,
        };
        let error = match (result, answer) {
            (Ok(()), Answer::Approve(_) | Answer::Choose(NewDeviceChoice::Trusted | NewDeviceChoice::Once, _)) => {
                return self.end(place, End::Approved, open);
            }
            (Ok(()), Answer::Deny(_) | Answer::Choose(NewDeviceChoice::Deny | NewDeviceChoice::Block, _)) => {
                return self.end(place, End::Denied, open);
            }
            (Err(error), _) => error,
        };
        let end = match (&error, error.refusal()) {
            (_, Some(Code::NumberMismatch)) => {
                self.say(Some(Ink::Bad), "wrong", "that is not the number on the asker's screen")?;
                End::Denied
            }
            (_, Some(Code::AlreadyDecided)) => End::AnsweredElsewhere,
            (_, Some(Code::Canceled | Code::NotificationNotFound)) => End::Withdrawn,
            (nod_device::Error::Decision(DecisionError::Expired), _) | (_, Some(Code::Expired)) => End::Expired,
            _ if error.is_retryable() => {
                if self.auto.is_some() {
                    question.answer_at = Some(Instant::now() + error.retry_after().unwrap_or(AGAIN).max(AGAIN));
                }
                self.say(Some(Ink::Bad), "not sent", &safe(&explain(&error)))?;
                return Ok(Flow::On);
            }
            _ => End::Failed(exit(error)),
        };
        self.end(place, end, open)
    }

    fn end(&mut self, place: usize, end: End, open: &mut Open) -> Result<Flow, Exit> {
        let Some(question) = open.remove(place) else { return Ok(Flow::On) };
        let by_itself = matches!(end, End::Expired | End::Withdrawn | End::AnsweredElsewhere);
        if let Some(next) = open.front_mut().filter(|next| next.shown_at.is_none()) {
            next.took_the_place = by_itself;
        }
        let title = safe(&question.notification.title);
        match &end {
            End::Approved => self.say(Some(Ink::Good), "approved", &title)?,
            End::Denied => self.say(Some(Ink::Bad), "denied", &title)?,
            End::Expired => self.say(None, "expired", &title)?,
            End::Withdrawn => self.say(None, "canceled", &format!("withdrawn by the asker: {title}"))?,
            End::AnsweredElsewhere => self.say(None, "canceled", &format!("answered elsewhere: {title}"))?,
            End::Failed(exit) => self.say(Some(Ink::Bad), "failed", &safe(&exit.to_string()))?,
        }
        Ok(if self.once { Flow::Stop(end.result()) } else { Flow::On })
    }
}

/// What the person types, line by line.
///
/// A thread of its own, and not tokio's standard input: a read that has begun cannot be called
/// back, and the end of the program would wait for one more line.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// With `--auto` nobody types, and standard input is left alone: a background job that reads the
/// terminal is stopped.
async fn typed(input: Option<&mut mpsc::Receiver<String>>) -> Option<String> {
    match input {
        Some(input) => input.recv().await,
        None => pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
