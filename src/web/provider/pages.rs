//! Our own pages of a flow. Each shows the state that the flow API would show, and each of its forms is one
//! of the actions that the flow API takes.

use poem::http::{Method, header};
use poem::{Request, RequestBody, Response};
use serde_json::{Map, Value};

use super::passwords::{self, Amiss, Shown};
use super::pressed::{CHOSEN, action, asked_here, chosen, methods, turning_to};
use super::trouble::{About, Trouble};
use super::{Provider, Visit, devices, logo, onward, see_other};
use crate::domain::client::Client;
use crate::domain::flow::{Again, At, SettingUp, Who};
use crate::domain::policy::Source;
use crate::http::body::read_page_form;
use crate::http::client_authentication::client_ip;
use crate::http::headers::{SEC_FETCH_SITE, queried};
use crate::protocol::authorization_request::Prompt;
use crate::protocol::flow_api::{Action, DetailCode, FlowErrorCode, Status};
use crate::protocol::id::{BrowserKey, FlowId, RememberedKey};
use crate::protocol::parameters::Parameters;
use crate::protocol::scope::Scope;
use crate::secret::constant_time_eq;
use crate::usecase;
use crate::usecase::sign_in::advance::{Calling, FlowError};
use crate::usecase::sign_in::{self as calling, Browser, Seen, SignedIn};
use crate::web::sign_in::account::new_passkey;
use crate::web::sign_in::consent::{Asked, Plainly};
use crate::web::sign_in::credentials::Problem;
use crate::web::sign_in::{
    self, Address, Form, Reason, Way, accounts, code as code_page, consent, credentials, device, identifier, method,
    passkey,
};
use crate::words::{Foreign, Message};

/// What is wrong with what somebody just sent.
pub(super) enum Wrong {
    Credentials {
        username: String,
        problem: Problem,
    },
    Identifier {
        username: String,
        problem: identifier::Problem,
    },
    Errand {
        error: FlowError,
        form: Parameters,
    },
    Passkey(passkey::Problem),
    Method(method::Problem),
    /// Nobody is asked so often on a device.
    TooOften,
    Code(code_page::Problem),
    /// Nothing is sent there.
    Target,
}

impl Provider {
    pub(super) async fn page(&self, id: &FlowId, request: Request) -> Response {
        let (request, mut body) = request.split();
        let browser = self.cookies.browser(request.headers());
        let seen = self.advance.read(id, &browser, calling::Page::Own).await;
        let wished = seen.as_ref().ok().and_then(|seen| seen.flow.request.ui_locales.clone());
        let visit = self.visit(&request, wished.as_deref());
        let seen = match seen {
            Ok(seen) => seen,
            // Each page that leads to one of these has the browser keep something.
            Err(FlowError::Refused(refusal))
                if refusal.code == FlowErrorCode::FlowNotFound && browser.key.is_none() =>
            {
                return self.troubled(&Trouble::NoCookies, &visit).await;
            }
            // What is no sign-in may be about a password alone.
            Err(FlowError::Refused(refusal)) if refusal.code == FlowErrorCode::FlowNotFound => {
                return Box::pin(self.errand_page(id, (&request, &mut body), &browser)).await;
            }
            Err(error) => return self.troubled(&error.into(), &visit).await,
        };
        match *request.method() {
            // Somebody has said in which way they go on, and it is the one that is asked.
            Method::GET | Method::HEAD if queried(&request, CHOSEN).as_deref() == Some(asked_here(&seen)) => {
                self.step(&seen, None, &browser, &visit)
            }
            Method::GET | Method::HEAD
                if queried(&request, CHOSEN).as_deref() == Some(devices::ANOTHER) && devices::may_choose(&seen) =>
            {
                let here = self.here(&seen.id);
                devices::choice(&seen, None, self.form(&seen.id, &browser), &self.around(&visit, Some(&here)))
            }
            Method::GET | Method::HEAD => self.show(&seen, None, &browser, &visit),
            Method::POST => match Box::pin(self.submitted(&seen, (&request, &mut body), &browser, &visit)).await {
                Ok(Submitted::Done(session)) => self.gone_on(id, session.as_ref()),
                Ok(Submitted::Kept(session, key)) => {
                    let mut response = self.gone_on(id, session.as_ref());
                    self.cookies.set_remembered(response.headers_mut(), &key);
                    response
                }
                Ok(Submitted::Chosen) => see_other(&format!("{}?{CHOSEN}={}", self.address(id), asked_here(&seen))),
                // There is something else to be signed now.
                Ok(Submitted::Wrong(wrong @ Wrong::Passkey(_))) => {
                    match self.advance.read(id, &browser, calling::Page::Own).await {
                        Ok(seen) => self.show(&seen, Some(&wrong), &browser, &visit),
                        Err(error) => self.troubled(&error.into(), &visit).await,
                    }
                }
                Ok(Submitted::Wrong(wrong)) => self.show(&seen, Some(&wrong), &browser, &visit),
                Err(trouble) => self.troubled(&trouble, &visit).await,
            },
            _ => self.troubled(&Trouble::Method, &visit).await,
        }
    }

