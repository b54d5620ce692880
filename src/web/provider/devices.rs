//! Our own pages of a second factor: which device is asked, and whether there is an answer.

use poem::Response;
use serde_json::{Value, json};

use super::pressed::CHOSEN;
use crate::domain::authentication_request::Challenge;
use crate::domain::device::{About, Device};
use crate::domain::flow::{Flow, SecondFactor};
use crate::protocol::flow_api::{Action, Status};
use crate::protocol::parameters::Parameters;
use crate::usecase::sign_in::Seen;
use crate::web::sign_in::push::{Number, State};
use crate::web::sign_in::{Around, Form, method, push};
use crate::words::Foreign;

/// What a link of the page that waits says, to where another device is chosen.
pub(super) const ANOTHER: &str = "device";

/// The page of a second factor that somebody has to do something about. `None`: an application runs it.
pub(super) fn page(seen: &Seen, amiss: Amiss, form: Form, (around, here): (&Around<'_>, &str)) -> Option<Response> {
    let state = match &seen.flow.second_factor {
        None => State::Ask,
        Some(SecondFactor::Choosing(_)) => return Some(choice(seen, amiss.of_choice, form, around)),
        Some(SecondFactor::Waiting(_)) if seen.answered => State::Answered,
        Some(SecondFactor::Waiting(_)) => State::Waiting(number(&seen.flow)),
        Some(SecondFactor::TimedOut(_)) => State::TimedOut,
        Some(SecondFactor::Rejected) => State::Rejected,
        Some(
            SecondFactor::Authorized(_) | SecondFactor::Waived | SecondFactor::Pairing(_) | SecondFactor::Failed(_),
        ) => return None,
    };
    let asks = matches!(state, State::Waiting(_) | State::TimedOut);
    let another = asks && seen.devices.len() > 1;
    let others = another.then(|| format!("{here}?{CHOSEN}={ANOTHER}"));
    let view = push::View { form, state, device: selected(seen), others, too_often: amiss.too_often };
    Some(push::render(&view, around))
}

/// What is wrong with what somebody just did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amiss {
    pub(super) too_often: bool,
    pub(super) of_choice: Option<method::Problem>,
}

/// Whether somebody may say that they want to be asked on another device.
pub(super) fn may_choose(seen: &Seen) -> bool {
    seen.flow.actions().contains(&Action::SelectDevice)
}

pub(super) fn choice(seen: &Seen, problem: Option<method::Problem>, form: Form, around: &Around<'_>) -> Response {
    let asked = seen.flow.second_factor.as_ref().and_then(SecondFactor::pushed).map(|pushed| pushed.selected);
    let devices = seen.devices.iter().zip(0..);
    let methods = devices.map(|(own, at)| method::Method {
        id: own.0.id.to_string(),
        kind: method::Kind::Phone(name(own)),
        chosen: asked.map_or(at == 0, |asked| asked == own.0.id),
    });
    method::render(&method::View { form, methods: methods.collect(), may_cancel: true, problem }, around)
}

/// The action that a pressed button is.
pub(super) fn action(seen: &Seen, form: &Parameters) -> Option<(Action, Value)> {
    let nothing = || json!({});
    let select = |device: &str| (Action::SelectDevice, json!({ "deviceRef": { "id": device } }));
    match (seen.flow.status(), form.get("action")) {
        (Status::AuthenticationRequired, Some("ask")) => Some((Action::Authenticate, nothing())),
        (Status::PushConfirmationWaiting, Some("poll")) => Some((Action::Poll, nothing())),
        (Status::PushConfirmationTimedOut, Some("again")) => {
            let pushed = seen.flow.second_factor.as_ref()?.pushed()?;
            Some(select(&pushed.selected.to_string()))
        }
        (_, Some("continue")) if may_choose(seen) => Some(select(form.get("method").unwrap_or_default())),
        (_, Some("cancel")) => Some((Action::CancelAuthentication, nothing())),
        (_, _) => None,
    }
}

/// What our pages do by themselves, once something is done.
pub(super) fn goes_on(status: Status) -> Option<Action> {
    [
        (Status::Canceled, Action::ContinueAuthentication),
        (Status::MfaCompleted, Action::ContinueAuthentication),
        (Status::MfaFailed, Action::CancelAuthentication),
    ]
    .into_iter()
    .find_map(|(of, action)| (of == status).then_some(action))
}

fn number(flow: &Flow) -> Option<Number> {
    let challenge = flow.waits_for()?.challenge;
    Some(Number { number: challenge.number()?, typed: matches!(challenge, Challenge::Type { .. }) })
}

/// As the person knows it.
fn name((device, about): &(Device, About)) -> Foreign {
    let says = about.name.as_ref().or(about.model.as_ref()).or(about.platform.as_ref());
    Foreign::name(device.nickname.as_ref().or(says).map(String::as_str).unwrap_or_default())
}

fn selected(seen: &Seen) -> Foreign {
    let pushed = seen.flow.second_factor.as_ref().and_then(SecondFactor::pushed);
    let own = seen.devices.iter().find(|(device, _)| pushed.is_some_and(|pushed| pushed.selected == device.id));
    own.map(name).unwrap_or_default()
}
