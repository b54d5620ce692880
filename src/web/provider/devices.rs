//! Our own pages of a second factor: which device is asked, and whether there is an answer.

use poem::Response;
use serde_json::{Map, Value, json};

use super::pages::options;
use super::pressed::CHOSEN;
use crate::domain::authentication_request::Challenge;
use crate::domain::device::{About, Device};
use crate::domain::flow::{Flow, NewAddress, SecondFactor, SettingUp};
use crate::domain::mfa_policy::Makes;
use crate::domain::otp::{Channel, Delivery, OtpDevice, Sent};
use crate::protocol::flow_api::{Action, DetailCode, FlowRefusal, REMEMBER_ME, Status};
use crate::protocol::parameters::Parameters;
use crate::usecase::sign_in::{OwnDevice, Seen};
use crate::web::sign_in::account::new_passkey;
use crate::web::sign_in::push::{Number, State};
use crate::web::sign_in::{Around, Form, code, method, passkey, push, remember, set_up};
use crate::words::{Foreign, Message};

/// What a link of the page that waits says, to where another device is chosen.
pub(super) const ANOTHER: &str = "device";

/// The page of a second factor that somebody has to do something about. `None`: an application runs it.
pub(super) fn page(seen: &Seen, amiss: Amiss, form: Form, (around, here): (&Around<'_>, &str)) -> Option<Response> {
    let state = match &seen.flow.second_factor {
        None => State::Ask,
        Some(SecondFactor::Choosing(_)) => return Some(choice(seen, amiss.of_choice, form, around)),
        Some(SecondFactor::Waiting(_)) if seen.answered => State::Answered,
        Some(SecondFactor::Waiting(_)) => State::Waiting(number(&seen.flow)),
        Some(SecondFactor::Verifying(_)) => State::Silent,
        Some(SecondFactor::TimedOut(_)) => State::TimedOut,
        Some(SecondFactor::Rejected) => State::Rejected,
        Some(SecondFactor::Otp(sent)) => return Some(code(seen, sent, (amiss, form), (around, here))),
        Some(SecondFactor::Totp(_)) => return Some(of_app(seen, (amiss, form), (around, here))),
        Some(SecondFactor::SettingUp(setting_up)) => return Some(set_up(seen, setting_up, (amiss, form), around)),
        Some(SecondFactor::Asserting(_)) => return Some(assertion(seen, (amiss, form), (around, here))),
        Some(SecondFactor::Authorized(_) | SecondFactor::OtpVerified(_) | SecondFactor::PasskeyVerified(_)) => {
            return Some(remember::render(&remember::View { form, lasts: seen.remember_for }, around));
        }
        Some(
            SecondFactor::Verified { .. }
            | SecondFactor::Waived
            | SecondFactor::Pairing(..)
            | SecondFactor::LetIn(_)
            | SecondFactor::Remembered(_)
            | SecondFactor::Failed(_),
        ) => return None,
    };
    let asks = matches!(state, State::Waiting(_) | State::TimedOut);
    let others = others(seen, here).filter(|_| asks);
    let view = push::View {
        form,
        device: selected(seen),
        about_new: is_about_new(seen),
        others,
        passcode: asks && seen.flow.actions().contains(&Action::CheckOtp),
        too_often: amiss.too_often,
        problem: of_shown(amiss.of_code),
        state,
    };
    Some(push::render(&view, around))
}

/// What is wrong with what somebody just did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amiss {
    pub(super) too_often: bool,
    pub(super) of_choice: Option<method::Problem>,
    pub(super) of_code: Option<code::Problem>,
    pub(super) of_target: bool,
    pub(super) of_passkey: Option<passkey::Problem>,
}