    /// To where the flow is now.
    fn gone_on(&self, id: &FlowId, session: Option<&SignedIn>) -> Response {
        let mut response = see_other(&self.address(id));
        if let Some(session) = session {
            self.cookies.set_session(response.headers_mut(), session);
        }
        response
    }

    /// Ties a form to the browser and the flow that it was made for.
    fn mark_of_flow(&self, id: &FlowId, browser: &Browser) -> String {
        let key = browser.key.as_ref().map(BrowserKey::digest);
        self.mark(&[id.expose().as_bytes(), b"|", key.as_ref().map_or(&[][..], |key| key.as_bytes())])
    }

    /// What a form says that this browser has from us, for this flow.
    pub(super) async fn form_of_flow(
        &self,
        id: &FlowId,
        (request, body): (&Request, &mut RequestBody),
        browser: &Browser,
    ) -> Result<Parameters, Trouble> {
        self.admit_form(request)?;
        let form = read_page_form(request, body).await?;
        let mark = self.mark_of_flow(id, browser);
        let given = form.get("csrf").unwrap_or_default();
        if constant_time_eq(mark.as_bytes(), given.as_bytes()) { Ok(form) } else { Err(Trouble::Foreign) }
    }

    async fn submitted(
        &self,
        seen: &Seen,
        (request, body): (&Request, &mut RequestBody),
        browser: &Browser,
        visit: &Visit,
    ) -> Result<Submitted, Trouble> {
        let from = client_ip(request);
        let form = self.form_of_flow(&seen.id, (request, body), browser).await?;
        let (action, body) = match chosen(seen, &form) {
            None => match action(seen, &form) {
                Some(pressed) => pressed,
                None => return Ok(Submitted::Done(None)),
            },
            Some("") => return Ok(Submitted::Wrong(Wrong::Method(method::Problem::Missing))),
            Some(way) if way == asked_here(seen) => return Ok(Submitted::Chosen),
            Some(way) => turning_to(way),
        };
        let calling = Calling { browser, page: calling::Page::Own, from, language: visit.locale.tag() };
        let error = match self.advance.act(&seen.id, calling, action, &body).await {
            // Who gave up something on the way, or has shown all there is to show, goes on at once.
            Ok(now) => {
                let kept = now.browser.clone();
                let session = match devices::goes_on(&now) {
                    None => now.session,
                    Some(next) => {
                        let nothing = Value::Object(Map::new());
                        self.advance.act(&seen.id, calling, next, &nothing).await?.session
                    }
                };
                return Ok(match kept {
                    Some(key) => Submitted::Kept(session, key),
                    None => Submitted::Done(session),
                });
            }
            Err(error) => error,
        };
        if seen.flow.errand().is_some() && passwords::is_told(&error) {
            return Ok(Submitted::Wrong(Wrong::Errand { error, form }));
        }
        if refuses(&error, DetailCode::PushFailed) {
            return Ok(Submitted::Wrong(Wrong::TooOften));
        }
        if let FlowError::Refused(refusal) = &error
            && (seen.flow.status() == Status::OtpRequired
                || seen.flow.setting_up().is_some()
                || action == Action::CheckOtp)
            && let Some(problem) = devices::of_code(refusal)
        {
            return Ok(Submitted::Wrong(Wrong::Code(problem)));
        }
        // There is another second factor by now, say, or as many keys as one may have: other ways are on the page.
        if seen.flow.setting_up().is_some()
            && matches!(&error, FlowError::Refused(refusal) if refusal.code == FlowErrorCode::RequestFailed)
        {
            return Ok(Submitted::Wrong(Wrong::Code(code_page::Problem::NotMade)));
        }
        let names_address = matches!(seen.flow.setting_up(), Some(SettingUp::Target(_)));
        if names_address
            && matches!(&error, FlowError::Refused(refusal) if refusal.code == FlowErrorCode::ValidationError)
        {
            return Ok(Submitted::Wrong(Wrong::Target));
        }
        let of_choice = matches!(action, Action::UseAlternativeAuthenticationSource | Action::SelectDevice);
        if of_choice && passwords::is_told(&error) {
            return Ok(Submitted::Wrong(Wrong::Method(method::Problem::Gone)));
        }
        let problem = match &error {
            // Somebody pressed a button twice: the page shows where the flow is now.
            FlowError::Refused(refusal) if refusal.code == FlowErrorCode::InvalidActionId => {
                return Ok(Submitted::Done(None));
            }
            FlowError::Refused(refusal) if refusal.code == FlowErrorCode::ValidationError => {
                if matches!(seen.flow.status(), Status::AssertionRequired | Status::Fido2ActivationRequired) {
                    let without_script = refusal.misses("assertion");
                    // The button of a page with nothing to answer: there is something else to be signed now.
                    if seen.late && (without_script || refusal.misses("attestation")) {
                        return Ok(Submitted::Done(None));
                    }
                    let problem = if without_script { passkey::Problem::NoScript } else { passkey::Problem::Failed };
                    return Ok(Submitted::Wrong(Wrong::Passkey(problem)));
                }
                Amiss { error: &error, form: &form }.of_credentials()
            }
            FlowError::Other(usecase::Error::TooMany { .. }) => Amiss { error: &error, form: &form }.of_credentials(),
            FlowError::Refused(_) | FlowError::Other(_) => return Err(error.into()),
        };
        // What was typed stays; a password does not.
        let username = form.get("username").unwrap_or_default().to_owned();
        let status = seen.flow.status();
        if status == Status::UsernamePasswordRequired {
            Ok(Submitted::Wrong(Wrong::Credentials { username, problem }))
        } else if status == Status::IdentifierRequired {
            Ok(Submitted::Wrong(Wrong::Identifier { username, problem: identifier::Problem::Missing }))
        } else {
            Err(error.into())
        }
    }

