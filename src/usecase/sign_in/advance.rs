//! What a client of the flow API does: look where a flow is, and take it a step further.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;

use crate::clock::{Clock, Timestamp};
use crate::domain::client::Client;
use crate::domain::flow::{At, Flow, SecondFactor};
use crate::domain::policy::Source;
use crate::entropy::Entropy;
use crate::protocol::flow_api::{Action, DetailCode, FlowErrorCode, FlowRefusal, Members};
use crate::protocol::id::{BrowserKey, ClientId, FlowId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::user_code::UserCode;
use crate::store::ephemeral::{Found, Lifetime, Shelf, StoreError};
use crate::usecase;
use crate::usecase::add_passkey::AddPasskey;
use crate::usecase::check_password::Checked;
use crate::usecase::sign_in::boxed::boxed;
use crate::usecase::sign_in::conclude::Conclude;
use crate::usecase::sign_in::connect::{Connect, Hands, NotFound};
use crate::usecase::sign_in::errand::{RunErrand, wrong_credentials};
use crate::usecase::sign_in::look_after::LookAfterDevices;
use crate::usecase::sign_in::send_code::Asker;
use crate::usecase::sign_in::{Browser, Judged, Known, Page, Seen, SignedIn, left};

pub struct Advance {
    pub known: Arc<Known>,
    pub flows: Shelf<Flow>,
    pub errands: Arc<RunErrand>,
    pub add_passkey: Arc<AddPasskey>,
    pub look_after: LookAfterDevices,
    pub conclude: Arc<Conclude>,
    pub connect: Arc<Connect>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// Why a flow was not shown, or not taken further.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    #[error(transparent)]
    Refused(#[from] FlowRefusal),
    /// Too many tries, or a dependency that gives no answer.
    #[error(transparent)]
    Other(usecase::Error),
}

impl From<StoreError> for FlowError {
    fn from(error: StoreError) -> Self {
        // Somebody else was faster: what was to be done is a link of the state no more.
        if matches!(error, StoreError::Contended) { FlowRefusal::not_now().into() } else { Self::Other(error.into()) }
    }
}

/// Whoever calls.
#[derive(Clone, Copy, Debug)]
pub struct Calling<'a> {
    pub browser: &'a Browser,
    pub page: Page<'a>,
    pub from: IpAddr,
    /// A BCP 47 tag of ours: in which letters are written.
    pub language: &'static str,
}

impl Calling<'_> {
    pub(super) const fn asker(&self) -> Asker<'_> {
        Asker { language: self.language, from: self.from }
    }
}

impl Advance {
    /// Where the flow is. Changes nothing.
    pub async fn read(&self, id: &FlowId, browser: &Browser, page: Page<'_>) -> Result<Seen, FlowError> {
        let (_, flow, client) = self.find(id, browser, page).await?;
        let state = if flow.cookieless { browser.key.clone() } else { None };
        let late = flow.is_late(self.clock.now());
        let answered = self.known.second_factors.is_answered(&flow).await?;
        Ok(Seen { answered, late, state, ..self.conclude.shown.seen(id, flow, client).await? })
    }

    /// The languages that were wished for when the flow began, for whoever may see it.
    pub async fn ui_locales(
        &self,
        id: &FlowId,
        browser: &Browser,
        page: Page<'_>,
    ) -> Result<Option<String>, FlowError> {
        let (_, flow, _) = self.find(id, browser, page).await?;
        Ok(flow.request.ui_locales)
    }

    /// Whether anybody is answered.
    pub async fn is_there(&self) -> Result<bool, StoreError> {
        Ok(self.known.directory.sign_on().await?.has_flow_api())
    }

    /// Whether pages of this origin may call at all: those of an application that is registered.
    pub async fn admits(&self, origin: &str) -> Result<bool, StoreError> {
        Ok(self.known.directory.sign_on().await?.admits(origin))
    }

    /// Whether pages of this origin show what a client asks for without being redirected.
    pub async fn shows(&self, origin: &str, client: &str) -> Result<bool, StoreError> {
        let Some(client) = ClientId::parse(client) else { return Ok(false) };
        let Some(client) = self.known.client(&client).await? else { return Ok(false) };
        Ok(self.known.directory.sign_on().await?.shows(origin, &client, true))
    }

