//! Plays scenarios: each step is carried out by the actor whose it is, and waited for.

use std::time::Duration;

use nod_device::NotificationId;
use serde::Serialize;

use crate::web::dev::phone::{Answer, Connection, How, Phone, Reach, Screen, options};
use crate::web::dev::scenario::{At, Device, End, Reply, Scenario, Step};
use crate::web::dev::shop::{Polled, Trouble};
use crate::web::dev::sign_in::{News, SignIn};
use crate::web::dev::stage::{PATIENCE, Stage, Status};
use crate::web::dev::summary::Line;

/// How a scenario ended.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub scenario: &'static str,
    pub request: Option<String>,
    /// What the shop was told last: `tokens`, or an error of the token endpoint. Else what went wrong.
    pub end: String,
    /// Whether this is the end that the scenario tells of.
    pub as_told: bool,
    pub devices: Vec<Shown>,
    pub messages: Vec<Line>,
}

/// What one of alice's devices shows in the end.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub device: &'static str,
    pub shows: Option<String>,
}

pub(super) async fn play(stage: &Stage, scenario: &'static Scenario, pace: Duration) -> Outcome {
    stage.change(|now| now.playing = Some(scenario));
    stage.withdraw().await;
    // Whatever has to be set right first is no part of the story.
    let ready = stage.have_phone().await;
    let generation = stage.begin(Some(scenario));
    let mut play = Play { stage, generation, polled: None, sign_in: SignIn::default() };
    let played = match ready {
        Ok(()) => play.all(scenario.steps, pace).await,
        Err(trouble) => Err(trouble),
    };
    let Play { polled, sign_in, .. } = play;
    let end = match (played, polled) {
        (Err(trouble), _) => trouble.to_string(),
        (Ok(()), Some(Polled::Tokens(_))) => "tokens".to_owned(),
        (Ok(()), Some(Polled::Refused(refused))) => refused.error,
        (Ok(()), None) if stage.tablet.is_paired() => End::Paired.as_str().to_owned(),
        (Ok(()), Some(Polled::NotYet { .. }) | None) => "nothing".to_owned(),
    };
    let order = stage.now().order;
    let since = order.as_ref().map_or(0, |order| order.since);
    let messages = stage.wire.messages().into_iter().filter(|message| message.number > since);
    let messages = messages.map(|message| Line::of(&stage.wire, &message)).collect();
    // Nothing stays behind but what is on the screens.
    sign_in.tidy(stage).await;
    stage.phone.set_reach(Reach::Online);
    if stage.tablet.is_paired() {
        stage.tablet.unpair().await;
    }
    stage.change(|now| {
        now.playing = None;
        now.caption = "";
    });
    Outcome {
        scenario: scenario.name,
        request: order.and_then(|order| order.request).map(|request| request.to_string()),
        as_told: end == scenario.end.as_str(),
        end,
        devices: stage.devices().map(|phone| Shown { device: phone.id, shows: shown(phone) }).into(),
        messages,
    }
}

fn shown(phone: &Phone) -> Option<String> {
    phone.screen().last.map(|ended| ended.how.as_str().to_owned())
}

struct Play<'s> {
    stage: &'s Stage,
    generation: u64,
    polled: Option<Polled>,
    sign_in: SignIn,
}

