//! The account of whoever is signed in: `/account/passkeys`, `/account/devices`, `/account/applications`, and where they
//! show again that it is them.

use poem::http::Method;
use poem::{Request, RequestBody, Response};

use super::applications::APPLICATIONS;
use super::own_devices::DEVICES;
use super::trouble::Trouble;
use super::{Provider, Visit, see_other};
use crate::http::client_authentication::client_ip;
use crate::http::headers::queried;
use crate::protocol::id::{CeremonyId, PasskeyId};
use crate::protocol::parameters::Parameters;
use crate::protocol::public_id::{self, Kind};
use crate::usecase;
use crate::usecase::account::applications::OwnApplications;
use crate::usecase::account::confirm::{Ask, Confirm, Shown, Unproved};
use crate::usecase::account::devices::OwnDevices;
use crate::usecase::account::passkeys::{Outcome, OwnPasskeys, Signed};
use crate::usecase::sign_in::{Browser, SignedIn};
use crate::web::sign_in::Form;
use crate::web::sign_in::account::{confirm, new_passkey, passkeys};
use crate::words::{Foreign, Message};

/// Below the issuer.
pub(super) const PASSKEYS: &str = "/account/passkeys";
pub(super) const CONFIRM: &str = "/account/confirm";
/// The same for whoever comes from their devices, and goes back there.
pub(super) const CONFIRM_DEVICES: &str = "/account/confirm?for=devices";

/// Whether it is a page of the account.
pub(super) fn is_page(path: &str) -> bool {
    [PASSKEYS, CONFIRM, APPLICATIONS, DEVICES].contains(&path)
}

/// What people do with their own account.
pub struct Account {
    pub applications: OwnApplications,
    pub devices: OwnDevices,
    pub passkeys: OwnPasskeys,
    pub confirm: Confirm,
}

impl Provider {
    pub(super) async fn account(&self, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let (request, mut body) = request.split();
        let browser = self.cookies.browser(request.headers());
        let visit = self.visit(&request, None);
        let answered = match self.account.passkeys.signed(&browser).await {
            Ok(Some(signed)) if path == CONFIRM => {
                Box::pin(self.confirmation(&signed, (&request, &mut body), &browser, &visit)).await
            }
            Ok(Some(signed)) if path == APPLICATIONS => {
                Box::pin(self.applications(&signed, (&request, &mut body), &browser, &visit)).await
            }
            Ok(Some(signed)) if path == DEVICES => {
                Box::pin(self.own_devices(&signed, (&request, &mut body), &browser, &visit)).await
            }
            Ok(Some(signed)) => Box::pin(self.passkeys(&signed, (&request, &mut body), &browser, &visit)).await,
            Ok(None) => Err(Trouble::SignedOut),
            Err(error) => Err(usecase::Error::from(error).into()),
        };
        match answered {
            Ok(response) => response,
            Err(trouble) => self.troubled(&trouble, &visit).await,
        }
    }

    async fn passkeys(
        &self,
        signed: &Signed,
        (request, body): (&Request, &mut RequestBody),
        browser: &Browser,
        visit: &Visit,
    ) -> Result<Response, Trouble> {
        let form = match *request.method() {
            Method::GET | Method::HEAD => return Ok(self.listed(signed, None, browser, visit)),
            _ => self.pressed((request, body), browser).await?,
        };
        let own = &self.account.passkeys;
        let field = |name: &str| form.get(name).unwrap_or_default();
        let id = || public_id::decode(Kind::Passkey, field("passkey")).map(PasskeyId::new);
        let outcome = match (form.get("action"), id()) {
            (Some("add"), _) => match own.begin(signed).await.map_err(usecase::Error::from)? {
                Ok(begun) => {
                    let view = new_passkey::View {
                        form: self.own_form(PASSKEYS, Some(&begun.id), browser),
                        options: Some(begun.options.to_string()),
                        name: self.words.say(visit.locale, Message::MethodPasskey),
                        failed: false,
                    };
                    return Ok(new_passkey::render(&view, &self.around(visit, None)));
                }
                Err(outcome) => Ok(outcome),
            },
            (Some("rename"), Some(id)) => own.rename(signed, id, field("name")).await,
            (Some("remove"), Some(id)) => own.remove(signed, id).await,
            (Some("rename" | "remove"), None) => Ok(Outcome::Unknown),
            (Some("cancel"), _) => return Ok(self.to(PASSKEYS)),
            // A script presses no button.
            _ => {
                let id = CeremonyId::presented(field("ceremony"));
                own.register(signed, &id, field("attestation"), field("name")).await
            }
        };
        let problem = match outcome.map_err(usecase::Error::from)? {
            Outcome::Done => return Ok(self.to(PASSKEYS)),
            Outcome::ConfirmFirst => return Ok(self.to(CONFIRM)),
            Outcome::TooMany => passkeys::Problem::TooMany,
            Outcome::Unproved => passkeys::Problem::NotMade,
            Outcome::BadName => passkeys::Problem::BadName,
            Outcome::Unknown => passkeys::Problem::Gone,
        };
        Ok(self.listed(signed, Some(problem), browser, visit))
    }

