//! Our own pages about passwords: where people begin who come for nothing else, and each state of an errand,
//! on the way of a sign-in or beside it. Each form is one of the actions that the flow API takes.

use std::time::Duration;

use poem::http::Method;
use poem::{Request, RequestBody, Response};
use serde_json::{Map, Value};

use super::trouble::Trouble;
use super::{Provider, Visit, see_other};
use crate::domain::flow::errand::{Errand, Old};
use crate::domain::password::NewPassword;
use crate::domain::recovery::Means;
use crate::http::client_authentication::client_ip;
use crate::http::headers::queried;
use crate::protocol::flow_api::{Action, CanceledOperation, DetailCode, FlowErrorCode, FlowRefusal, Validator};
use crate::protocol::id::FlowId;
use crate::protocol::parameters::Parameters;
use crate::usecase;
use crate::usecase::sign_in::advance::{Calling, FlowError};
use crate::usecase::sign_in::beside::{ErrandSeen, Purpose};
use crate::usecase::sign_in::{Browser, Page};
use crate::web::sign_in::password::{self, Unfit};
use crate::web::sign_in::{Around, Form, Reason, credentials, recovery};

/// Where people begin [flows.md F18]. Password managers look for the last one.
const CHANGE: [&str; 3] = ["/ext/pwdchange/Identify", "/ext/password-change", "/.well-known/change-password"];
const RECOVER: [&str; 2] = ["/ext/pwdreset/Identify", "/ext/password-reset"];

/// Whether an errand begins here.
pub(super) fn is_entry(path: &str) -> bool {
    CHANGE.contains(&path) || RECOVER.contains(&path)
}

/// What was sent, and why it was refused.
#[derive(Clone, Copy)]
pub(super) struct Amiss<'a> {
    pub(super) error: &'a FlowError,
    pub(super) form: &'a Parameters,
}

/// Whether a refused action is told on the page that sent it.
pub(super) fn is_told(error: &FlowError) -> bool {
    match error {
        FlowError::Other(usecase::Error::TooMany { .. }) => true,
        FlowError::Refused(refusal) => {
            matches!(refusal.code, FlowErrorCode::ValidationError | FlowErrorCode::RequestFailed)
        }
        FlowError::Other(_) => false,
    }
}

impl Provider {
    /// A person comes to change a password, or to get over a forgotten one.
    pub(super) async fn errand(&self, request: &Request) -> Response {
        let visit = self.visit(request, None);
        if *request.method() != Method::GET {
            return self.troubled(&Trouble::Method, &visit).await;
        }
        let ticket = queried(request, "ticket");
        let purpose = if CHANGE.contains(&request.uri().path()) {
            Purpose::Change
        } else if self.beside.can_recover() {
            Purpose::Recover { ticket: ticket.as_deref() }
        } else {
            return self.troubled(&Trouble::Nothing, &visit).await;
        };
        let browser = self.cookies.browser(request.headers());
        let ui_locales = queried(request, "ui_locales");
        match self.beside.begin(purpose, (&browser, client_ip(request)), ui_locales.as_deref()).await {
            Ok(begun) => {
                let mut response = match &begun.application {
                    Some(application) => see_other(&application.url.with_flow(&begun.id)),
                    None => see_other(&self.address(&begun.id)),
                };
                if let Some(key) = &begun.key {
                    self.cookies.set_key(response.headers_mut(), key);
                }
                response
            }
            Err(error) => self.troubled(&error.into(), &visit).await,
        }
    }

    /// One that belongs to no sign-in.
    pub(super) async fn errand_page(
        &self,
        id: &FlowId,
        (request, body): (&Request, &mut RequestBody),
        browser: &Browser,
    ) -> Response {
        let seen = self.beside.read(id, (browser, client_ip(request)), Page::Own).await;
        let wished = seen.as_ref().ok().and_then(|seen| seen.flow.ui_locales.clone());
        let visit = self.visit(request, wished.as_deref());
        let seen = match seen {
            Ok(seen) => seen,
            Err(FlowError::Refused(refusal))
                if refusal.code == FlowErrorCode::FlowNotFound && *request.method() == Method::POST =>
            {
                return match Box::pin(self.late(id, (request, body), browser, &visit)).await {
                    Ok(response) => response,
                    Err(trouble) => self.troubled(&trouble, &visit).await,
                };
            }
            Err(error) => return self.troubled(&error.into(), &visit).await,
        };
        match *request.method() {
            Method::GET | Method::HEAD => self.show_errand(&seen, None, browser, &visit),
            Method::POST => match Box::pin(self.run_errand(&seen, (request, body), browser, &visit)).await {
                Ok(response) => response,
                Err(trouble) => self.troubled(&trouble, &visit).await,
            },
            _ => self.troubled(&Trouble::Method, &visit).await,
        }
    }

