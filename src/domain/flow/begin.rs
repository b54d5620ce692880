//! How a flow begins: with nothing, or with what the session of the browser stands for.

use std::net::IpAddr;

use super::{Again, Around, At, Factor, Failure, Flow, ForDevice, Note, Notes, Offered, Who, is_too_old};
use crate::clock::Timestamp;
use crate::domain::mobile_app::MobileApp;
use crate::domain::policy::Source;
use crate::domain::session::Session;
use crate::protocol::authorization_request::{AuthorizationRequest, Prompt};
use crate::protocol::id::{BrowserKey, ClientId, DeviceId, RequestId, UserId};
use crate::protocol::notification::Said;
use crate::secret::Digest;

/// What a flow begins with.
#[derive(Clone, Debug)]
pub struct Start {
    pub transaction: RequestId,
    pub client: ClientId,
    pub request: AuthorizationRequest,
    pub browser: Digest<BrowserKey>,
    /// From where somebody calls. `None`: nobody does, for whom it would be.
    pub from: Option<IpAddr>,
    pub cookieless: bool,
    pub recoverable: bool,
    /// Whom the relying party means [OIDCC §3.1.2.1, `id_token_hint`].
    pub meant: Option<UserId>,
    pub device: Option<ForDevice>,
    /// The app that has shown itself with the request.
    pub app: Option<MobileApp>,
}

impl Flow {
    /// `session`: what the browser has. It counts where the request lets it.
    pub fn begin(start: Start, session: Option<&Session>, around: &Around<'_>) -> Self {
        let again = session.filter(|session| is_of_before(session, &start, around.now)).map(|_| Again::LongAgo);
        let session = session.filter(|session| counts(session, &start.request, start.meant, around.now));
        // [OIDCC §3.1.2.1] with one account, too, there is a choice: that one or another.
        let chooses = start.request.prompts(Prompt::SelectAccount);
        let who = start.request.login_hint.clone().map_or(Who::Nobody, Who::Claimed);
        // Where the walk below leads is what counts.
        let flow = Self { who, again, ..Self::new(start, At::Failed(Failure::NothingVerified), around.now) };
        match session.map(Offered::from) {
            Some(offered) if chooses => Self { at: At::Account(offered), ..flow },
            Some(offered) => flow.going_on(offered, around),
            None => flow.settled(around),
        }
    }

    /// The session stands for what it is worth.
    pub(super) fn going_on(mut self, offered: Offered, around: &Around<'_>) -> Self {
        let Offered { session, user, authentication } = offered;
        for step in around.policy.steps() {
            if step.source == Source::Identifier {
                self.notes.set(step.id.clone(), Note::Identified);
            } else if step.source != Source::Mfa && self.is_worth(authentication.acr, step) {
                // What counts as a second factor, each policy says anew, of devices as they are now.
                self.notes.set(step.id.clone(), Note::Verified(Factor::Session));
            }
        }
        self.session = Some(session);
        self.from = Some(session);
        self.who = Who::Proved(user);
        self.authenticated = Some(authentication);
        self.settled(around)
    }

    /// For a device that somebody has yet to name, run by the client itself.
    pub fn awaiting_code(start: Start, now: Timestamp) -> Self {
        Self { run_by: Some(start.client.clone()), ..Self::new(start, At::UserCode, now) }
    }

    /// Of somebody whom whoever asks knows by other means: nothing is asked of them but what the policy has left.
    pub fn of_known(start: Start, user: UserId, around: &Around<'_>) -> Self {
        let flow = Self::new(start, At::Failed(Failure::NothingVerified), around.now);
        Self { who: Who::Proved(user), ..flow }.settled(around)
    }

    /// The person has to read this.
    #[must_use]
    pub fn saying(self, said: Option<Said>) -> Self {
        Self { said: said.map(Box::new), ..self }
    }

    /// A code may go to this address.
    #[must_use]
    pub fn given(self, given: Option<DeviceId>) -> Self {
        Self { given, ..self }
    }

    /// Nothing has happened yet.
    fn new(start: Start, at: At, started_at: Timestamp) -> Self {
        let Start { transaction, client, request, browser, from, cookieless, recoverable, meant, device, app } = start;
        Self {
            transaction,
            client,
            request,
            device,
            run_by: None,
            browser,
            cookieless,
            recoverable,
            session: None,
            from: None,
            meant,
            who: Who::Nobody,
            again: None,
            authenticated: None,
            trusted: None,
            by_code: None,
            password: None,
            notes: Notes::default(),
            turned: None,
            ways: Vec::new(),
            ceremony: None,
            app,
            second_factor: None,
            asked_on: None,
            called_from: from,
            remembered_by: None,
            newcomer: None,
            enrolment: None,
            managing: None,
            agreed: None,
            at,
            started_at,
            said: None,
            given: None,
            seen: None,
        }
    }

    /// Whoever runs it calls from there now.
    #[must_use]
    pub fn called_from(self, from: IpAddr) -> Self {
        Self { called_from: Some(from), ..self }
    }

    /// The code was that of a device: from here on it is the flow `of` that one, in the same hands. `None`: none
    /// was asked for.
    #[must_use]
    pub fn for_device(self, of: Self) -> Option<Self> {
        let Self { run_by, browser, cookieless, started_at, .. } = self;
        (self.at == At::UserCode).then_some(Self { run_by, browser, cookieless, started_at, ..of })
    }
}

/// Whether it is the session of whom a request is about, and not of today.
fn is_of_before(session: &Session, start: &Start, now: Timestamp) -> bool {
    let theirs = start.meant.is_none_or(|meant| meant == session.user);
    session.is_live(now) && theirs && is_too_old(&session.authentication, &start.request, now)
}

/// Whether the session of a browser answers for what a request asks.
fn counts(session: &Session, request: &AuthorizationRequest, meant: Option<UserId>, now: Timestamp) -> bool {
    let asks_anew = request.prompts(Prompt::Login);
    let too_old = is_too_old(&session.authentication, request, now);
    let another = meant.is_some_and(|meant| meant != session.user);
    session.is_live(now) && !asks_anew && !too_old && !another
}
