//! The ordinary sign-in, on the parts.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::{Parts, Settings, Wiring, mail};
use crate::domain::enrolment;
use crate::http::cookies::Cookies;
use crate::http::device_authorization::DeviceAuthorizationApi;
use crate::http::flow::FlowApi;
use crate::http::pushed_authorization_request::PushedAuthorizationRequestApi;
use crate::protocol::webauthn::RelyingParty;
use crate::store::ephemeral::{Attempts, Purpose, Replay, Shelf};
use crate::store::shelves::DeviceBell;
use crate::store::sql::app_standings::AppStandings;
use crate::store::sql::consents::Consents;
use crate::store::sql::device_passcodes::DevicePasscodes;
use crate::store::sql::otp_devices::OtpDevices;
use crate::store::sql::outbox::Outbox;
use crate::store::sql::passkeys::Passkeys;
use crate::store::sql::remembered_browsers::RememberedBrowsers;
use crate::store::sql::sessions::Sessions;
use crate::store::sql::totp_devices::TotpDevices;
use crate::usecase::account::applications::OwnApplications;
use crate::usecase::account::ceremonies::Ceremonies;
use crate::usecase::account::confirm::Confirm;
use crate::usecase::account::devices::OwnDevices;
use crate::usecase::account::passkeys::OwnPasskeys;
use crate::usecase::add_passkey::AddPasskey;
use crate::usecase::authenticate_client::{AuthenticateClient, ClientKeys};
use crate::usecase::authorize_device::AuthorizeDevice;
use crate::usecase::check_passkey::CheckPasskey;
use crate::usecase::device_trust::enrol::OfferEnrolment;
use crate::usecase::device_trust::evaluate::Evaluate;
use crate::usecase::device_trust::read_payload::ReadPayload;
use crate::usecase::device_trust::silent::VerifySilently;
use crate::usecase::exchange_code::ExchangeCode;
use crate::usecase::issue::Issue;
use crate::usecase::prove_possession::ProvePossession;
use crate::usecase::rates::Rate;
use crate::usecase::redeem_device::RedeemDevice;
use crate::usecase::sign_in::Known;
use crate::usecase::sign_in::advance::Advance;
use crate::usecase::sign_in::ask_device::AskDevice;
use crate::usecase::sign_in::authorize::Authorize;
use crate::usecase::sign_in::check_totp::CheckTotp;
use crate::usecase::sign_in::conclude::Conclude;
use crate::usecase::sign_in::connect::Connect;
use crate::usecase::sign_in::known_devices::KnownDevices;
use crate::usecase::sign_in::leave::{Leave, Tickets};
use crate::usecase::sign_in::limit_flows::LimitFlows;
use crate::usecase::sign_in::log_out::LogOut;
use crate::usecase::sign_in::logos::Logos;
use crate::usecase::sign_in::push::Push;
use crate::usecase::sign_in::read_request::ReadRequest;
use crate::usecase::sign_in::respond::Respond;
use crate::usecase::sign_in::second_factor::SecondFactors;
use crate::usecase::sign_in::send_code::SendCode;
use crate::usecase::sign_in::shown::Shown;
use crate::usecase::sign_in::spend_texts::SpendTexts;
use crate::usecase::spend_pushes::SpendPushes;
use crate::usecase::tell_logout::TellLogout;
use crate::web::provider::Provider;
use crate::web::provider::account::Account;
use crate::web::sign_in::Site;
use crate::words::Words;
use crate::worker::Worker;

/// Tells relying parties that sessions have ended.
pub(super) fn tell_logouts(settings: &Settings, parts: &Parts, worker: &Worker) {
    let tell = Arc::new(tell_logout(settings, parts));
    worker.repeat("tell of logouts", Duration::from_millis(500), move || {
        let tell = Arc::clone(&tell);
        async move { tell.run().await }
    });
}

fn tell_logout(settings: &Settings, parts: &Parts) -> TellLogout {
    TellLogout {
        outbox: Outbox::new(parts.database.clone()),
        directory: Arc::clone(&parts.directory),
        keys: Arc::clone(&parts.ring),
        subjects: Arc::clone(&parts.subjects),
        egress: settings.egress.clone(),
        watchers: parts.watchers.clone(),
        ledger: parts.ledger.clone(),
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
    }
}

impl Wiring {
    pub(super) fn read_request(&self, keys: Arc<ClientKeys>) -> ReadRequest {
        ReadRequest {
            pushed: Shelf::new(self.store()),
            keys,
            replay: Replay::new(self.store(), Purpose::RequestObjectReplay),
            egress: self.settings.egress.clone(),
            issuer: self.settings.issuer.clone(),
            rules: self.settings.authorization.clone(),
            profiles: self.settings.profiles,
        }
    }