    pub(super) fn admit_form(&self, request: &Request) -> Result<(), Trouble> {
        let headers = request.headers();
        let elsewhere = headers.get_all(SEC_FETCH_SITE).iter().any(|site| site != "same-origin");
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let another = origins.any(|origin| origin.as_bytes() != self.origin.as_bytes());
        if elsewhere || another { Err(Trouble::Foreign) } else { Ok(()) }
    }

    /// A form of ours, without its fields.
    pub(super) fn form(&self, id: &FlowId, browser: &Browser) -> Form {
        let hidden = vec![("csrf".to_owned(), self.mark_of_flow(id, browser))];
        Form { action: self.address(id), hidden, expires_in: None }
    }

    /// What the person does now; or first, in which way.
    pub(super) fn show(&self, seen: &Seen, wrong: Option<&Wrong>, browser: &Browser, visit: &Visit) -> Response {
        let problem = match wrong {
            None if seen.flow.may_choose() => None,
            Some(Wrong::Method(problem)) if seen.flow.may_choose() => Some(*problem),
            Some(_) | None => return self.step(seen, wrong, browser, visit),
        };
        let here = self.here(&seen.id);
        let view = methods(seen, self.form(&seen.id, browser), problem);
        method::render(&view, &self.around(visit, Some(&here)))
    }