    /// One action, and where the flow is then. Refused, it is where it was.
    #[tracing::instrument(level = "debug", name = "advance_flow", skip_all)]
    pub async fn act(
        &self,
        id: &FlowId,
        calling: Calling<'_>,
        action: Action,
        body: &Value,
    ) -> Result<Seen, FlowError> {
        let (mut found, flow, mut client) = self.find(id, calling.browser, calling.page).await?;
        let flow = flow.called_from(calling.from);
        // Before the body is looked at: what cannot be done now cannot be done wrongly either.
        if !flow.actions().contains(&action) {
            return Err(FlowRefusal::not_now().into());
        }
        let now = self.clock.now();
        let parsed = Members::parse(action, body);
        if parsed.is_err() && flow.is_late(now) {
            // It is too late to sign anything: our own page has nothing to bring, and comes for what is signed next.
            boxed(|| self.ask_anew(id, (&found, &flow), &client, calling.asker())).await?;
        }
        let members = parsed?;
        let by = (calling, &members);
        let before = flow.second_factor.clone();
        let mut wish = None;
        let next = match action {
            Action::CheckUsernamePassword => {
                boxed(|| self.check_password(flow, &client, calling, &members, now)).await?
            }
            Action::InitiatePasswordChange => flow.changes_password(),
            Action::InitiateAccountRecovery if flow.errand().is_none() => flow.recovers(members.text("usernameHint")),
            Action::Authenticate
            | Action::SelectDevice
            | Action::Poll
            | Action::CheckOtp
            | Action::ResendOtp
            | Action::SetupMfa
            | Action::SkipMfa
            | Action::SelectDevicePairingMethod
            | Action::ActivateTotpDevice
            | Action::SubmitEmailTarget
            | Action::SubmitSmsTarget
            | Action::SubmitVoiceTarget
            | Action::ActivateEmailDevice
            | Action::ActivateSmsDevice
            | Action::ActivateVoiceDevice
            | Action::CancelDevicePairing => {
                let act = (action, &members, calling.asker());
                boxed(|| self.second_factor((id, &mut found, flow), &client, act, now)).await?
            }
            Action::ManageDevices
            | Action::SetDefaultDevice
            | Action::RemoveDevice
            | Action::UpdateDeviceNickname
            | Action::ResumeAuthentication => {
                boxed(|| self.look_after.act(flow, action, &members, calling.language)).await?
            }
            Action::ContinueAuthentication => {
                let judged = self.judged(&client, flow.proved_by_errand().or(flow.user()), now).await?;
                wish = boxed(|| self.known.second_factors.wished(&flow, &judged, &members)).await?;
                let asked = flow.second_factor.is_some();
                if asked { flow.second_factor_continued(&judged.around()) } else { flow.continued(&judged.around()) }
            }
            Action::CheckAssertion => boxed(|| self.assert(id, (&found, flow), &client, by, now)).await?,
            Action::ActivateFido2Device => boxed(|| self.make(id, (&found, flow), &client, by, now)).await?,
            Action::UseAlternativeAuthenticationSource => boxed(|| self.turn(flow, &client, &members, now)).await?,
            Action::CheckCurrentCredentials
            | Action::CheckNewPassword
            | Action::CancelPasswordChange
            | Action::InitiateAccountRecovery
            | Action::CheckAccountRecoveryUsername
            | Action::CheckRecoveryCode
            | Action::CheckPasswordReset
            | Action::CancelAccountRecovery => boxed(|| self.run_errand(flow, action, calling, &members)).await?,
            Action::SubmitIdentifier => boxed(|| self.submit_identifier(flow, &client, &members, now)).await?,
            Action::ClearIdentifier => boxed(|| self.clear_identifier(flow, &client, &members, now)).await?,
            Action::Cancel
            | Action::CancelAuthentication
            | Action::CancelIdentifierSubmission
            | Action::DenyConsent => {
                let judged = self.judged(&client, flow.user(), now).await?;
                flow.cancelled(&judged.around())
            }
            Action::GrantConsent => boxed(|| self.agree(flow, &client, &members, now)).await?,
            Action::SubmitUserCode => {
                let of_device;
                (of_device, client) = boxed(|| self.typed(&flow, members.text("userCode"), calling, now)).await?;
                flow.for_device(of_device)
            }
            Action::ConfirmUserCode => boxed(|| self.confirm(flow, &client, &members, now)).await?,
        };
        let mut next = next.ok_or_else(FlowRefusal::not_now)?;
        if next.wants_more() {
            let judged = self.judged(&client, next.user(), now).await?;
            next = boxed(|| self.known.asking(next, &judged, calling.asker())).await?;
        }
        let (mut next, session) = self.concluded(id, next, calling.browser).await?;
        let state = next.cookieless.then(|| BrowserKey::new(self.entropy.token()));
        if let Some(state) = &state {
            next = next.rekeyed(state.digest());
        }
        let verified = if action == Action::CheckOtp { before.clone() } else { None };
        self.keep(id, (&found, before), (&next, action), now).await?;
        self.known.second_factors.taken(verified.as_ref(), &next, now).await;
        let browser = boxed(|| self.known.second_factors.remember(&next, wish.as_ref(), calling.browser)).await;
        tracing::info!(client.id = %client.id, request.id = %next.transaction, action = action.as_str(), status = next.status().as_str(), "flow");
        Ok(Seen { session, browser, state, ..self.conclude.shown.seen(id, next, client).await? })
    }

