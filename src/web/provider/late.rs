//! The form of a sign-in that is over: who typed for too long finds it again, on the page of a new one. But for the
//! password, which is not sent back to anybody.

use poem::{Request, RequestBody, Response};

use super::pages::Wrong;
use super::trouble::{About, Trouble};
use super::{Provider, Visit};
use crate::http::client_authentication::client_ip;
use crate::protocol::authorization_response::Carrier;
use crate::protocol::flow_api::Status;
use crate::protocol::id::FlowId;
use crate::usecase::sign_in::anew::FIELD;
use crate::usecase::sign_in::authorize::Authorized;
use crate::usecase::sign_in::{Browser, Seen};
use crate::web::sign_in::{Address, Form, credentials, hop, identifier};

impl Provider {
    /// The form, with what it takes to go on from it later.
    pub(super) fn keeping(&self, mut form: Form, seen: &Seen) -> Form {
        form.hidden.extend(self.authorize.kept(seen).map(|kept| (FIELD.to_owned(), kept)));
        form
    }

    /// A form of a flow that is gone.
    pub(super) async fn late(
        &self,
        id: &FlowId,
        (request, body): (&Request, &mut RequestBody),
        browser: &Browser,
        visit: &Visit,
    ) -> Result<Response, Trouble> {
        let from = client_ip(request);
        // Of another browser, or of no page of ours: there is no such flow, whatever else is wrong.
        let Ok(form) = self.form_of_flow(id, (request, body), browser).await else { return Err(Trouble::Gone) };
        // Who gives up has nothing to go on with.
        let Some(kept) = form.get(FIELD).filter(|_| form.get("action") != Some("cancel")) else {
            return Err(Trouble::Gone);
        };
        let username = form.get("username").unwrap_or_default();
        let authorized = self.authorize.anew(id, kept, username, browser, from).await?.ok_or(Trouble::Gone)?;
        Ok(match authorized {
            Authorized::Answer { carrier, session } => {
                let mut response = match &carrier {
                    Carrier::Redirect(to) => self.onward(to, visit),
                    Carrier::FormPost { .. } | Carrier::Flow(_) => self.carried(&carrier, visit),
                };
                if let Some(session) = &session {
                    self.cookies.set_session(response.headers_mut(), session);
                }
                response
            }
            Authorized::Begun { application: Some(application), seen, .. } => {
                self.onward(&application.url.with_flow(&seen.id), visit)
            }
            Authorized::Begun { application: None, seen, .. } => {
                self.show(&seen, wrong(&seen, username).as_ref(), browser, visit)
            }
        })
    }

    /// To another origin. A redirect would be part of what a form does, and our own policy keeps forms at home.
    fn onward(&self, to: &str, visit: &Visit) -> Response {
        let around = self.around(visit, None);
        match Address::parse(to) {
            Some(target) => hop::render(&hop::View { client: None, target }, &around),
            None => Trouble::Internal.page(&About::default(), visit.reference.clone(), &around),
        }
    }
}

/// What the page says to whoever sees it again.
fn wrong(seen: &Seen, username: &str) -> Option<Wrong> {
    let username = username.to_owned();
    if seen.flow.offered().is_some() {
        return None;
    }
    let status = seen.flow.status();
    if status == Status::UsernamePasswordRequired {
        Some(Wrong::Credentials { username, problem: credentials::Problem::PageExpired })
    } else if status == Status::IdentifierRequired {
        Some(Wrong::Identifier { username, problem: identifier::Problem::PageExpired })
    } else {
        None
    }
}
