//! What somebody meant who pressed a button of a page: an action of the flow, or a way that they take first.

use serde_json::{Map, Value, json};

use super::pages::{OTHER_ACCOUNT, THIS_ACCOUNT, code, is_new};
use super::{devices, passwords};
use crate::domain::flow::At;
use crate::domain::policy::Source;
use crate::protocol::flow_api::{Action, Status};
use crate::protocol::parameters::Parameters;
use crate::protocol::scope::Scope;
use crate::usecase::sign_in::Seen;
use crate::web::sign_in::{Form, method};

/// The parameter by which a page knows that somebody took what is asked, where there were several ways.
pub(super) const CHOSEN: &str = "method";

/// What can be done in this step.
pub(super) fn methods(seen: &Seen, form: Form, problem: Option<method::Problem>) -> method::View {
    let At::Asking(_, asked) = &seen.flow.at else {
        return method::View { form, methods: Vec::new(), about_new: false, may_cancel: true, problem };
    };
    let kind = |source: Source| match source {
        Source::Identifier | Source::Mfa => None,
        Source::Password => Some(method::Kind::Password),
        Source::Passkey => Some(method::Kind::Passkey),
    };
    let sources = [*asked].into_iter().chain(seen.flow.ways.iter().copied());
    let method = |source: Source| {
        Some(method::Method { id: source.as_str().to_owned(), kind: kind(source)?, chosen: source == *asked })
    };
    let methods = sources.filter_map(method).collect();
    method::View { form, methods, about_new: false, may_cancel: true, problem }
}

/// The way that somebody says that they go on, on the page that asks for it.
pub(super) fn chosen<'f>(seen: &Seen, form: &'f Parameters) -> Option<&'f str> {
    let asks = seen.flow.may_choose() && form.get("action") == Some("continue");
    asks.then(|| form.get("method").unwrap_or_default())
}

pub(super) fn turning_to(way: &str) -> (Action, Value) {
    (Action::UseAlternativeAuthenticationSource, json!({ "authenticationSource": way }))
}

/// The action that a pressed button is.
pub(super) fn action(seen: &Seen, form: &Parameters) -> Option<(Action, Value)> {
    let body = |members: &[(&str, &str)]| passwords::body(form, members);
    let nothing = || Value::Object(Map::new());
    if let Some(errand) = seen.flow.errand() {
        return Some(passwords::action(errand, form));
    }
    if matches!(seen.flow.at, At::Asking(_, Source::Mfa)) {
        return devices::action(seen, form);
    }
    match (seen.flow.status(), form.get("action")) {
        (Status::OauthDeviceUserCodeConfirmationRequired | Status::UsernamePasswordRequired, Some("cancel")) => {
            Some((Action::Cancel, nothing()))
        }
        (Status::Fido2ActivationRequired, None | Some("passkey")) => {
            Some((Action::ActivateFido2Device, body(&[("attestation", "attestation"), ("nickname", "name")])))
        }
        (Status::AssertionRequired | Status::Fido2ActivationRequired, Some("cancel")) => {
            Some((Action::CancelAuthentication, nothing()))
        }
        (Status::UsernamePasswordRequired | Status::AssertionRequired, Some(way @ ("passkey" | "password")))
            if way != asked_here(seen) =>
        {
            Some(turning_to(way))
        }
        (Status::AssertionRequired, _) => Some((Action::CheckAssertion, body(&[("assertion", "assertion")]))),
        (Status::IdentifierRequired, Some("cancel")) => Some((Action::CancelIdentifierSubmission, nothing())),
        (Status::ConsentRequired, Some("cancel")) => Some((Action::DenyConsent, nothing())),
        (Status::OauthDeviceUserCodeConfirmationRequired, Some("connect")) => {
            let code = Value::String(code(seen)?);
            Some((Action::ConfirmUserCode, Value::Object([("userCode".to_owned(), code)].into_iter().collect())))
        }
        (Status::UsernamePasswordRequired, Some("forgot")) => {
            Some((Action::InitiateAccountRecovery, body(&[("usernameHint", "username")])))
        }
        // Enter in a field presses no button.
        (Status::UsernamePasswordRequired, _) => {
            Some((Action::CheckUsernamePassword, body(&[("username", "username"), ("password", "password")])))
        }
        // One account, and others.
        (Status::IdentifierRequired, Some(pressed)) if seen.flow.offered().is_some() => {
            let action = match pressed {
                OTHER_ACCOUNT => Action::ClearIdentifier,
                THIS_ACCOUNT => Action::SubmitIdentifier,
                _ => return None,
            };
            Some((action, json!({ "identifier": seen.username })))
        }
        (Status::IdentifierRequired, _) => Some((Action::SubmitIdentifier, body(&[("identifier", "username")]))),
        (Status::ConsentRequired, Some("allow")) => {
            let At::Consent(asked) = &seen.flow.at else { return None };
            // One field for each box: the form has them under names of their own.
            let ticked = |name: &str| form.get(&format!("scope:{name}")).is_some();
            let agreed = asked.names().filter(|name| *name == Scope::OPENID || !is_new(seen, name) || ticked(name));
            let scope = agreed.collect::<Vec<_>>().join(" ");
            Some((
                Action::GrantConsent,
                Value::Object([("scope".to_owned(), Value::String(scope))].into_iter().collect()),
            ))
        }
        (_, _) => None,
    }
}

/// The source that the page is about.
pub(super) const fn asked_here(seen: &Seen) -> &'static str {
    match &seen.flow.at {
        At::Asking(_, source) => source.as_str(),
        At::UserCode
        | At::Account(_)
        | At::Device
        | At::Errand(_)
        | At::Consent(_)
        | At::Ready
        | At::Completed(_)
        | At::Left
        | At::Connected
        | At::Failed(_) => "",
    }
}
