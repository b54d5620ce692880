//! The endpoints at which clients authenticate: requests to people, tokens and what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use super::{Parts, Settings, Wiring};
use crate::domain::mfa_policy::PUSH_TIMEOUT;
use crate::http::backchannel_authentication::BackchannelAuthenticationApi;
use crate::http::discovery::path;
use crate::http::token::TokenApi;
use crate::http::token_management::TokenManagementApi;
use crate::store::ephemeral::{Purpose, Replay};
use crate::store::shelves::DeviceBell;
use crate::store::sql::decisions::Decisions;
use crate::store::sql::outbox::Outbox;
use crate::store::sql::user_codes::UserCodes;
use crate::usecase::authenticate_client::{AuthenticateClient, ClientKeys, Failures};
use crate::usecase::cancel::Cancel;
use crate::usecase::check_user_code::CheckUserCode;
use crate::usecase::client_credentials::ClientCredentials;
use crate::usecase::exchange_token::ExchangeToken;
use crate::usecase::held::Held;
use crate::usecase::introspect::Introspect;
use crate::usecase::issue::Issue;
use crate::usecase::notify_client::NotifyClient;
use crate::usecase::prove_possession::ProvePossession;
use crate::usecase::put_question::PutQuestion;
use crate::usecase::rates::Rate;
use crate::usecase::read_hint_token::ReadHintToken;
use crate::usecase::read_question::ReadQuestion;
use crate::usecase::redeem::Redeem;
use crate::usecase::refresh::Refresh;
use crate::usecase::request_authentication::RequestAuthentication;
use crate::usecase::resolve_hint::ResolveHint;
use crate::usecase::revoke::Revoke;
use crate::worker::Worker;

/// Tells clients in ping mode that their requests were decided.
pub(super) fn ping_clients(settings: &Settings, parts: &Parts, worker: &Worker) {
    let notify = NotifyClient {
        outbox: Outbox::new(parts.database.clone()),
        decisions: Decisions::new(parts.database.clone()),
        requests: parts.requests.clone(),
        callbacks: parts.callbacks.clone(),
        settle: parts.settle.clone(),
        directory: Arc::clone(&parts.directory),
        egress: settings.egress.clone(),
        watchers: parts.watchers.clone(),
        ledger: parts.ledger.clone(),
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
    };
    // Not cut off in the middle of a call, which another node would make again.
    worker.finish_first(|stop| async move { notify.run(stop).await });
}

impl Wiring {
    pub(super) fn authenticate_client(&self, keys: Arc<ClientKeys>) -> AuthenticateClient {
        let issuer = &self.settings.issuer;
        // [protocol.md C34] the issuer, and every endpoint that an assertion may be sent to.
        let audiences = [
            "",
            path::TOKEN,
            path::PUSHED_AUTHORIZATION_REQUEST,
            path::BACKCHANNEL_AUTHENTICATION,
            path::DEVICE_AUTHORIZATION,
            path::REVOCATION,
            path::INTROSPECTION,
        ];
        // [RFC 8705 §5] and the same at the second port.
        let alias = self.settings.certificates.alias.as_ref();
        let at = |base: &String| audiences.map(|path| format!("{base}{path}"));
        AuthenticateClient {
            directory: self.directory(),
            replay: Replay::new(self.store(), Purpose::AssertionReplay),
            clock: self.clock(),
            issuer: issuer.clone(),
            profiles: self.settings.profiles,
            audiences: [issuer].into_iter().chain(alias).flat_map(at).collect(),
            keys,
            authorities: Arc::clone(&self.settings.certificates.authorities),
            failures: Failures::new(self.settings.failed_authentications),
        }
    }

    pub(super) fn backchannel(
        &self,
        authenticate: Arc<AuthenticateClient>,
        prove: Arc<ProvePossession>,
        keys: Arc<ClientKeys>,
    ) -> BackchannelAuthenticationApi {
        let read = ReadQuestion {
            keys: Arc::clone(&keys),
            replay: Replay::new(self.store(), Purpose::QuestionReplay),
            issuer: self.settings.issuer.clone(),
        };
        let request = RequestAuthentication {
            questions: self.put_question(),
            ledger: self.parts.ledger.clone(),
            read,
            hints: self.resolve_hint(keys),
            callbacks: self.parts.callbacks.clone(),
            outbox: Outbox::new(self.parts.database.clone()),
            clock: self.clock(),
            entropy: self.entropy(),
            policy: self.settings.policy,
            requests: Rate::of_backchannel_requests(self.settings.backchannel_requests),
            asked: Rate::of_questions(self.settings.questions_per_user),
            evaluate: self.evaluate(),
            pushes: self.spend_pushes(),
        };
        BackchannelAuthenticationApi { authenticate, prove, request }
    }