    fn step(&self, seen: &Seen, wrong: Option<&Wrong>, browser: &Browser, visit: &Visit) -> Response {
        let here = self.here(&seen.id);
        let around = self.around(visit, Some(&here));
        let form = self.form(&seen.id, browser);
        let client = Some(client(&seen.client));
        match &seen.flow.at {
            At::Device => device::confirm::render(&confirmation(seen, form), &around),
            At::Connected => device::done::render(&device::done::View { connected: true }, &around),
            At::Failed(_) if seen.flow.device.is_some() => {
                device::done::render(&device::done::View { connected: false }, &around)
            }
            At::Account(_) => accounts::render(&accounts(seen, form, client), &around),
            At::Asking(_, Source::Passkey) if seen.flow.status() == Status::Fido2ActivationRequired => {
                let failed = matches!(wrong, Some(Wrong::Passkey(_)));
                let name = around.words.say(around.locale, Message::MethodPasskey);
                new_passkey::render(&new_passkey::View { form, options: options(seen), name, failed }, &around)
            }
            At::Asking(_, Source::Passkey) => {
                let view = passkey::View {
                    form,
                    client,
                    reason: reason(seen),
                    options: options(seen),
                    ways: ways(seen),
                    about_new: false,
                    others: None,
                    may_cancel: true,
                    problem: if let Some(Wrong::Passkey(problem)) = wrong { Some(*problem) } else { None },
                };
                passkey::render(&view, &around)
            }
            At::Asking(_, Source::Identifier) => {
                let (username, problem) = if let Some(Wrong::Identifier { username, problem }) = wrong {
                    (username.clone(), Some(*problem))
                } else {
                    (hint(seen), None)
                };
                let view = identifier::View {
                    form: self.keeping(form, seen),
                    client,
                    username,
                    reason: reason(seen),
                    ways: ways(seen),
                    may_cancel: true,
                    problem,
                };
                identifier::render(&view, &around)
            }
            At::Asking(_, Source::Password) => {
                let (username, problem) = if let Some(Wrong::Credentials { username, problem }) = wrong {
                    (username.clone(), Some(*problem))
                } else {
                    (hint(seen), None)
                };
                let view = credentials::View {
                    form: self.keeping(form, seen),
                    client,
                    username,
                    reason: reason(seen),
                    forgot: seen.flow.recoverable,
                    ways: ways(seen),
                    may_cancel: true,
                    problem,
                };
                credentials::render(&view, &around)
            }
            At::Errand(errand) => {
                let amiss =
                    if let Some(Wrong::Errand { error, form }) = wrong { Some(Amiss { error, form }) } else { None };
                let (username, means) = (seen.username.as_deref(), self.beside.means());
                let shown = Shown { errand, username, means, alone: false, amiss };
                shown.page(form, &around)
            }
            At::Consent(scope) => consent::render(&consent(seen, scope, form), &around),
            At::Ready | At::Failed(_) => match seen.resume.as_deref() {
                Some(to) => onward(to, Some(Foreign::name(&seen.client.name)), visit, &around),
                // Run by an application, which reads it there.
                None if seen.flow.is_redirectless() => {
                    Trouble::Gone.page(&About::default(), visit.reference.clone(), &around)
                }
                None => Trouble::Internal.page(&About::default(), visit.reference.clone(), &around),
            },
            // Run by an application: none of our pages shows it.
            At::Asking(_, Source::Mfa) => {
                let amiss = devices::Amiss {
                    too_often: matches!(wrong, Some(Wrong::TooOften)),
                    of_choice: if let Some(Wrong::Method(problem)) = wrong { Some(*problem) } else { None },
                    of_code: if let Some(Wrong::Code(problem)) = wrong { Some(*problem) } else { None },
                    of_target: matches!(wrong, Some(Wrong::Target)),
                    of_passkey: if let Some(Wrong::Passkey(problem)) = wrong { Some(*problem) } else { None },
                };
                let page = if amiss.of_choice.is_some() && devices::may_choose(seen) {
                    Some(devices::choice(seen, amiss.of_choice, form, &around))
                } else {
                    devices::page(seen, amiss, form, (&around, &here))
                };
                page.unwrap_or_else(|| Trouble::Gone.page(&About::default(), visit.reference.clone(), &around))
            }
            At::UserCode | At::Completed(_) | At::Left => {
                Trouble::Gone.page(&About::default(), visit.reference.clone(), &around)
            }
        }
    }
}

fn confirmation(seen: &Seen, form: Form) -> device::confirm::View {
    device::confirm::View {
        form,
        client: client(&seen.client),
        code: code(seen).unwrap_or_default(),
        user: seen.username.as_deref().map(Foreign::name),
    }
}

fn accounts(seen: &Seen, form: Form, client: Option<sign_in::Client>) -> accounts::View {
    let username = seen.username.as_deref().unwrap_or_default();
    let name = Foreign::name(seen.name.as_deref().unwrap_or(username));
    let account = accounts::Account { id: "1".to_owned(), name, username: Foreign::name(username), signed_in: true };
    accounts::View { form, client, accounts: vec![account], may_cancel: true }
}