    pub(super) fn pushed_authorization_request(
        &self,
        authenticate: Arc<AuthenticateClient>,
        prove: Arc<ProvePossession>,
        read: Arc<ReadRequest>,
    ) -> PushedAuthorizationRequestApi {
        let push = Push {
            read,
            pushed: Shelf::new(self.store()),
            directory: self.directory(),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        let rate = Rate::of_pushed_requests(self.settings.pushed_requests);
        PushedAuthorizationRequestApi { authenticate, rate, prove, push, clock: self.clock() }
    }

    fn respond(&self, clients: Arc<ClientKeys>) -> Respond {
        Respond {
            keys: Arc::clone(&self.parts.ring),
            clock: self.clock(),
            entropy: self.entropy(),
            issuer: self.settings.issuer.clone(),
            clients,
            session_management: self.settings.authorization.session_management,
        }
    }

    pub(super) fn known(&self, passkeys: &Arc<CheckPasskey>) -> Arc<Known> {
        Arc::new(Known {
            directory: self.directory(),
            passkeys: Arc::clone(passkeys),
            sessions: Sessions::new(self.parts.database.clone()),
            consents: Consents::new(self.parts.database.clone()),
            second_factors: Arc::new(SecondFactors {
                payloads: ReadPayload {
                    directory: self.directory(),
                    keys: Arc::clone(&self.parts.ring),
                    used: Shelf::new(self.store()),
                    clock: self.clock(),
                    issuer: self.settings.issuer.clone(),
                    rules: self.settings.payloads,
                },
                evaluate: self.evaluate(),
                offers: self.offers(),
                claims: Shelf::new(self.store()),
                max_devices: self.settings.max_devices,
                silent: VerifySilently {
                    silent: Shelf::new(self.store()),
                    directory: self.directory(),
                    pushes: self.parts.settle.pushes.clone(),
                    bell: DeviceBell::new(self.store()),
                    clock: self.clock(),
                    entropy: self.entropy(),
                },
                devices: AskDevice {
                    questions: self.put_question(),
                    settle: self.parts.settle.clone(),
                    pushes: self.spend_pushes(),
                    silences: Shelf::new(self.store()),
                    ledger: self.parts.ledger.clone(),
                    limits: self.settings.policy.limits,
                    clock: self.clock(),
                    entropy: self.entropy(),
                },
                codes: SendCode {
                    devices: mail::addresses(&self.parts, &self.master),
                    guards: Shelf::new(self.store()),
                    attempts: Attempts::new(self.store()),
                    outbox: Outbox::new(self.parts.database.clone()),
                    secrets: mail::otp_secrets(&self.master),
                    deliveries: Shelf::new(self.store()),
                    withdrawn: Shelf::new(self.store()),
                    texts: SpendTexts {
                        attempts: Attempts::new(self.store()),
                        ranges: Shelf::new(self.store()),
                        per_network: self.settings.otps,
                        sms_per_day: self.settings.sms.per_day,
                        calls_per_day: self.settings.voice.per_day,
                        ledger: self.parts.ledger.clone(),
                        entropy: self.entropy(),
                    },
                    clock: self.clock(),
                    entropy: self.entropy(),
                },
                totps: CheckTotp {
                    devices: TotpDevices::new(self.parts.database.clone()),
                    passcodes: DevicePasscodes::new(self.parts.database.clone()),
                    guards: Shelf::new(self.store()),
                    master: Arc::clone(&self.master),
                    clock: self.clock(),
                },
                phones: self.pair_phone(),
                tell: self.parts.tell(),
                ledger: self.parts.ledger.clone(),
                entropy: self.entropy(),
            }),
        })
    }

    pub(super) fn evaluate(&self) -> Evaluate {
        Evaluate {
            directory: self.directory(),
            devices: self.parts.devices.clone(),
            otp_devices: OtpDevices::new(self.parts.database.clone()),
            totp_devices: TotpDevices::new(self.parts.database.clone()),
            passkeys: Passkeys::new(self.parts.database.clone()),
            browsers: RelyingParty::of_issuer(&self.settings.issuer).is_some(),
            served: self.parts.carriers.served.clone(),
            standings: AppStandings::new(self.parts.database.clone()),
            remembered: RememberedBrowsers::new(self.parts.database.clone()),
            clock: self.clock(),
            entropy: self.entropy(),
            silences: Shelf::new(self.store()),
        }
    }

    pub(super) fn spend_pushes(&self) -> SpendPushes {
        SpendPushes {
            allowances: Shelf::new(self.store()),
            tell: self.parts.tell(),
            ledger: self.parts.ledger.clone(),
            entropy: self.entropy(),
        }
    }

    pub(super) fn offers(&self) -> OfferEnrolment {
        let tickets = enrolment::Tickets::new(self.master.derive("enrolment ticket"));
        OfferEnrolment { offers: Shelf::new(self.store()), tickets }
    }

    pub(super) fn shown(&self, known: &Arc<Known>, tickets: &Arc<Tickets>) -> Arc<Shown> {
        Arc::new(Shown {
            known: Arc::clone(known),
            tickets: Arc::clone(tickets),
            master: Arc::clone(&self.master),
            entropy: self.entropy(),
            issuer: self.settings.issuer.clone(),
        })
    }

    pub(super) fn provider(&self, read: Arc<ReadRequest>, issue: Arc<Issue>) -> Provider {
        let (issuer, flows) = (&self.settings.issuer, Shelf::new(self.store()));
        let passkeys = self.check_passkey();
        let known = self.known(&passkeys);
        let (key, clock) = (self.master.derive("resume ticket"), self.clock());
        let tickets = Arc::new(Tickets { key, issuer: issuer.clone(), clock });
        let shown = self.shown(&known, &tickets);
        let known_devices = Arc::new(KnownDevices::new(&self.master));
        let errands = self.errands(&known, &known_devices);
        let limits = self.limit_flows();
        let (beside, recoverable) = (self.beside(Arc::clone(&errands), &limits), errands.recover.is_some());
        let connect = Arc::new(Connect {
            known: Arc::clone(&known),
            flows: flows.clone(),
            limits: Arc::clone(&limits),
            devices: Shelf::new(self.store()),
            codes: Shelf::new(self.store()),
            ladder: Shelf::new(self.store()),
            shown: Arc::clone(&shown),
            recoverable,
            key: self.user_code_key(),
            clock: self.clock(),
            entropy: self.entropy(),
        });
        let conclude = Arc::new(Conclude {
            shown,
            known: Arc::clone(&known),
            codes: Shelf::new(self.store()),
            devices: Shelf::new(self.store()),
            ledger: self.parts.ledger.clone(),
            issue,
            known_devices: Arc::clone(&known_devices),
            clock: self.clock(),
            entropy: self.entropy(),
        });
        let add_passkey = self.add_passkey(&passkeys);
        let advance = Arc::new(Advance {
            known: Arc::clone(&known),
            flows: flows.clone(),
            errands,
            add_passkey: Arc::clone(&add_passkey),
            look_after: self.look_after(&known),
            conclude: Arc::clone(&conclude),
            connect: Arc::clone(&connect),
            clock: self.clock(),
            entropy: self.entropy(),
        });
        let (log_out, logos) = (self.log_out(&known), self.logos(&known));
        let account = self.account(&known, &known_devices, (passkeys, Arc::clone(&add_passkey)));
        let respond = Arc::new(self.respond(Arc::clone(&read.keys)));
        let authorize = Authorize {
            known,
            flows: flows.clone(),
            limits,
            conclude: Arc::clone(&conclude),
            read,
            respond: Arc::clone(&respond),
            refusals: self.parts.refusals.clone(),
            recoverable,
            keys: Arc::clone(&self.parts.ring),
            subjects: Arc::clone(&self.parts.subjects),
            profiles: self.settings.profiles,
            master: Arc::clone(&self.master),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        let leave =
            Leave { flows, conclude, tickets, refusals: self.parts.refusals.clone(), clock: self.clock(), respond };
        let (origin, base) = origin_and_base(issuer);
        let cookies = Cookies::new(issuer).telling(self.settings.authorization.session_management);
        let words = Arc::new(Words::new(&[]));
        let flow_api = FlowApi {
            words: Arc::clone(&words),
            advance: Arc::clone(&advance),
            beside: Arc::clone(&beside),
            refusals: self.parts.refusals.clone(),
            cookies,
            origin: Arc::clone(&origin),
            base: issuer.as_str().into(),
        };
        let site = Site { brand: super::BRAND.to_owned(), logo: None, base, help: None, privacy: None, terms: None };
        Provider {
            authorize,
            advance,
            beside,
            connect,
            leave,
            log_out,
            logos,
            account,
            flow_api,
            refusals: self.parts.refusals.clone(),
            cookies,
            words,
            site,
            issuer: issuer.clone(),
            origin,
            forms: self.master.derive("form mark"),
        }
    }

    fn logos(&self, known: &Arc<Known>) -> Logos {
        Logos::new(Arc::clone(known), self.settings.egress.clone(), self.clock())
    }

    fn log_out(&self, known: &Arc<Known>) -> LogOut {
        LogOut {
            known: Arc::clone(known),
            keys: Arc::clone(&self.parts.ring),
            subjects: Arc::clone(&self.parts.subjects),
            tell: tell_logout(&self.settings, &self.parts),
            clock: self.clock(),
            entropy: self.entropy(),
        }
    }

    fn limit_flows(&self) -> Arc<LimitFlows> {
        Arc::new(LimitFlows {
            most: self.settings.flows,
            attempts: Attempts::new(self.store()),
            flows: Shelf::new(self.store()),
            errands: Shelf::new(self.store()),
            of_browsers: Shelf::new(self.store()),
        })
    }

    pub(super) fn check_passkey(&self) -> Arc<CheckPasskey> {
        Arc::new(CheckPasskey {
            passkeys: Passkeys::new(self.parts.database.clone()),
            directory: self.directory(),
            party: RelyingParty::of_issuer(&self.settings.issuer),
            ledger: self.parts.ledger.clone(),
            refusals: self.parts.refusals.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
        })
    }

    fn add_passkey(&self, check: &CheckPasskey) -> Arc<AddPasskey> {
        Arc::new(AddPasskey {
            passkeys: check.passkeys.clone(),
            party: check.party.clone(),
            refusals: self.parts.refusals.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
        })
    }

    fn account(
        &self,
        known: &Arc<Known>,
        known_devices: &Arc<KnownDevices>,
        (passkeys, add): (Arc<CheckPasskey>, Arc<AddPasskey>),
    ) -> Account {
        let party = passkeys.party.clone();
        let ceremonies = Ceremonies { begun: Shelf::new(self.store()), entropy: self.entropy() };
        Account {
            applications: OwnApplications { known: Arc::clone(known), clock: self.clock(), entropy: self.entropy() },
            devices: OwnDevices {
                known: Arc::clone(known),
                devices: self.parts.devices.clone(),
                addresses: OtpDevices::new(self.parts.database.clone()),
                totps: TotpDevices::new(self.parts.database.clone()),
                changes: self.change_devices(),
                recognise: Arc::clone(&self.parts.recognise),
                lifetime: self.settings.pairing_key_lifetime,
                issuer: self.settings.issuer.clone(),
                clock: self.clock(),
                entropy: self.entropy(),
            },
            passkeys: OwnPasskeys {
                known: Arc::clone(known),
                passkeys: passkeys.passkeys.clone(),
                totps: TotpDevices::new(self.parts.database.clone()),
                add,
                check: Arc::clone(&passkeys),
                ceremonies: ceremonies.clone(),
                clock: self.clock(),
                entropy: self.entropy(),
            },
            confirm: Confirm {
                known: Arc::clone(known),
                known_devices: Arc::clone(known_devices),
                passwords: Arc::clone(&self.parts.check_password),
                passkeys,
                party,
                ceremonies,
                clock: self.clock(),
                entropy: self.entropy(),
            },
        }
    }

    fn user_code_key(&self) -> ring::hmac::Key {
        self.master.derive("user code")
    }

    pub(super) fn device_authorization(&self, authenticate: Arc<AuthenticateClient>) -> DeviceAuthorizationApi {
        let authorize = AuthorizeDevice {
            devices: Shelf::new(self.store()),
            shown: Shelf::new(self.store()),
            attempts: Attempts::new(self.store()),
            key: self.user_code_key(),
            ledger: self.parts.ledger.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        DeviceAuthorizationApi { authenticate, authorize, issuer: self.settings.issuer.clone() }
    }

    pub(super) fn redeem_device(&self, issue: &Arc<Issue>) -> RedeemDevice {
        RedeemDevice {
            devices: Shelf::new(self.store()),
            directory: self.directory(),
            sessions: Sessions::new(self.parts.database.clone()),
            consents: Consents::new(self.parts.database.clone()),
            ledger: self.parts.ledger.clone(),
            issue: Arc::clone(issue),
            clock: self.clock(),
            entropy: self.entropy(),
        }
    }

    pub(super) fn exchange_code(&self, issue: &Arc<Issue>) -> ExchangeCode {
        ExchangeCode {
            codes: Shelf::new(self.store()),
            directory: self.directory(),
            sessions: Sessions::new(self.parts.database.clone()),
            consents: Consents::new(self.parts.database.clone()),
            tokens: self.parts.tokens.clone(),
            ledger: self.parts.ledger.clone(),
            issue: Arc::clone(issue),
            offers: self.offers(),
            clock: self.clock(),
            entropy: self.entropy(),
        }
    }
}

/// `https://op.example/tenant` has the origin `https://op.example`; links on our pages begin with `/tenant`.
fn origin_and_base(issuer: &str) -> (Arc<str>, String) {
    match Url::parse(issuer) {
        Ok(url) => (url.origin().ascii_serialization().into(), url.path().trim_end_matches('/').to_owned()),
        // One that is no address was refused before.
        Err(_) => (issuer.into(), String::new()),
    }
}