    pub(super) fn put_question(&self) -> PutQuestion {
        PutQuestion {
            requests: self.parts.requests.clone(),
            inboxes: self.parts.inboxes.clone(),
            bell: DeviceBell::new(self.store()),
            directory: self.directory(),
            tokens: self.parts.tokens.clone(),
            pushes: self.parts.settle.pushes.clone(),
            longest: self.settings.policy.max_expiry.max(Duration::from_secs(u64::from(*PUSH_TIMEOUT.end()))),
        }
    }

    fn resolve_hint(&self, keys: Arc<ClientKeys>) -> ResolveHint {
        let issuer = &self.settings.issuer;
        let at = |base: &String| ["", path::BACKCHANNEL_AUTHENTICATION].map(|path| format!("{base}{path}"));
        let alias = self.settings.certificates.alias.as_ref();
        let tokens = ReadHintToken {
            keys,
            trusted: self.settings.hint_issuers.clone(),
            replay: Replay::new(self.store(), Purpose::HintReplay),
            issuer: issuer.clone(),
            audiences: [issuer].into_iter().chain(alias).flat_map(at).collect(),
        };
        let passwords = &self.parts.check_password;
        let codes = CheckUserCode {
            codes: UserCodes::new(self.parts.database.clone()),
            hashing: Arc::clone(&passwords.hashing),
            ladder: passwords.ladder.clone(),
        };
        ResolveHint {
            directory: self.directory(),
            keys: Arc::clone(&self.parts.ring),
            subjects: Arc::clone(&self.parts.subjects),
            tokens,
            codes,
            uniform: self.settings.policy.uniform,
        }
    }

    pub(super) fn issue(&self) -> Issue {
        Issue {
            issuer: self.settings.issuer.clone(),
            keys: Arc::clone(&self.parts.ring),
            subjects: Arc::clone(&self.parts.subjects),
            entropy: self.entropy(),
            lifetimes: self.settings.lifetimes,
            profiles: self.settings.profiles,
        }
    }

    pub(super) fn token(
        &self,
        authenticate: Arc<AuthenticateClient>,
        prove: Arc<ProvePossession>,
        introspect: &Arc<Introspect>,
        issue: &Arc<Issue>,
    ) -> TokenApi {
        let redeem = Redeem {
            requests: self.parts.requests.clone(),
            directory: self.directory(),
            ledger: self.parts.ledger.clone(),
            decisions: Decisions::new(self.parts.database.clone()),
            issue: Arc::clone(issue),
            clock: self.clock(),
            entropy: self.entropy(),
            hold: self.settings.hold,
            interval: self.settings.policy.interval,
            held: Held::default(),
            shutdown: self.shutdown.clone(),
        };
        let client_credentials = ClientCredentials {
            issue: Arc::clone(issue),
            ledger: self.parts.ledger.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        let refresh = Refresh {
            tokens: self.parts.tokens.clone(),
            ledger: self.parts.ledger.clone(),
            directory: self.directory(),
            issue: Arc::clone(issue),
            master: Arc::clone(&self.master),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        let exchange_code = self.exchange_code(issue);
        let redeem_device = self.redeem_device(issue);
        let exchange_token = ExchangeToken {
            introspect: Arc::clone(introspect),
            issue: Arc::clone(issue),
            ledger: self.parts.ledger.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        TokenApi {
            authenticate,
            prove,
            exchange_code,
            redeem,
            redeem_device,
            refresh,
            client_credentials,
            exchange_token,
        }
    }

    pub(super) fn token_management(
        &self,
        authenticate: Arc<AuthenticateClient>,
        introspect: Arc<Introspect>,
        issue: Arc<Issue>,
    ) -> TokenManagementApi {
        let cancel = Cancel {
            requests: self.parts.requests.clone(),
            settle: self.parts.settle.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        let revoke = Revoke {
            introspect: Arc::clone(&introspect),
            cancel,
            tokens: self.parts.tokens.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        TokenManagementApi {
            authenticate,
            revoke,
            introspect,
            introspections: Rate::of_introspections(self.settings.introspections),
            issue,
            clock: self.clock(),
            issuer: self.settings.issuer.clone(),
        }
    }

    pub(super) fn introspect(&self) -> Introspect {
        Introspect {
            tokens: self.parts.tokens.clone(),
            directory: self.directory(),
            keys: Arc::clone(&self.parts.ring),
            subjects: Arc::clone(&self.parts.subjects),
            clock: self.clock(),
            issuer: self.settings.issuer.clone(),
        }
    }
}