    /// The flow with its answer, where it ends here: without leaving the page, or for a device that waits.
    async fn concluded(
        &self,
        id: &FlowId,
        flow: Flow,
        browser: &Browser,
    ) -> Result<(Flow, Option<SignedIn>), FlowError> {
        let concluded = if matches!(flow.at, At::Ready) && flow.is_redirectless() {
            boxed(|| self.conclude.complete(id, flow, browser)).await
        } else if flow.device.is_some() && flow.has_ended() {
            boxed(|| self.conclude.connect(flow, browser)).await
        } else {
            return Ok((flow, None));
        };
        concluded.map_err(FlowError::Other)
    }

    /// Where the flow is from now on. `before`: what its second factor had come to.
    async fn keep(
        &self,
        id: &FlowId,
        (found, before): (&Found<Flow>, Option<SecondFactor>),
        (next, action): (&Flow, Action),
        now: Timestamp,
    ) -> Result<(), FlowError> {
        // Asked again and again, it is still there, and nobody is in the way of who does something.
        if action == Action::Poll && before == next.second_factor && !next.cookieless {
            return Ok(());
        }
        let shown = |own: Option<&SecondFactor>| own.and_then(SecondFactor::new_phone).map(|new| new.key);
        let (old_key, new_key) = (shown(before.as_ref()), shown(next.second_factor.as_ref()));
        let before = before.as_ref().and_then(SecondFactor::waits_for);
        let lifetime = Lifetime::Renew(left(next.started_at, now));
        let kept = self.flows.replace(&id.digest(), found, next, lifetime).await?;
        self.known.second_factors.asked_in_vain(before, next, kept).await;
        // Nor is a key worth anything that no flow shows.
        let lost = if kept { old_key } else { new_key };
        if let Some(key) = lost.filter(|_| old_key != new_key) {
            self.known.second_factors.phones.forget(&key).await;
        }
        // Somebody else was faster: what was to be done is a link of the state no more.
        if kept { Ok(()) } else { Err(FlowRefusal::not_now().into()) }
    }

