//! Signing out [RIL]: at the word of a relying party that shows whom it means, or at the person's own.

use std::sync::Arc;

use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::client::Client;
use crate::domain::logout::Ended;
use crate::domain::session::Session;
use crate::domain::subject::Subjects;
use crate::entropy::Entropy;
use crate::protocol::error::Refusal;
use crate::protocol::id::{ClientId, SessionId};
use crate::protocol::id_token::Hint;
use crate::protocol::parameters::Parameters;
use crate::store::ephemeral::StoreError;
use crate::usecase::Error;
use crate::usecase::sign_in::{Browser, Known};
use crate::usecase::signing_keys::KeyRing;
use crate::usecase::tell_logout::TellLogout;

pub struct LogOut {
    pub known: Arc<Known>,
    pub keys: Arc<KeyRing>,
    pub subjects: Arc<Subjects>,
    pub tell: TellLogout,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// What came of a request to sign somebody out.
#[derive(Debug)]
pub enum LoggedOut {
    /// Nobody is signed in here any more.
    Done(Done),
    /// Nothing shows that the request is its person's own wish: they are asked.
    Ask(Ask),
}

#[derive(Debug)]
pub struct Done {
    /// There was a session, and this request ended it.
    pub ended: bool,
    /// Somewhere the browser may go now.
    pub onward: Option<Onward>,
    /// It goes there by itself: the relying party has shown that it means who was signed in.
    pub at_once: bool,
    /// What the browser loads on the way, so that clients hear of it there [FCL §3].
    pub frames: Vec<String>,
    /// What those are called that do not know of it, as far as we know.
    pub untold: Vec<String>,
}

impl Done {
    /// Nobody was signed in.
    pub const fn nothing(onward: Option<Onward>, at_once: bool) -> Self {
        Self { ended: false, onward, at_once, frames: Vec::new(), untold: Vec::new() }
    }
}

/// An address that the relying party registered for this.
#[derive(Debug)]
pub struct Onward {
    pub client: Arc<Client>,
    pub uri: String,
}

#[derive(Debug)]
pub struct Ask {
    pub username: String,
    pub client: Option<Arc<Client>>,
    /// What the others are called that will be told.
    pub apps: Vec<String>,
}

/// Who asks, and for what.
struct Asked {
    client: Option<Arc<Client>>,
    /// An ID token of this client.
    hint: Option<Hint>,
    onward: Option<Onward>,
}

impl LogOut {
    /// A request at the end-session endpoint [RIL §2]. Refused, nothing has changed.
    #[tracing::instrument(level = "debug", name = "log_out", skip_all)]
    pub async fn ask(&self, parameters: &Parameters, browser: &Browser) -> Result<LoggedOut, Error> {
        let now = self.clock.now();
        let asked = self.asked(parameters).await?;
        let Some(session) = self.session(browser, now).await? else {
            let at_once = asked.hint.is_some();
            return Ok(LoggedOut::Done(Done::nothing(asked.onward, at_once)));
        };
        // [security.md case 141] Anybody can send a browser here. Who has an ID token of this very person is a
        // relying party at which they signed in; nobody else ends a session without having asked them.
        let shown = asked.hint.as_ref().zip(asked.client.as_deref());
        let meant = shown.and_then(|(hint, client)| self.subjects.user(client, &hint.sub));
        if meant != Some(session.user) {
            let user = self.known.directory.user(&session.user).await?;
            let username = user.map(|user| user.username.clone()).unwrap_or_default();
            let told = self.known.sessions.told(session.id).await?;
            let others = told.into_iter().filter(|told| asked.client.as_ref().is_none_or(|asks| asks.id != told.id));
            let mut apps: Vec<String> = others.map(|client| client.name).collect();
            apps.sort();
            return Ok(LoggedOut::Ask(Ask { username, client: asked.client, apps }));
        }
        Ok(LoggedOut::Done(self.end(&session, asked, true, now).await?))
    }

    /// The person was asked, and wants it.
    #[tracing::instrument(level = "debug", name = "log_out_confirmed", skip_all)]
    pub async fn confirmed(&self, parameters: &Parameters, browser: &Browser) -> Result<Done, Error> {
        let now = self.clock.now();
        let asked = self.asked(parameters).await?;
        let session = self.session(browser, now).await?;
        match &session {
            Some(session) => Ok(self.end(session, asked, false, now).await?),
            None => Ok(Done::nothing(asked.onward, false)),
        }
    }

    /// Who is signed in in this browser, as a page may say it.
    pub async fn username(&self, browser: &Browser) -> Result<Option<String>, Error> {
        let Some(session) = self.session(browser, self.clock.now()).await? else { return Ok(None) };
        let user = self.known.directory.user(&session.user).await?;
        Ok(user.map(|user| user.username.clone()))
    }