    async fn run_errand(
        &self,
        seen: &ErrandSeen,
        (request, body): (&Request, &mut RequestBody),
        browser: &Browser,
        visit: &Visit,
    ) -> Result<Response, Trouble> {
        let from = client_ip(request);
        let form = self.form_of_flow(&seen.id, (request, body), browser).await?;
        let here = || see_other(&self.address(&seen.id));
        let (action, body) = action(&seen.flow.errand, &form);
        let calling = Calling { browser, page: Page::Own, from, language: visit.locale.tag() };
        match self.beside.act(&seen.id, calling, action, &body).await {
            Ok(_) => Ok(here()),
            // Somebody pressed a button twice: the page shows where it is now.
            Err(FlowError::Refused(refusal)) if refusal.code == FlowErrorCode::InvalidActionId => Ok(here()),
            Err(error) if is_told(&error) => {
                Ok(self.show_errand(seen, Some(Amiss { error: &error, form: &form }), browser, visit))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn show_errand(&self, seen: &ErrandSeen, amiss: Option<Amiss<'_>>, browser: &Browser, visit: &Visit) -> Response {
        let here = self.here(&seen.id);
        let means = self.beside.means();
        let shown = Shown { errand: &seen.flow.errand, username: seen.username.as_deref(), means, alone: true, amiss };
        shown.page(self.form(&seen.id, browser), &self.around(visit, Some(&here)))
    }
}

/// The action that a pressed button is. Enter in a field presses none.
pub(super) fn action(errand: &Errand, form: &Parameters) -> (Action, Value) {
    let (action, members): (Action, &[(&str, &str)]) = match (errand, form.get("action")) {
        (Errand::Current { .. } | Errand::Choosing { .. }, Some("cancel")) => (Action::CancelPasswordChange, &[]),
        (
            Errand::Asking { .. } | Errand::Sent { .. } | Errand::Linked { .. } | Errand::Resetting { .. },
            Some("cancel"),
        ) => (Action::CancelAccountRecovery, &[]),
        (Errand::Sent { .. } | Errand::Resetting { .. }, Some("again")) | (Errand::Linked { .. }, _) => {
            (Action::InitiateAccountRecovery, &[])
        }
        (Errand::Current { .. }, _) => {
            (Action::CheckCurrentCredentials, &[("username", "username"), ("password", "password")])
        }
        (Errand::Choosing { .. }, _) => {
            (Action::CheckNewPassword, &[("existingPassword", "current_password"), ("newPassword", "new_password")])
        }
        (Errand::Asking { .. }, _) => (Action::CheckAccountRecoveryUsername, &[("username", "username")]),
        (Errand::Sent { .. }, _) => (Action::CheckRecoveryCode, &[("recoveryCode", "code")]),
        (Errand::Resetting { .. }, _) => (Action::CheckPasswordReset, &[("newPassword", "new_password")]),
        (Errand::Changed(_) | Errand::Reset { .. } | Errand::Canceled(_), _) => (Action::ContinueAuthentication, &[]),
    };
    (action, body(form, members))
}

/// What an action is sent with: its members, and the fields that they are made from. One that is not there is left out.
pub(super) fn body(form: &Parameters, members: &[(&str, &str)]) -> Value {
    let text = |name: &str| form.get(name).map(|value| Value::String(value.to_owned()));
    let members = members.iter().filter_map(|(member, field)| Some(((*member).to_owned(), text(field)?)));
    Value::Object(members.collect::<Map<_, _>>())
}

/// An errand, to be shown.
pub(super) struct Shown<'a> {
    pub(super) errand: &'a Errand,
    pub(super) username: Option<&'a str>,
    /// What letters have in them.
    pub(super) means: Means,
    /// No sign-in goes on after it.
    pub(super) alone: bool,
    pub(super) amiss: Option<Amiss<'a>>,
}

impl Shown<'_> {
    pub(super) fn page(&self, form: Form, around: &Around<'_>) -> Response {
        let least = u32::try_from(NewPassword::SHORTEST).unwrap_or(u32::MAX);
        let username = self.username.unwrap_or_default().to_owned();
        match self.errand {
            Errand::Current { .. } => credentials::render(&self.current(form), around),
            Errand::Choosing { old, .. } => {
                let (must, current) = (matches!(old, Old::MustChange(_)), *old == Old::ToBeGiven);
                let problem = self.amiss.map(Amiss::of_change);
                password::change::render(
                    &password::change::View { form, username, must, current, least, problem },
                    around,
                )
            }
            Errand::Asking { late, .. } => {
                let problem = self.amiss.map(Amiss::of_asking);
                let problem = problem.or(late.then_some(recovery::ask::Problem::MessageExpired));
                recovery::ask::render(&recovery::ask::View { form, username: self.typed(), problem }, around)
            }
            Errand::Sent { .. } => {
                let problem = self.amiss.map(Amiss::of_code);
                recovery::sent::render(&recovery::sent::View { form, means: self.means, problem }, around)
            }
            Errand::Linked { .. } => {
                let problem = self.amiss.map(Amiss::of_code);
                recovery::sent::render(&recovery::sent::View { form, means: Means::Link, problem }, around)
            }
            Errand::Resetting { .. } => {
                let problem = self.amiss.map(Amiss::of_new);
                password::new::render(&password::new::View { form, username, least, problem }, around)
            }
            Errand::Changed(_) | Errand::Reset { .. } => {
                let next = (!self.alone).then_some(form);
                password::done::render(&password::done::View { kept: false, everywhere: true, next }, around)
            }
            Errand::Canceled(CanceledOperation::PasswordChange | CanceledOperation::AccountRecovery) => {
                let next = (!self.alone).then_some(form);
                password::done::render(&password::done::View { kept: true, everywhere: false, next }, around)
            }
        }
    }

    fn current(&self, form: Form) -> credentials::View {
        credentials::View {
            form,
            client: None,
            username: self.typed(),
            reason: Some(Reason::PasswordChange),
            forgot: false,
            ways: Vec::new(),
            may_cancel: true,
            problem: self.amiss.map(Amiss::of_credentials),
        }
    }

    /// Nobody types a name twice.
    fn typed(&self) -> String {
        let sent = self.amiss.and_then(|amiss| amiss.form.get("username"));
        sent.or(self.errand.typed()).unwrap_or_default().to_owned()
    }
}

impl Amiss<'_> {
    fn refusal(&self) -> Option<&FlowRefusal> {
        match self.error {
            FlowError::Refused(refusal) => Some(refusal),
            FlowError::Other(_) => None,
        }
    }