    /// Another factor than the first one, of the app or of a device on which the person is asked.
    async fn second_factor(
        &self,
        (id, found, flow): (&FlowId, &mut Found<Flow>, Flow),
        client: &Arc<Client>,
        (action, members, asker): (Action, &Members, Asker<'_>),
        now: Timestamp,
    ) -> Result<Option<Flow>, FlowError> {
        if action == Action::Poll {
            return match boxed(|| self.known.polled(flow, client, asker, now)).await? {
                ControlFlow::Break(next) => Ok(next),
                ControlFlow::Continue((mut unasked, judged)) => {
                    // Of many who poll at that moment one goes on: the person is asked once, and sent one code.
                    let lifetime = Lifetime::Renew(left(unasked.flow.started_at, now));
                    if !self.flows.step(&id.digest(), found, &unasked.flow, lifetime).await? {
                        return Err(FlowRefusal::not_now().into());
                    }
                    unasked.flow = unasked.flow.seen_as(found.version().0);
                    Ok(boxed(|| self.known.second_factors.ask_next(unasked, (&judged, asker))).await?)
                }
            };
        }
        let judged = self.judged(client, flow.user(), now).await?;
        boxed(|| self.known.second_factors.act((id, flow), action, &judged, (members, asker))).await
    }

    /// The flow of the device that shows this code, and its client.
    async fn typed(
        &self,
        flow: &Flow,
        code: Option<&str>,
        calling: Calling<'_>,
        now: Timestamp,
    ) -> Result<(Flow, Arc<Client>), FlowError> {
        let waiting = match self.connect.look_up(code.unwrap_or_default(), calling.from, now).await? {
            Ok(waiting) => waiting,
            Err(NotFound::Missing | NotFound::Unknown) => {
                let why = "no device waits with this code";
                return Err(FlowRefusal::invalid(DetailCode::InvalidUserCode, Some("userCode"), why).into());
            }
            Err(NotFound::Expired) => {
                let refusal = FlowRefusal::new(FlowErrorCode::RequestFailed, "the device waits no more");
                return Err(refusal.about(DetailCode::UserCodeExpired, Some("userCode")).into());
            }
            Err(NotFound::SlowDown(retry_after)) => {
                return Err(FlowError::Other(usecase::Error::TooMany { retry_after }));
            }
        };
        let client = Arc::clone(&waiting.client);
        let hands = Hands { browser: calling.browser, key: flow.browser, from: calling.from };
        let of_device = self.connect.flow(waiting, hands, flow.request.ui_locales.as_deref(), now).await?;
        Ok((of_device, client))
    }

    /// Who signs in: as they are, where they are offered to go on so, or as somebody who has yet to prove it.
    async fn submit_identifier(
        &self,
        flow: Flow,
        client: &Arc<Client>,
        members: &Members,
        now: Timestamp,
    ) -> Result<Option<Flow>, FlowError> {
        let identifier = members.text("identifier").unwrap_or_default();
        if flow.offered().is_none() {
            let judged = self.judged(client, None, now).await?;
            return Ok(flow.identified(identifier, &judged.around()));
        }
        let goes_on = self.offers(&flow, identifier).await?;
        let judged = self.judged(client, goes_on, now).await?;
        Ok(match goes_on {
            Some(_) => flow.chosen(&judged.around()),
            None => flow.another(Some(identifier), &judged.around()),
        })
    }

    /// To all that was asked for, or to the part that the person has said.
    async fn agree(
        &self,
        flow: Flow,
        client: &Arc<Client>,
        members: &Members,
        now: Timestamp,
    ) -> Result<Option<Flow>, FlowError> {
        let scope = agreed_scope(members)?;
        let judged = self.judged(client, flow.user(), now).await?;
        Ok(flow.agreed(scope.as_ref(), &judged.around()))
    }

    async fn clear_identifier(
        &self,
        flow: Flow,
        client: &Arc<Client>,
        members: &Members,
        now: Timestamp,
    ) -> Result<Option<Flow>, FlowError> {
        if self.offers(&flow, members.text("identifier").unwrap_or_default()).await?.is_none() {
            let why = "another identifier than the one that is offered";
            return Err(FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some("identifier"), why).into());
        }
        let judged = self.judged(client, None, now).await?;
        Ok(flow.another(None, &judged.around()))
    }