/// The page of a code that was sent.
fn code(seen: &Seen, sent: &Sent, (amiss, form): (Amiss, Form), (around, here): (&Around<'_>, &str)) -> Response {
    let own = seen.devices.iter().find(|own| own.id() == sent.selected);
    let address = own.and_then(|own| if let OwnDevice::Address(address) = own { Some(address) } else { None });
    code_page(seen, sent, (address, others(seen, here)), (amiss, form), around)
}

/// The same, to that address. `others`: to where another device is chosen.
fn code_page(
    seen: &Seen,
    sent: &Sent,
    (address, others): (Option<&OtpDevice>, Option<String>),
    (amiss, form): (Amiss, Form),
    around: &Around<'_>,
) -> Response {
    let ending = || address.map(OtpDevice::ending).unwrap_or_default();
    let source = match sent.channel {
        Channel::Email => code::Source::Mail(address.map(OtpDevice::masked).unwrap_or_default()),
        Channel::Sms => code::Source::Sms(ending()),
        Channel::Voice => code::Source::Voice(ending()),
    };
    let delivery = seen.code.and_then(|code| code.delivery).unwrap_or(Delivery::Sent);
    let wait = seen.code.and_then(|code| code.resend_in);
    let view = code::View {
        form,
        source,
        about_new: is_about_new(seen),
        resend: wait.map_or(code::Resend::Now, code::Resend::In),
        resent: sent.again && amiss.of_code.is_none() && delivery != Delivery::NotSent,
        delivery: match delivery {
            Delivery::Sent => code::Delivery::Sent,
            Delivery::Sending => code::Delivery::Underway,
            Delivery::NotSent => code::Delivery::Failed,
        },
        others,
        may_cancel: true,
        problem: amiss.of_code,
    };
    code::render(&view, around)
}

/// The page of a code that an authenticator app shows.
fn of_app(seen: &Seen, (amiss, form): (Amiss, Form), (around, here): (&Around<'_>, &str)) -> Response {
    let view = code::View {
        form,
        source: code::Source::App,
        about_new: is_about_new(seen),
        resend: code::Resend::Never,
        resent: false,
        delivery: code::Delivery::Sent,
        others: others(seen, here),
        may_cancel: true,
        problem: of_shown(amiss.of_code),
    };
    code::render(&view, around)
}

/// What is wrong with a code that an app shows: nobody can have another one sent.
fn of_shown(problem: Option<code::Problem>) -> Option<code::Problem> {
    let locked = matches!(problem, Some(code::Problem::Locked));
    if locked { Some(code::Problem::Wait) } else { problem }
}

/// The page of a second factor that somebody makes.
fn set_up(seen: &Seen, setting_up: &SettingUp, (amiss, form): (Amiss, Form), around: &Around<'_>) -> Response {
    let state = match setting_up {
        SettingUp::Required { may_skip } => set_up::State::Required { may_skip: *may_skip },
        SettingUp::Choosing(makes) => set_up::State::Choosing(makes.iter().map(|kind| way(*kind)).collect()),
        SettingUp::Totp(_) => set_up::State::App(new_app(seen)),
        SettingUp::Phone(_) => set_up::State::Phone(new_app(seen)),
        SettingUp::Target(channel) => set_up::State::Target(place(*channel)),
        SettingUp::Address(new) => return new_code(seen, new, (amiss, form), around),
        SettingUp::Passkey => {
            let failed = amiss.of_passkey.is_some() || amiss.of_code.is_some();
            let name = around.words.say(around.locale, Message::MethodPasskey);
            return new_passkey::render(&new_passkey::View { form, options: options(seen), name, failed }, around);
        }
    };
    set_up::render(&set_up::View { form, state, problem: of_shown(amiss.of_code), bad_target: amiss.of_target }, around)
}

/// What can be chosen, and how its button is called.
const fn way(kind: Makes) -> set_up::Way {
    match kind {
        Makes::Mobile => set_up::Way::Phone,
        Makes::Fido2 => set_up::Way::Passkey,
        Makes::Totp => set_up::Way::App,
        Makes::Email => set_up::Way::Code(place(Channel::Email)),
        Makes::Sms => set_up::Way::Code(place(Channel::Sms)),
        Makes::Voice => set_up::Way::Code(place(Channel::Voice)),
    }
}

const fn place(channel: Channel) -> set_up::Place {
    match channel {
        Channel::Email => set_up::Place::Mail,
        Channel::Sms => set_up::Place::Sms,
        Channel::Voice => set_up::Place::Voice,
    }
}

/// The page of the first code from where somebody says that they get them.
fn new_code(seen: &Seen, new: &NewAddress, (amiss, form): (Amiss, Form), around: &Around<'_>) -> Response {
    let address = seen.flow.user().map(|user| new.device(user));
    code_page(seen, &new.sent, (address.as_ref(), None), (amiss, form), around)
}

fn new_app(seen: &Seen) -> set_up::NewApp {
    let shown = seen.new_key.as_ref().map(|key| (grouped(key.text.expose()), key.uri.expose().clone()));
    let (key, link) = shown.unwrap_or_default();
    set_up::NewApp { key, link }
}

/// As people read and type it.
fn grouped(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// The page of a passkey.
fn assertion(seen: &Seen, (amiss, form): (Amiss, Form), (around, here): (&Around<'_>, &str)) -> Response {
    let view = passkey::View {
        form,
        client: None,
        reason: None,
        options: options(seen),
        ways: Vec::new(),
        about_new: is_about_new(seen),
        others: others(seen, here),
        may_cancel: true,
        problem: amiss.of_passkey,
    };
    passkey::render(&view, around)
}

/// Whether an app is let in that may become a device of the person.
const fn is_about_new(seen: &Seen) -> bool {
    seen.flow.newcomer.is_some()
}

/// To where another device is chosen, if there is one.
fn others(seen: &Seen, here: &str) -> Option<String> {
    (seen.devices.len() > 1).then(|| format!("{here}?{CHOSEN}={ANOTHER}"))
}

/// What is wrong with a code, or with another one that somebody wanted. `None`: something else is.
pub(super) fn of_code(refusal: &FlowRefusal) -> Option<code::Problem> {
    refusal.details.iter().find_map(|detail| match (detail.code, detail.target.as_deref()) {
        (DetailCode::InvalidOtp, _) => {
            Some(detail.attempts_remaining.map_or(code::Problem::Wrong, |left| code::Problem::WrongLeft(left.into())))
        }
        (DetailCode::FieldRequired, Some("otp")) => Some(code::Problem::Missing),
        (DetailCode::OtpExpired, _) => Some(code::Problem::Expired),
        (DetailCode::OtpAttemptsLimit, _) => Some(code::Problem::Locked),
        (DetailCode::OtpResendLimit, _) => Some(code::Problem::TooOften),
        (_, _) => None,
    })
}

/// Whether somebody may say that they want to be asked on another device.
pub(super) fn may_choose(seen: &Seen) -> bool {
    seen.flow.actions().contains(&Action::SelectDevice)
}

pub(super) fn choice(seen: &Seen, problem: Option<method::Problem>, form: Form, around: &Around<'_>) -> Response {
    let asked = seen.flow.second_factor.as_ref().and_then(SecondFactor::selected);
    let devices = seen.devices.iter().zip(0..);
    let methods = devices.map(|(own, at)| method::Method {
        id: own.id().to_string(),
        kind: match own {
            OwnDevice::Phone(device, installation) => method::Kind::Phone(name(device, &installation.about)),
            OwnDevice::Address(address) => match address.channel {
                Channel::Email => method::Kind::Mail(address.masked()),
                Channel::Sms => method::Kind::Sms(address.ending()),
                Channel::Voice => method::Kind::Voice(address.ending()),
            },
            OwnDevice::Totp(_) => method::Kind::App,
            OwnDevice::Passkey(own) => method::Kind::NamedPasskey(Foreign::name(own.name.as_str())),
        },
        chosen: asked.map_or(at == 0, |asked| asked == own.id()),
    });
    let (methods, about_new) = (methods.collect(), is_about_new(seen));
    method::render(&method::View { form, methods, about_new, may_cancel: true, problem }, around)
}

/// The action that a pressed button is.
pub(super) fn action(seen: &Seen, form: &Parameters) -> Option<(Action, Value)> {
    let nothing = || json!({});
    let select = |device: &str| (Action::SelectDevice, json!({ "deviceRef": { "id": device } }));
    if let Some(about @ (SettingUp::Target(_) | SettingUp::Address(_))) = seen.flow.setting_up() {
        return of_codes(about, form);
    }
    match (seen.flow.status(), form.get("action")) {
        (Status::AuthenticationRequired, Some("ask")) => Some((Action::Authenticate, nothing())),
        (Status::PushConfirmationWaiting, Some("poll")) | (Status::MobileActivationRequired, None | Some("poll")) => {
            Some((Action::Poll, nothing()))
        }
        (Status::PushConfirmationTimedOut, Some("again")) => {
            let pushed = seen.flow.second_factor.as_ref()?.pushed()?;
            Some(select(&pushed.selected.to_string()))
        }
        (Status::PushConfirmationWaiting | Status::PushConfirmationTimedOut, Some("passcode")) => {
            Some((Action::CheckOtp, json!({ "otp": form.get("code").unwrap_or_default() })))
        }
        // The way to another device is a page of its own, with its own field. Enter in the field presses no button.
        (Status::OtpRequired, None | Some("continue")) if form.get("method").is_none() => {
            Some((Action::CheckOtp, json!({ "otp": form.get("code").unwrap_or_default() })))
        }
        (Status::AssertionRequired, None | Some("passkey")) => {
            Some((Action::CheckAssertion, json!({ "assertion": form.get("assertion").unwrap_or_default() })))
        }
        (Status::MfaSetupRequired, Some("start")) => Some((Action::SetupMfa, nothing())),
        (Status::MfaSetupRequired, Some("skip")) => Some((Action::SkipMfa, nothing())),
        (Status::DevicePairingMethodRequired, Some(pressed)) if pressed != "cancel" => {
            let kind = Makes::ALL.iter().find(|kind| way(**kind).name() == pressed)?;
            let method = json!({ "devicePairingMethod": { "deviceType": kind.as_str() } });
            Some((Action::SelectDevicePairingMethod, method))
        }
        (Status::Fido2ActivationRequired, None | Some("passkey")) => {
            let made = json!({ "attestation": form.get("attestation"), "nickname": form.get("name") });
            Some((Action::ActivateFido2Device, made))
        }
        // There is another way, and the end of it all, on the page before.
        (Status::Fido2ActivationRequired, Some("cancel")) => Some((Action::CancelDevicePairing, nothing())),
        (Status::TotpActivationRequired, None | Some("continue")) => {
            Some((Action::ActivateTotpDevice, json!({ "otp": form.get("code").unwrap_or_default() })))
        }
        (Status::TotpActivationRequired | Status::MobileActivationRequired, Some("other")) => {
            Some((Action::CancelDevicePairing, nothing()))
        }
        (Status::MfaCompleted, None | Some("continue")) => {
            // Where it may be no more, the person goes on all the same.
            let wanted = form.get("remember").filter(|_| seen.remember_for.is_some());
            let remember: Map<String, Value> =
                wanted.map(|_| (REMEMBER_ME.to_owned(), Value::Bool(true))).into_iter().collect();
            Some((Action::ContinueAuthentication, Value::Object(remember)))
        }
        (Status::OtpRequired, Some("resend")) => Some((Action::ResendOtp, nothing())),
        (_, Some("continue")) if may_choose(seen) => Some(select(form.get("method").unwrap_or_default())),
        (_, Some("cancel")) => Some((Action::CancelAuthentication, nothing())),
        (_, _) => None,
    }
}

/// The same on the pages of a place for codes, and of the first one from there.
fn of_codes(setting_up: &SettingUp, form: &Parameters) -> Option<(Action, Value)> {
    let target = form.get("target").unwrap_or_default();
    match (setting_up, form.get("action")) {
        (SettingUp::Target(channel), None | Some("continue")) => Some(match channel {
            Channel::Email => (Action::SubmitEmailTarget, json!({ "email": target })),
            Channel::Sms => (Action::SubmitSmsTarget, json!({ "phone": target })),
            Channel::Voice => (Action::SubmitVoiceTarget, json!({ "phone": target })),
        }),
        (SettingUp::Address(new), None | Some("continue")) => {
            let activates = match new.sent.channel {
                Channel::Email => Action::ActivateEmailDevice,
                Channel::Sms => Action::ActivateSmsDevice,
                Channel::Voice => Action::ActivateVoiceDevice,
            };
            Some((activates, json!({ "otp": form.get("code").unwrap_or_default() })))
        }
        (SettingUp::Address(_), Some("resend")) => Some((Action::ResendOtp, json!({}))),
        // There is another way, and the end of it all, on the page before.
        (SettingUp::Target(_) | SettingUp::Address(_), Some("cancel")) => {
            Some((Action::CancelDevicePairing, json!({})))
        }
        (_, _) => None,
    }
}

/// What our pages do by themselves, once something is done and there is nothing that the person may say.
pub(super) fn goes_on(seen: &Seen) -> Option<Action> {
    if seen.remember_for.is_some() {
        return None;
    }
    let status = seen.flow.status();
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
pub(super) fn name(device: &Device, about: &About) -> Foreign {
    let says = about.name.as_ref().or(about.model.as_ref()).or(about.platform.as_ref());
    Foreign::name(device.nickname.as_ref().or(says).map(String::as_str).unwrap_or_default())
}

fn selected(seen: &Seen) -> Foreign {
    let selected = seen.flow.second_factor.as_ref().and_then(SecondFactor::selected);
    let own = seen.devices.iter().find_map(|own| match own {
        OwnDevice::Phone(device, installation) if selected == Some(device.id) => {
            Some(name(device, &installation.about))
        }
        OwnDevice::Phone(..) | OwnDevice::Address(_) | OwnDevice::Totp(_) | OwnDevice::Passkey(_) => None,
    });
    own.unwrap_or_default()
}
