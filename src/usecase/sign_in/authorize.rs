//! A request at the authorization endpoint [OIDCC §3.1.2]: refused, answered at once because the person is
//! signed in already, or the beginning of a flow.

use std::net::IpAddr;
use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::application::Application;
use crate::domain::audit::Action;
use crate::domain::client::Client;
use crate::domain::flow::{At, Flow, Start};
use crate::domain::mobile_app::MobileApp;
use crate::domain::profile::Profiles;
use crate::domain::subject::Subjects;
use crate::entropy::Entropy;
use crate::protocol::authorization_request::{AuthorizationRequest, Destination, Prompt, ResponseMode};
use crate::protocol::authorization_response::Carrier;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::{BrowserKey, ClientId, FlowId, RequestId, UserId};
use crate::protocol::parameters::Parameters;
use crate::secret::MasterKey;
use crate::store::ephemeral::Shelf;
use crate::usecase::Error;
use crate::usecase::device_trust::read_payload::{Within, is_encrypted};
use crate::usecase::record_refusal::RecordRefusal;
use crate::usecase::sign_in::conclude::Conclude;
use crate::usecase::sign_in::limit_flows::LimitFlows;
use crate::usecase::sign_in::read_request::ReadRequest;
use crate::usecase::sign_in::respond::Respond;
use crate::usecase::sign_in::send_code::Asker;
use crate::usecase::sign_in::shown::refused;
use crate::usecase::sign_in::{Browser, Known, Seen, SignedIn};
use crate::usecase::signing_keys::KeyRing;

pub struct Authorize {
    pub known: Arc<Known>,
    pub flows: Shelf<Flow>,
    pub limits: Arc<LimitFlows>,
    pub conclude: Arc<Conclude>,
    pub read: Arc<ReadRequest>,
    pub respond: Arc<Respond>,
    pub refusals: RecordRefusal,
    /// Whoever has forgotten a password can be written to.
    pub recoverable: bool,
    pub keys: Arc<KeyRing>,
    pub subjects: Arc<Subjects>,
    pub profiles: Profiles,
    /// Seals what forms keep.
    pub master: Arc<MasterKey>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// Whoever brings a request.
#[derive(Clone, Copy)]
pub struct Visitor<'a> {
    pub browser: &'a Browser,
    pub from: IpAddr,
    /// What the address itself has of it.
    pub query: &'a str,
}

/// The same, heard.
#[derive(Clone, Copy)]
pub(super) struct Comer<'a> {
    pub browser: &'a Browser,
    pub cookieless: bool,
    pub from: IpAddr,
    /// By which app [flows.md F6, F7].
    pub payload: Option<&'a str>,
}

#[derive(Debug)]
pub enum Authorized {
    /// The answer of the client's request: a code, or why there is none.
    Answer { carrier: Carrier, session: Option<SignedIn> },
    /// A person has to act. `key`: for a browser that had none. `application`: who shows it, where that is
    /// not us.
    Begun { seen: Box<Seen>, key: Option<BrowserKey>, application: Option<Arc<Application>> },
}

/// The client of a request that has no answer.
#[derive(Debug)]
pub struct Whose {
    pub client: Arc<Client>,
    /// Where it hears that there is none, if the request names an address of its own.
    pub back: Option<String>,
}

impl Authorize {
    /// Refused: there is no client, or none of its addresses, to which an answer could go.
    #[tracing::instrument(level = "debug", name = "authorize", skip_all)]
    pub async fn authorize(
        &self,
        parameters: &Parameters,
        Visitor { browser, from, query }: Visitor<'_>,
    ) -> Result<Authorized, Error> {
        let now = self.clock.now();
        let id = parameters.get("client_id").and_then(ClientId::parse);
        let id = id.ok_or(Refusal::invalid_request("client_id is missing or malformed."))?;
        let client = self.known.client(&id).await?.ok_or_else(super::no_sign_in)?;
        let read = match self.heard(&client, parameters, now).await {
            Ok(read) => read,
            // [RFC 9101 §7] told to the client, if what was sent beside it says where that is.
            Err(Error::Refused(refusal)) => match destination(&client, parameters) {
                Ok(destination) => return self.refused(&client, &destination, &refusal).await,
                Err(_) => return Err(refusal.into()),
            },
            Err(error) => return Err(error),
        };
        let parameters = read.as_ref().unwrap_or(parameters);
        let destination = destination(&client, parameters)?;
        let sign_on = self.known.directory.sign_on().await?;
        let permitted = self.read.permitted(&client, &sign_on)?;
        let request = AuthorizationRequest::parse(parameters, destination.clone(), &permitted);
        let demands = self.profiles.of(&client);
        let payload = payload(parameters, query);
        let request = request.and_then(|request| demands.met_by(&request).map(|()| request));
        match request.and_then(|request| Ok((request, payload?))) {
            Ok((request, payload)) => {
                // What a browser has beside it would belong to whoever used it before.
                let cookieless = client.sign_in.as_ref().is_some_and(|sign_in| sign_in.cookieless);
                let alone = cookieless && destination.mode == ResponseMode::Flow;
                let nobody = Browser::default();
                let browser = if alone { &nobody } else { browser };
                let comer = Comer { browser, cookieless: alone, from, payload };
                let (hint, sub) = (parameters.get("id_token_hint"), request.extent.claims.sub.as_deref());
                match self.meant(&client, hint, sub) {
                    Ok(meant) => self.begin(&client, request, meant, comer, now).await,
                    Err(refusal) => self.refused(&client, &destination, &refusal).await,
                }
            }
            Err(refusal) => self.refused(&client, &destination, &refusal).await,
        }
    }