    fn wait(&self) -> Option<Duration> {
        match self.error {
            FlowError::Other(usecase::Error::TooMany { retry_after }) => Some(*retry_after),
            FlowError::Other(_) | FlowError::Refused(_) => None,
        }
    }

    fn has(&self, code: DetailCode) -> bool {
        self.refusal().is_some_and(|refusal| refusal.details.iter().any(|detail| detail.code == code))
    }

    fn misses(&self, name: &str) -> bool {
        self.refusal().is_some_and(|refusal| refusal.misses(name))
    }

    fn unfit(&self) -> Option<Unfit> {
        if self.misses("newPassword") {
            return Some(Unfit::Missing);
        }
        let failed = self.refusal().and_then(|refusal| refusal.details.iter().find_map(|detail| detail.failed));
        failed.map(|failed| match failed {
            Validator::TooShort => Unfit::Short(count(NewPassword::SHORTEST)),
            Validator::TooLong => Unfit::Long(count(NewPassword::LONGEST)),
            Validator::Common | Validator::Characters => Unfit::Common,
            Validator::ContainsUsername => Unfit::Name,
            Validator::Unchanged => Unfit::Same,
        })
    }

    pub(super) fn of_credentials(self) -> credentials::Problem {
        use credentials::Problem;
        match (self.wait(), self.misses("username"), self.misses("password")) {
            (Some(wait), _, _) => Problem::SlowDown(wait),
            (None, true, true) => Problem::BothMissing,
            (None, true, false) => Problem::UsernameMissing,
            (None, false, true) => Problem::PasswordMissing,
            (None, false, false) => Problem::WrongCredentials,
        }
    }

    fn of_change(self) -> password::change::Problem {
        use password::change::Problem;
        match (self.wait(), self.unfit()) {
            (Some(wait), _) => Problem::SlowDown(wait),
            (None, Some(unfit)) => Problem::New(unfit),
            (None, None) if self.misses("existingPassword") => Problem::CurrentMissing,
            (None, None) if self.has(DetailCode::CredentialValidationFailed) => Problem::CurrentWrong,
            (None, None) => Problem::PageExpired,
        }
    }

    fn of_asking(self) -> recovery::ask::Problem {
        use recovery::ask::Problem;
        self.wait().map_or(Problem::Missing, Problem::SlowDown)
    }

    fn of_code(self) -> recovery::sent::Problem {
        use recovery::sent::Problem;
        match self.wait() {
            Some(wait) => Problem::SlowDown(wait),
            None if self.misses("recoveryCode") => Problem::Missing,
            None if self.has(DetailCode::InvalidOtp) => Problem::Wrong,
            None => Problem::Expired,
        }
    }

    fn of_new(self) -> password::new::Problem {
        use password::new::Problem;
        match (self.wait(), self.unfit()) {
            (Some(wait), _) => Problem::SlowDown(wait),
            (None, Some(unfit)) => Problem::New(unfit),
            (None, None) => Problem::Expired,
        }
    }
}

fn count(characters: usize) -> u64 {
    u64::try_from(characters).unwrap_or(u64::MAX)
}