    /// Of anybody: a person who was locked has a session that can end all the same.
    async fn session(&self, browser: &Browser, now: Timestamp) -> Result<Option<Session>, StoreError> {
        match &browser.session {
            Some(token) => self.known.sessions.find(&token.digest(), now).await,
            None => Ok(None),
        }
    }

    async fn asked(&self, parameters: &Parameters) -> Result<Asked, Error> {
        let named = parameters.get("client_id").and_then(ClientId::parse);
        // A hint that is none is as good as no hint: the person is asked.
        let hint = parameters.get("id_token_hint").and_then(|token| {
            let why = |error| tracing::info!(detail = %error, "an id_token_hint counts for nothing");
            self.keys.hint(token).map_err(why).ok()
        });
        if let (Some(hint), true) = (&hint, parameters.contains("client_id"))
            && !named.as_ref().is_some_and(|client| hint.is_for(client))
        {
            // [RIL §2]
            return Err(Refusal::invalid_request("client_id is not that of the ID token.").into());
        }
        let id = named.or_else(|| hint.as_ref().and_then(Hint::client));
        let client = match id {
            Some(id) => self.known.directory.client(&id).await?.filter(|client| !client.disabled),
            None => None,
        };
        let hint = hint.filter(|_| client.is_some());
        let onward = client.as_ref().map_or(Ok(None), |client| onward(client, parameters))?;
        Ok(Asked { client, hint, onward })
    }

    async fn end(&self, session: &Session, asked: Asked, at_once: bool, now: Timestamp) -> Result<Done, StoreError> {
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::SessionEnded).user(session.user);
        let event = asked.client.iter().fold(event, |event, client| event.client(&client.id));
        let ended = self.known.sessions.end(session.id, &event, now).await?;
        let done = Done { ended: true, ..Done::nothing(asked.onward, at_once) };
        // Where it had ended already, somebody else has recorded that.
        let Some(clients) = ended else { return Ok(done) };
        tracing::info!(user.id = %session.user, "signed out");
        let wanted = clients.iter().filter_map(|client| client.logout()?.frontchannel.as_ref());
        let frames: Vec<String> =
            wanted.filter_map(|logout| frame(&logout.uri, &self.keys.issuer, session.id)).collect();
        // Whoever goes on by themselves reads nothing, and waits for nobody.
        let reads = done.onward.is_none() || !at_once || !frames.is_empty();
        let untold = if reads { self.untold(session, &clients, asked.client.as_deref()).await } else { Vec::new() };
        Ok(Done { frames, untold, ..done })
    }

    /// What those are called that nobody can tell, and those that did not answer. Not the one that asks: it knows.
    async fn untold(&self, session: &Session, clients: &[Client], asks: Option<&Client>) -> Vec<String> {
        let calls = |client: &&Client| client.logout().is_some_and(|logout| logout.backchannel.is_some());
        let ended = |client: &Client| Ended { session: session.id, user: session.user, client: client.id.clone() };
        let missed = self.tell.at_once(clients.iter().filter(calls).map(ended).collect()).await;
        let others = clients.iter().filter(|client| asks.is_none_or(|asks| asks.id != client.id));
        let untold = others.filter(|client| client.logout().is_none() || missed.contains(&client.id));
        let mut untold: Vec<String> = untold.map(|client| client.name.clone()).collect();
        untold.sort();
        untold
    }
}

/// [FCL §2] with `iss` and `sid`, so that nobody ends a session there who does not know it.
fn frame(uri: &str, issuer: &str, session: SessionId) -> Option<String> {
    let mut url = Url::parse(uri).ok()?;
    url.query_pairs_mut().append_pair("iss", issuer).append_pair("sid", &session.to_string());
    Some(url.into())
}

/// [RIL §3] where the browser goes: an address exactly as registered, with `state` as it came and nothing
/// else. `None`: nowhere.
fn onward(client: &Arc<Client>, parameters: &Parameters) -> Result<Option<Onward>, Refusal> {
    let Some(uri) = parameters.get("post_logout_redirect_uri") else { return Ok(None) };
    let registered = client.sign_in.iter().flat_map(|sign_in| &sign_in.post_logout_redirect_uris);
    if !registered.into_iter().any(|registered| registered.accepts(uri)) {
        return Err(Refusal::invalid_request("post_logout_redirect_uri is not registered for the client."));
    }
    let uri = match parameters.get("state") {
        Some(state) => {
            let join = if uri.contains('?') { '&' } else { '?' };
            let state: String = byte_serialize(state.as_bytes()).collect();
            format!("{uri}{join}state={state}")
        }
        None => uri.to_owned(),
    };
    Ok(Some(Onward { client: Arc::clone(client), uri }))
}