    /// Whose request it was, for a page that says why it goes no further. One that was refused went back already,
    /// if it could: what is left to be told is that we are the trouble.
    pub async fn whose(&self, parameters: &Parameters) -> Option<Whose> {
        let id = parameters.get("client_id").and_then(ClientId::parse)?;
        let client = self.known.directory.client(&id).await.ok()??;
        let destination = destination(&client, parameters).ok().filter(|_| !client.disabled);
        // [RFC 6749 §4.1.2.1]
        let busy = Refusal::new(ErrorCode::TemporarilyUnavailable, "The server cannot answer now.");
        let carried = match destination {
            Some(to) => self.respond.carried(&client, &to, refused(&busy)).await.ok(),
            None => None,
        };
        let back = match carried {
            Some(Carrier::Redirect(uri)) => Some(uri),
            Some(Carrier::FormPost { .. } | Carrier::Flow(_)) | None => None,
        };
        Some(Whose { client, back })
    }

    /// What a browser brings of a client that may be heard.
    async fn heard(
        &self,
        client: &Arc<Client>,
        parameters: &Parameters,
        now: Timestamp,
    ) -> Result<Option<Parameters>, Error> {
        if let Some(unmet) = self.profiles.of(client).unmet_by(client).next() {
            return Err(Refusal::new(ErrorCode::UnauthorizedClient, unmet.description()).into());
        }
        self.read.brought(client, parameters, now).await
    }

    pub(super) async fn begin(
        &self,
        client: &Arc<Client>,
        request: AuthorizationRequest,
        meant: Option<UserId>,
        Comer { browser, cookieless, from, payload }: Comer<'_>,
        now: Timestamp,
    ) -> Result<Authorized, Error> {
        let destination = request.destination.clone();
        self.respond.ready(client, &destination).await?;
        let session = self.known.session(browser, now).await?;
        let user = session.as_ref().map(|session| session.user);
        let judged = self.known.judged(Arc::clone(client), user, now).await?;
        let (key, fresh) = browser.recognised(&self.entropy);
        let transaction = RequestId::new(self.entropy.ordered_uuid(now));
        let within = Within { transaction, flow: None, challenge: request.challenge.as_ref() };
        let app = match self.app(client, payload, &within).await {
            Ok(app) => app,
            Err(Error::Refused(refusal)) => return self.refused(client, &destination, &refusal).await,
            Err(error) => return Err(error),
        };
        let start = Start {
            transaction,
            client: client.id.clone(),
            request,
            browser: key,
            from: Some(from),
            cookieless,
            recoverable: self.recoverable,
            meant,
            device: None,
            app,
        };
        // Nobody is written to before they have done something.
        let begun = Flow::begin(start, session.as_ref(), &judged.around()).in_browser(browser.remembered_by());
        let flow = self.known.asking(begun, &judged, Asker::unseen()).await?;
        if let Some(refusal) = not_without_a_person(&flow) {
            return self.refused(client, &destination, &refusal).await;
        }
        match &flow.at {
            At::Ready if destination.mode != ResponseMode::Flow => match self.conclude.conclude(&flow, browser).await {
                Ok(concluded) => {
                    let session = concluded.session.as_ref().map(|signed_in| &signed_in.session);
                    let session = session.or(browser.session.as_ref());
                    let carrier = self.respond.signed_in(client, &destination, concluded.response, session).await?;
                    Ok(Authorized::Answer { carrier, session: concluded.session })
                }
                Err(Error::Refused(refusal)) => self.refused(client, &destination, &refusal).await,
                Err(error) => Err(error),
            },
            // Nobody has met the authentication application yet: the client is told directly.
            At::Failed(failure) => self.refused(client, &destination, &failure.refusal()).await,
            At::Ready
            | At::UserCode
            | At::Account(_)
            | At::Device
            | At::Asking(..)
            | At::Errand(_)
            | At::Consent(_)
            | At::Completed(_)
            | At::Left
            | At::Connected => {
                self.limits.admit(from).await?;
                let id = FlowId::new(self.entropy.alphanumeric());
                // Without a browser nobody comes for an answer: it is in the first state already.
                let (flow, session) = match flow.at {
                    At::Ready => self.conclude.complete(&id, flow, browser).await?,
                    At::UserCode
                    | At::Account(_)
                    | At::Device
                    | At::Asking(..)
                    | At::Errand(_)
                    | At::Consent(_)
                    | At::Completed(_)
                    | At::Left
                    | At::Connected
                    | At::Failed(_) => (flow, None),
                };
                self.limits.keep(&id, &flow, now).await?;
                let seen = self.conclude.shown.seen(&id, flow, Arc::clone(client)).await?;
                let (state, key) = if cookieless { (fresh, None) } else { (None, fresh) };
                let application = self.known.application_of(&judged).await?;
                Ok(Authorized::Begun { seen: Box::new(Seen { session, state, ..seen }), key, application })
            }
        }
    }