    fn listed(
        &self,
        signed: &Signed,
        problem: Option<passkeys::Problem>,
        browser: &Browser,
        visit: &Visit,
    ) -> Response {
        let listed = signed.passkeys.iter().map(|passkey| passkeys::Passkey {
            id: public_id::encode(Kind::Passkey, passkey.id.uuid()),
            name: Foreign::name(passkey.name.as_str()),
            created_at: passkey.created_at.to_string(),
            last_used_at: passkey.last_used_at.map(|at| at.to_string()),
        });
        let view = passkeys::View {
            form: self.own_form(PASSKEYS, None, browser),
            user: Foreign::name(&signed.user.username),
            passkeys: listed.collect(),
            problem,
            applications: format!("{}{APPLICATIONS}", self.site.base),
            devices: format!("{}{DEVICES}", self.site.base),
        };
        let here = format!("{}{PASSKEYS}", self.site.base);
        passkeys::render(&view, &self.around(visit, Some(&here)))
    }

    async fn confirmation(
        &self,
        signed: &Signed,
        (request, body): (&Request, &mut RequestBody),
        browser: &Browser,
        visit: &Visit,
    ) -> Result<Response, Trouble> {
        let way = way(request);
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return self.ask_again((signed, way), None, browser, visit).await;
        }
        let form = self.pressed((request, body), browser).await?;
        if form.get("action") == Some("cancel") {
            return Ok(self.to(way.back));
        }
        let id = CeremonyId::presented(form.get("ceremony").unwrap_or_default());
        let shown = shown(&form, &id);
        let problem = match &shown {
            Shown::Password { password: "", .. } => Some(confirm::Problem::PasswordMissing),
            Shown::Password { code: "", .. } if signed.shows_code() => Some(confirm::Problem::CodeMissing),
            Shown::Passkey { assertion: "", .. } => Some(confirm::Problem::NoScript),
            Shown::Password { .. } | Shown::Passkey { .. } => None,
        };
        if problem.is_some() {
            return self.ask_again((signed, way), problem, browser, visit).await;
        }
        let wrong = match &shown {
            Shown::Password { .. } => confirm::Problem::PasswordWrong,
            Shown::Passkey { .. } => confirm::Problem::PasskeyFailed,
        };
        match self.account.confirm.confirm(signed, shown, (browser, client_ip(request))).await {
            Ok(Ok(signed_in)) => Ok(self.confirmed(&signed_in, way)),
            Ok(Err(unproved)) => {
                let problem = match unproved {
                    Unproved::Wrong => wrong,
                    Unproved::WrongCode => confirm::Problem::CodeWrong,
                    Unproved::Locked => confirm::Problem::CodeLocked,
                };
                self.ask_again((signed, way), Some(problem), browser, visit).await
            }
            Err(usecase::Error::TooMany { retry_after }) => {
                self.ask_again((signed, way), Some(confirm::Problem::SlowDown(retry_after)), browser, visit).await
            }
            Err(error) => Err(error.into()),
        }
    }

    fn confirmed(&self, signed_in: &SignedIn, way: Way) -> Response {
        let mut response = self.to(way.back);
        self.cookies.set_session(response.headers_mut(), signed_in);
        response
    }

    async fn ask_again(
        &self,
        (signed, way): (&Signed, Way),
        problem: Option<confirm::Problem>,
        browser: &Browser,
        visit: &Visit,
    ) -> Result<Response, Trouble> {
        let ask = self.account.confirm.ask(signed).await.map_err(usecase::Error::from)?;
        let (ceremony, with) = match &ask {
            Ask::Password => (None, confirm::With::Password(signed.user.username.clone())),
            Ask::Passkey { id, options } => (Some(id), confirm::With::Passkey(options.to_string())),
        };
        let form = self.own_form(way.here, ceremony, browser);
        let (user, code) = (Foreign::name(&signed.user.username), signed.shows_code());
        let view = confirm::View { form, user, with, code, problem };
        let here = format!("{}{}", self.site.base, way.here);
        Ok(confirm::render(&view, &self.around(visit, Some(&here))))
    }

    pub(super) fn own_form(&self, path: &str, ceremony: Option<&CeremonyId>, browser: &Browser) -> Form {
        let mark = ("csrf".to_owned(), self.mark_of_session(browser));
        let ceremony = ceremony.map(|id| ("ceremony".to_owned(), id.expose().clone()));
        Form {
            action: format!("{}{path}", self.issuer),
            hidden: std::iter::once(mark).chain(ceremony).collect(),
            expires_in: None,
        }
    }

    pub(super) fn to(&self, path: &str) -> Response {
        see_other(&format!("{}{path}", self.issuer))
    }
}

/// Where somebody shows that it is them, and where they go on.
#[derive(Clone, Copy)]
struct Way {
    here: &'static str,
    back: &'static str,
}

fn way(request: &Request) -> Way {
    if queried(request, "for").as_deref() == Some("devices") {
        Way { here: CONFIRM_DEVICES, back: DEVICES }
    } else {
        Way { here: CONFIRM, back: PASSKEYS }
    }
}

fn shown<'a>(form: &'a Parameters, id: &'a CeremonyId) -> Shown<'a> {
    match (form.get("action"), form.get("assertion")) {
        (_, Some(assertion)) => Shown::Passkey { id, assertion },
        // Without a script.
        (Some("passkey"), None) => Shown::Passkey { id, assertion: "" },
        (_, None) => {
            let given = |name| form.get(name).unwrap_or_default();
            Shown::Password { password: given("password"), code: given("code") }
        }
    }
}