    /// Another source takes the place of the one that is asked.
    async fn turn(
        &self,
        flow: Flow,
        client: &Arc<Client>,
        members: &Members,
        now: Timestamp,
    ) -> Result<Option<Flow>, FlowError> {
        let wrong = || {
            let why = "a source that is not offered";
            FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some("authenticationSource"), why)
        };
        let source = members.text("authenticationSource").and_then(Source::parse).ok_or_else(wrong)?;
        let judged = self.judged(client, flow.user(), now).await?;
        Ok(Some(flow.turned_to(source, &judged.around()).ok_or_else(wrong)?))
    }

    /// It is the device that the person has before them.
    async fn confirm(
        &self,
        flow: Flow,
        client: &Arc<Client>,
        members: &Members,
        now: Timestamp,
    ) -> Result<Option<Flow>, FlowError> {
        names_device(&flow, members)?;
        let judged = self.judged(client, flow.user(), now).await?;
        Ok(flow.confirmed(&judged.around()))
    }

    /// Whether the flow offers to go on as who is called so.
    async fn offers(&self, flow: &Flow, username: &str) -> Result<Option<UserId>, FlowError> {
        let user = self.known.directory.user_by_username(username).await?;
        Ok(user.map(|user| user.id).filter(|id| flow.offered() == Some(*id)))
    }

    async fn judged(&self, client: &Arc<Client>, user: Option<UserId>, now: Timestamp) -> Result<Judged, FlowError> {
        Ok(self.known.judged(Arc::clone(client), user, now).await?)
    }

    /// A flow that this browser may see. Every reason why not reads the same.
    async fn find(
        &self,
        id: &FlowId,
        browser: &Browser,
        page: Page<'_>,
    ) -> Result<(Found<Flow>, Flow, Arc<Client>), FlowError> {
        let not_found = |why| FlowError::from(FlowRefusal::not_found(why));
        let found = self.flows.find(&id.digest()).await?.ok_or_else(|| not_found("there is no such flow"))?;
        let flow = found.value()?.seen_as(found.version().0);
        if browser.key.as_ref().map(BrowserKey::digest) != Some(flow.browser) {
            return Err(not_found("another browser's flow"));
        }
        if flow.is_over(self.clock.now()) {
            return Err(not_found("the flow is over"));
        }
        let client = self.known.client(&flow.client).await?.ok_or_else(|| not_found("the client is gone"))?;
        let runs = match &flow.run_by {
            Some(id) => self.known.client(id).await?.ok_or_else(|| not_found("who runs it is gone"))?,
            None => Arc::clone(&client),
        };
        if let Page::Of(origin) = page {
            let sign_on = self.known.directory.sign_on().await?;
            if !sign_on.shows(origin, &runs, flow.is_redirectless() || flow.run_by.is_some()) {
                return Err(not_found("a page of another application"));
            }
        }
        Ok((found, flow, client))
    }

    /// The password is right, or wrong, or right and to be changed.
    async fn check_password(
        &self,
        flow: Flow,
        client: &Arc<Client>,
        calling: Calling<'_>,
        members: &Members,
        now: Timestamp,
    ) -> Result<Option<Flow>, FlowError> {
        let given = (members.text("username"), members.text("password"));
        match self.errands.check_password(given, calling, Some(&flow.client)).await? {
            Checked::Right(confirmed) => {
                let judged = self.judged(client, Some(confirmed.user()), now).await?;
                let verified = flow.password_verified(confirmed.user(), &judged.around());
                Ok(verified.map(|flow| flow.by_password_of(confirmed.changed_at())))
            }
            Checked::MustChange(confirmed) => Ok(flow.must_change(confirmed)),
            Checked::Wrong => Err(wrong_credentials(None)),
        }
    }

    async fn run_errand(
        &self,
        flow: Flow,
        action: Action,
        calling: Calling<'_>,
        members: &Members,
    ) -> Result<Option<Flow>, FlowError> {
        let Some(errand) = flow.errand() else { return Ok(None) };
        let next = self.errands.act(errand.clone(), action, members, calling, Some(&flow.client)).await?;
        Ok(next.and_then(|errand| flow.on_errand(errand)))
    }
}

/// What of it was agreed to, where the person has said so. `None`: all of it.
fn agreed_scope(members: &Members) -> Result<Option<Scope>, FlowRefusal> {
    let Some(text) = members.text("scope") else { return Ok(None) };
    let refusal = || FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some("scope"), "no scope");
    Scope::parse(text).map(Some).ok_or_else(refusal)
}

/// Refused: another code than the one that the device of the flow shows.
fn names_device(flow: &Flow, members: &Members) -> Result<(), FlowRefusal> {
    let typed = members.text("userCode").and_then(UserCode::typed);
    if typed.is_some() && typed == flow.device.as_ref().map(|device| device.user_code.clone()) {
        return Ok(());
    }
    let why = "another code than that of the flow";
    Err(FlowRefusal::invalid(DetailCode::InvalidUserCode, Some("userCode"), why))
}