pub(super) const THIS_ACCOUNT: &str = "use:1";
pub(super) const OTHER_ACCOUNT: &str = "other_account";

/// Of the device that the flow is for.
pub(super) fn code(seen: &Seen) -> Option<String> {
    seen.flow.device.as_ref().map(|device| device.user_code.to_string())
}

fn consent(seen: &Seen, scope: &Scope, form: Form) -> consent::View {
    let asked = scope.names().filter(|name| is_new(seen, name)).map(|name| Asked {
        scope: name.to_owned(),
        plainly: Plainly::of(name),
        needed: name == Scope::OPENID,
        ticked: true,
    });
    let pages = seen.client.read_about();
    consent::View {
        form,
        client: client(&seen.client),
        policy: pages.policy_uri.as_deref().and_then(on_the_web),
        terms: pages.tos_uri.as_deref().and_then(on_the_web),
        user: Foreign::name(seen.username.as_deref().unwrap_or_default()),
        more: scope.names().any(|name| !is_new(seen, name)),
        scopes: asked.collect(),
        details: seen.flow.request.extent.details.values().iter().map(details).collect(),
    }
}

/// Of a client [OIDCR §2]. People follow it.
fn on_the_web(address: &str) -> Option<Address> {
    Address::parse(address).filter(|_| address.starts_with("https://"))
}

/// Whether the person has not let the client have it before.
pub(super) fn is_new(seen: &Seen, scope: &str) -> bool {
    seen.remembered.as_ref().is_none_or(|remembered| !remembered.contains(scope))
}

/// One of the `authorization_details`, as facts: its type, and what it says, in its own words.
fn details(value: &Value) -> consent::Details {
    let said = |value: &Value| value.as_str().map_or_else(|| Foreign::text(&value.to_string()), Foreign::text);
    let members = value.as_object().into_iter().flatten();
    let (kind, rest): (Vec<_>, Vec<_>) = members.partition(|(name, _)| *name == "type");
    consent::Details {
        title: kind.first().map(|(_, kind)| said(kind)).unwrap_or_default(),
        facts: rest.into_iter().map(|(name, value)| (Foreign::name(name), said(value))).collect(),
    }
}

fn refuses(error: &FlowError, code: DetailCode) -> bool {
    matches!(error, FlowError::Refused(refusal) if refusal.details.iter().any(|detail| detail.code == code))
}

/// What came of a form.
enum Submitted {
    /// Somebody takes what is asked.
    Chosen,
    /// With the session of whoever is signed in by it.
    Done(Option<SignedIn>),
    /// The same, and the browser is remembered.
    Kept(Option<SignedIn>, RememberedKey),
    Wrong(Wrong),
}

/// What a passkey is to sign, where somebody may still answer.
pub(super) fn options(seen: &Seen) -> Option<String> {
    seen.passkey.as_ref().filter(|_| !seen.late).map(Value::to_string)
}

/// What else somebody may take.
fn ways(seen: &Seen) -> Vec<Way> {
    let way = |source: &Source| match source {
        Source::Identifier | Source::Mfa => None,
        Source::Password => Some(Way::Password),
        Source::Passkey => Some(Way::Passkey),
    };
    seen.flow.ways.iter().filter_map(way).collect()
}

fn hint(seen: &Seen) -> String {
    match &seen.flow.who {
        Who::Claimed(username) => username.clone(),
        Who::Proved(_) => seen.username.clone().unwrap_or_default(),
        Who::Nobody => String::new(),
    }
}

/// Why whoever is signed in is asked all the same.
fn reason(seen: &Seen) -> Option<Reason> {
    let flow = &seen.flow;
    let again = flow.again.map(|again| match again {
        Again::LongAgo => Reason::LongAgo,
        Again::Stronger => Reason::Stronger,
    });
    if flow.request.prompts(Prompt::Login) { Some(Reason::AskedByClient) } else { again }
}

fn client(client: &Client) -> sign_in::Client {
    // [security.md case 146] one that registered itself says of itself what it likes. Where its answers go is true.
    let registered = client.registered.is_some();
    let host = client.sign_in.as_ref().filter(|_| registered).and_then(|sign_in| {
        let home = url::Url::parse(sign_in.redirect_uris.first()?.as_str()).ok()?;
        home.host_str().map(Foreign::name)
    });
    sign_in::Client { name: Foreign::name(&client.name), logo: logo::path(client), host, verified: !registered }
}