impl Play<'_> {
    async fn all(&mut self, steps: &[Step], pace: Duration) -> Result<(), Trouble> {
        for step in steps {
            self.stage.change(|now| now.caption = step.caption());
            tokio::time::sleep(pace).await;
            self.carry_out(*step).await?;
        }
        // The last step is to be seen, too.
        tokio::time::sleep(pace / 2).await;
        Ok(())
    }

    async fn carry_out(&mut self, step: Step) -> Result<(), Trouble> {
        let stage = self.stage;
        match step {
            Step::Ask { expiry } => {
                stage.ask(self.generation, expiry).await;
                let question = self.question()?;
                for device in stage.devices() {
                    if device.screen().connection == Connection::Listening {
                        self.shows(device, question).await?;
                    }
                }
            }
            Step::Poll => self.polled = stage.poll(self.generation).await,
            Step::Cancel => stage.withdraw().await,
            Step::Answer(device, reply) => self.answer(device, reply).await?,
            Step::Offline => {
                stage.phone.set_reach(Reach::Offline);
                stage.phone.shows(|screen| screen.connection == Connection::Offline, PATIENCE).await;
            }
            Step::Asleep => {
                stage.phone.set_reach(Reach::Asleep);
                stage.phone.shows(|screen| screen.connection == Connection::Asleep, PATIENCE).await;
            }
            Step::Pull => stage.phone.pull().await.map_err(|error| Trouble(error.to_string()))?,
            Step::App(at) => self.at_the_app(at).await?,
            Step::Online => {
                stage.phone.set_reach(Reach::Online);
                self.shows(&stage.phone, self.question()?).await?;
            }
            Step::PairTablet => stage.pair_tablet(self.generation).await?,
            Step::Pass { seconds } => {
                stage.clock.advance(Duration::from_secs(seconds.into()));
                stage.wire.touch();
            }
        }
        Ok(())
    }

    async fn at_the_app(&mut self, at: At) -> Result<(), Trouble> {
        let stage = self.stage;
        match self.sign_in.carry_out(stage, at).await? {
            News::Begun(request, question) => {
                stage.signing_in(self.generation, request, question);
                if let Some(question) = question.filter(|_| at == At::Asked) {
                    self.shows(&stage.phone, question).await?;
                }
                if let Some(question) = question.filter(|_| at == At::TimedOut) {
                    stage.until_told(question).await;
                }
            }
            News::SignedIn(paid) => {
                stage.signed_in(self.generation, paid.clone());
                self.polled = Some(Polled::Tokens(paid));
            }
            News::None => {}
        }
        Ok(())
    }

    fn question(&self) -> Result<NotificationId, Trouble> {
        let order = self.stage.now().order.ok_or_else(|| Trouble("the shop has not asked".to_owned()))?;
        match order.status {
            Status::Refused(refused) => Err(Trouble(refused.error)),
            Status::Trouble(trouble) => Err(Trouble(trouble)),
            Status::Asking
            | Status::Waiting
            | Status::Paid(_)
            | Status::SigningIn
            | Status::SignedIn(_)
            | Status::Paired
            | Status::Withdrawn => order.notification.ok_or_else(|| Trouble("the question is not known".to_owned())),
        }
    }

    async fn shows(&self, device: &Phone, question: NotificationId) -> Result<(), Trouble> {
        let shown = |screen: &Screen| screen.questions.iter().any(|known| known.notification_id == question);
        if device.shows(shown, PATIENCE).await {
            Ok(())
        } else {
            Err(Trouble(format!("{} does not show the question", device.name)))
        }
    }

    async fn answer(&self, device: Device, reply: Reply) -> Result<(), Trouble> {
        let device = match device {
            Device::Phone => &self.stage.phone,
            Device::Tablet => &self.stage.tablet,
        };
        let question = self.question()?;
        self.shows(device, question).await?;
        let right = self.stage.now().order.and_then(|order| order.asked).and_then(|asked| asked.number());
        let screen = device.screen();
        let shown = screen.questions.iter().find(|known| known.notification_id == question);
        let wrong = shown.and_then(|shown| options(shown).iter().copied().find(|option| Some(*option) != right));
        let answer = match reply {
            Reply::Approve => Answer::Approve { number: right },
            Reply::ApproveWrongNumber => Answer::Approve { number: wrong },
            Reply::Deny => Answer::Deny,
            Reply::Report => Answer::Report,
        };
        match device.answer(question, answer).await {
            // The phone sees for itself that it is too late, and asks nobody.
            Some(How::TooLate) => Ok(()),
            Some(How::Failed(why)) => Err(Trouble(why)),
            None => Err(Trouble(format!("{} cannot answer", device.name))),
            Some(_) => {
                self.stage.until_told(question).await;
                Ok(())
            }
        }
    }
}