    /// The app that a payload shows.
    async fn app(
        &self,
        client: &Client,
        payload: Option<&str>,
        within: &Within<'_>,
    ) -> Result<Option<MobileApp>, Error> {
        let Some(payload) = payload else { return Ok(None) };
        let read = self.known.second_factors.payloads.read(payload, client, within).await?;
        let told = "mobilePayload is not of the client's application, not for this request, or not of now.";
        Ok(Some(read.map_err(|why| Refusal::invalid_request(told).because(why))?))
    }

    /// Whom the client means.
    fn meant(&self, client: &Client, hint: Option<&str>, sub: Option<&str>) -> Result<Option<UserId>, Refusal> {
        let hinted = match hint {
            Some(hint) => Some(self.keys.subject_of_hint(hint, &client.id)?),
            None => None,
        };
        // [OIDCC §5.5] the claim `sub` says the same.
        if hinted.as_deref().zip(sub).is_some_and(|(hinted, sub)| hinted != sub) {
            return Err(Refusal::invalid_request("id_token_hint and the claim sub name different people."));
        }
        // As the client knows them: as long as it knew people by other subjects, it was told of others.
        let nobody = || Refusal::invalid_request("Nobody has the sub that is named.");
        hinted.as_deref().or(sub).map(|sub| self.subjects.user(client, sub).ok_or_else(nobody)).transpose()
    }

    async fn refused(
        &self,
        client: &Arc<Client>,
        destination: &Destination,
        refusal: &Refusal,
    ) -> Result<Authorized, Error> {
        let reason = format!("{}: {}", refusal.code.as_str(), refusal.detail);
        tracing::info!(client.id = %client.id, error = refusal.code.as_str(), detail = %refusal.detail, "authorization refused");
        self.refusals.record(Action::SignInRefused, reason, Some(client.id.clone())).await;
        // Whoever is owed signed answers believes no other, not even one that says no.
        let signed = self.profiles.of(client).signed_answers.then(|| destination.clone().signed());
        let destination = signed.as_ref().unwrap_or(destination);
        let carrier = self.respond.carried(client, destination, refused(refusal)).await?;
        Ok(Authorized::Answer { carrier, session: None })
    }
}

/// Where the answer of a client's request goes.
pub(super) fn destination(client: &Client, parameters: &Parameters) -> Result<Destination, Refusal> {
    let registered = client.sign_in.as_ref().ok_or_else(super::no_sign_in)?;
    Destination::parse(parameters, &registered.redirect_uris)
}

/// By which app the person signs in. An address is kept where others read it, and a payload says a lot about a phone:
/// there, it is encrypted for us [flows.md H.2].
fn payload<'p>(parameters: &'p Parameters, query: &str) -> Result<Option<&'p str>, Refusal> {
    let Some(payload) = parameters.get("mobilePayload") else { return Ok(None) };
    let in_address = Parameters::parse(query.as_bytes())?;
    if !is_encrypted(payload) && (in_address.contains("mobilePayload") || in_address.contains("request")) {
        let told = "mobilePayload has to be encrypted in a URL: encrypt it, push the request [RFC 9126], or post it.";
        return Err(Refusal::invalid_request(told));
    }
    Ok(Some(payload))
}

/// What `prompt=none` cannot have [OIDCC §3.1.2.6].
fn not_without_a_person(flow: &Flow) -> Option<Refusal> {
    if !flow.request.prompts(Prompt::None) {
        return None;
    }
    match &flow.at {
        At::Account(_) | At::Asking(..) | At::Errand(_) => {
            Some(Refusal::new(ErrorCode::LoginRequired, "The person has to sign in."))
        }
        At::Consent(_) => Some(Refusal::new(ErrorCode::ConsentRequired, "The person has to agree.")),
        At::Ready | At::UserCode | At::Device | At::Completed(_) | At::Left | At::Connected | At::Failed(_) => None,
    }
}
