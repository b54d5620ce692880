//! The admin API, put together.

use std::sync::Arc;
use std::time::Duration;

use super::{Parts, Settings, Wiring};
use crate::http::admin;
use crate::http::admin::applications::ApplicationsApi;
use crate::http::admin::audit::AuditApi;
use crate::http::admin::bootstrap::BootstrapApi;
use crate::http::admin::clients::ClientsApi;
use crate::http::admin::device_logs::DeviceLogsApi;
use crate::http::admin::devices::DevicesApi;
use crate::http::admin::events::EventsApi;
use crate::http::admin::initial_access_tokens::InitialAccessTokensApi;
use crate::http::admin::keys::KeysApi;
use crate::http::admin::mfa_policies::MfaPoliciesApi;
use crate::http::admin::native_applications::NativeApplicationsApi;
use crate::http::admin::otp_devices::OtpDevicesApi;
use crate::http::admin::page::Cursors;
use crate::http::admin::pairing_keys::PairingKeysApi;
use crate::http::admin::passkeys::PasskeysApi;
use crate::http::admin::passwords::PasswordsApi;
use crate::http::admin::policies::PoliciesApi;
use crate::http::admin::push_credentials::PushCredentialsApi;
use crate::http::admin::remembered_browsers::RememberedBrowsersApi;
use crate::http::admin::requests::RequestsApi;
use crate::http::admin::sign_on_settings::SignOnSettingsApi;
use crate::http::admin::totp_devices::TotpDevicesApi;
use crate::http::admin::user_codes::UserCodesApi;
use crate::http::admin::users::UsersApi;
use crate::http::admin::webhooks::WebhooksApi;
use crate::secret::MasterKey;
use crate::store::shelves::DeviceBell;
use crate::store::sql::clients::Clients;
use crate::store::sql::idempotency::Answers;
use crate::store::sql::otp_devices::OtpDevices;
use crate::store::sql::passkeys::Passkeys;
use crate::store::sql::passwords::Passwords;
use crate::store::sql::people::People;
use crate::store::sql::push::PushCredentials;
use crate::store::sql::registration::Registration;
use crate::store::sql::remembered_browsers::RememberedBrowsers;
use crate::store::sql::sign_on::Applications;
use crate::store::sql::sign_on::MfaPolicies;
use crate::store::sql::sign_on::NativeApplications;
use crate::store::sql::sign_on::Policies;
use crate::store::sql::sign_on::SignOnSettings;
use crate::store::sql::totp_devices::TotpDevices;
use crate::store::sql::user_codes::UserCodes;
use crate::store::sql::webhooks::Webhooks;
use crate::usecase::admin::Desk;
use crate::usecase::admin::applications::ManageApplications;
use crate::usecase::admin::authorize::Authorize;
use crate::usecase::admin::clients::ManageClients;
use crate::usecase::admin::deliver::Deliver;
use crate::usecase::admin::device_deliveries::ReadDeliveries;
use crate::usecase::admin::devices::ManageDevices;
use crate::usecase::admin::devices::ManagePairingKeys;
use crate::usecase::admin::events::ReadTrail;
use crate::usecase::admin::idempotency::Idempotency;
use crate::usecase::admin::initial_access_tokens::ManageInitialAccessTokens;
use crate::usecase::admin::keys::ManageKeys;
use crate::usecase::admin::mfa_policies::ManageMfaPolicies;
use crate::usecase::admin::native_applications::ManageNativeApplications;
use crate::usecase::admin::native_applications::ReadMfaReadiness;
use crate::usecase::admin::otp_devices::ManageOtpDevices;
use crate::usecase::admin::passkeys::ManagePasskeys;
use crate::usecase::admin::passwords::ManagePasswords;
use crate::usecase::admin::policies::ManagePolicies;
use crate::usecase::admin::push_credentials::ManagePushCredentials;
use crate::usecase::admin::remembered_browsers::ManageRememberedBrowsers;
use crate::usecase::admin::requests::ManageRequests;
use crate::usecase::admin::requests::Questions;
use crate::usecase::admin::sign_on_settings::ManageSignOnSettings;
use crate::usecase::admin::totp_devices::ManageTotpDevices;
use crate::usecase::admin::user_codes::ManageUserCodes;
use crate::usecase::admin::users::ManageUsers;
use crate::usecase::admin::webhooks::ManageWebhooks;
use crate::worker::Worker;

/// Tells webhooks what happened.
pub(super) fn tell_webhooks(settings: &Settings, parts: &Parts, master: &Arc<MasterKey>, worker: &Worker) {
    let deliver = Arc::new(Deliver {
        webhooks: Webhooks::new(parts.database.clone()),
        trail: Arc::clone(&parts.trail),
        master: Arc::clone(master),
        egress: settings.egress.clone(),
        ledger: parts.ledger.clone(),
        watchers: parts.watchers.clone(),
        desk: Desk { clock: Arc::clone(&parts.clock), entropy: Arc::clone(&parts.entropy) },
    });
    worker.repeat("tell webhooks", Duration::from_millis(500), move || {
        let deliver = Arc::clone(&deliver);
        async move { deliver.run().await }
    });
}

/// The resources of the admin API.
pub(super) type AdminApi = (
    BootstrapApi,
    ClientsApi,
    InitialAccessTokensApi,
    (UsersApi, PasskeysApi, PasswordsApi, UserCodesApi, OtpDevicesApi, TotpDevicesApi, RememberedBrowsersApi),
    (DevicesApi, DeviceLogsApi),
    PairingKeysApi,
    RequestsApi,
    KeysApi,
    AuditApi,
    EventsApi,
    WebhooksApi,
    SignOnApi,
);

/// How people sign in.
type SignOnApi =
    (PoliciesApi, ApplicationsApi, SignOnSettingsApi, NativeApplicationsApi, MfaPoliciesApi, PushCredentialsApi);

impl Wiring {
    /// The admin API: every resource of it.
    pub(super) fn admin(&self, authorize: &Arc<Authorize>) -> AdminApi {
        let desk = Desk { clock: self.clock(), entropy: self.entropy() };
        let cursors = Cursors::new(self.master.derive("admin cursor"));
        let (database, devices) = (&self.parts.database, &self.parts.devices);
        let trail = Arc::clone(&self.parts.trail);
        let read = Arc::new(ReadTrail { trail: Arc::clone(&trail) });
        let clients = ManageClients {
            clients: Clients::new(database.clone(), self.directory()),
            policies: Policies::new(database.clone(), self.directory()),
            egress: Some(self.settings.egress.clone()),
            profiles: self.settings.profiles,
            desk: desk.clone(),
        };
        let devices_of_people = ManageDevices {
            devices: devices.clone(),
            bell: DeviceBell::new(self.store()),
            withdraw: self.parts.withdraw(),
            tell: self.parts.tell(),
            desk: desk.clone(),
        };
        let deliveries = ReadDeliveries { devices: devices.clone(), trail: Arc::clone(&trail) };
        let pairing_keys = ManagePairingKeys {
            devices: devices.clone(),
            directory: self.directory(),
            recognise: Arc::clone(&self.parts.recognise),
            desk: desk.clone(),
            lifetime: self.settings.pairing_key_lifetime,
            issuer: self.settings.issuer.clone(),
        };
        let requests = ManageRequests {
            trail: Arc::clone(&trail),
            questions: Questions { requests: self.parts.requests.clone(), inboxes: self.parts.inboxes.clone() },
            settle: self.parts.settle.clone(),
            desk: desk.clone(),
            max_expiry: self.settings.policy.max_expiry,
        };
        let webhooks = ManageWebhooks {
            webhooks: Webhooks::new(database.clone()),
            trail,
            master: Arc::clone(&self.master),
            egress: self.settings.egress.clone(),
            desk: desk.clone(),
        };
        let tokens = ManageInitialAccessTokens {
            registration: Registration::new(database.clone(), self.directory()),
            desk: desk.clone(),
        };
        let people = People::new(database.clone(), self.directory());
        let keys = ManageKeys { keys: Arc::clone(&self.parts.keys), desk: desk.clone() };
        (
            BootstrapApi { bootstrap: Arc::clone(&self.parts.bootstrap) },
            ClientsApi { clients, cursors: cursors.clone() },
            InitialAccessTokensApi { tokens, cursors: cursors.clone() },
            (
                UsersApi {
                    users: ManageUsers { people: people.clone(), desk: desk.clone() },
                    cursors: cursors.clone(),
                },
                PasskeysApi {
                    passkeys: ManagePasskeys {
                        passkeys: Passkeys::new(database.clone()),
                        people: people.clone(),
                        desk: desk.clone(),
                    },
                },
                PasswordsApi { passwords: ManagePasswords { passwords: Passwords::new(database.clone()), desk } },
                UserCodesApi { codes: self.user_codes() },
                OtpDevicesApi { devices: self.otp_devices(people.clone()) },
                TotpDevicesApi { devices: self.totp_devices(people.clone()) },
                RememberedBrowsersApi { browsers: self.remembered_browsers(people) },
            ),
            (
                DevicesApi { devices: devices_of_people, deliveries, cursors: cursors.clone() },
                DeviceLogsApi { logs: Arc::new(self.device_logs()) },
            ),
            PairingKeysApi { keys: pairing_keys, cursors: cursors.clone() },
            RequestsApi { requests, cursors: cursors.clone() },
            KeysApi { keys },
            AuditApi { trail: Arc::clone(&read), cursors: cursors.clone() },
            EventsApi {
                trail: read,
                authorize: Arc::clone(authorize),
                cursors: cursors.clone(),
                streams: admin::events::Streams::default(),
            },
            WebhooksApi { webhooks, cursors: cursors.clone() },
            self.sign_on(cursors),
        )
    }

    fn remembered_browsers(&self, people: People) -> ManageRememberedBrowsers {
        ManageRememberedBrowsers {
            browsers: RememberedBrowsers::new(self.parts.database.clone()),
            people,
            desk: Desk { clock: self.clock(), entropy: self.entropy() },
        }
    }

    fn otp_devices(&self, people: People) -> ManageOtpDevices {
        ManageOtpDevices {
            devices: OtpDevices::new(self.parts.database.clone()),
            people,
            desk: Desk { clock: self.clock(), entropy: self.entropy() },
        }
    }

    fn totp_devices(&self, people: People) -> ManageTotpDevices {
        ManageTotpDevices {
            devices: TotpDevices::new(self.parts.database.clone()),
            people,
            master: Arc::clone(&self.master),
            issuer: self.settings.issuer.clone(),
            desk: Desk { clock: self.clock(), entropy: self.entropy() },
        }
    }

    fn user_codes(&self) -> ManageUserCodes {
        let passwords = &self.parts.check_password;
        ManageUserCodes {
            codes: UserCodes::new(self.parts.database.clone()),
            hashing: Arc::clone(&passwords.hashing),
            ladder: passwords.ladder.clone(),
            desk: Desk { clock: self.clock(), entropy: self.entropy() },
        }
    }

    fn sign_on(&self, cursors: Cursors) -> SignOnApi {
        let (database, directory) = (&self.parts.database, self.directory());
        let desk = Desk { clock: self.clock(), entropy: self.entropy() };
        let policies = Policies::new(database.clone(), Arc::clone(&directory));
        let applications = Applications::new(database.clone(), Arc::clone(&directory));
        let native = NativeApplications::new(database.clone(), Arc::clone(&directory));
        let clients = Clients::new(database.clone(), Arc::clone(&directory));
        let mfa_policies = MfaPolicies::new(database.clone(), Arc::clone(&directory));
        let settings = ManageSignOnSettings {
            settings: SignOnSettings::new(database.clone(), Arc::clone(&directory)),
            policies: policies.clone(),
            applications: applications.clone(),
            desk: desk.clone(),
        };
        let policies = ManagePolicies {
            parts: policies,
            others: (applications.clone(), mfa_policies.clone()),
            desk: desk.clone(),
        };
        let applications = ManageApplications { parts: applications, others: (), desk: desk.clone() };
        let push = PushCredentials::new(database.clone());
        let readiness =
            ReadMfaReadiness { applications: native.clone(), clients: clients.clone(), directory, push: push.clone() };
        let credentials = ManagePushCredentials {
            credentials: push,
            applications: native.clone(),
            master: Arc::clone(&self.master),
            egress: self.settings.egress.clone(),
            desk: desk.clone(),
        };
        let mfa_policies = ManageMfaPolicies { parts: mfa_policies, others: native.clone(), desk: desk.clone() };
        let native = ManageNativeApplications { parts: native, others: clients, desk };
        (
            PoliciesApi { policies, cursors: cursors.clone() },
            ApplicationsApi { applications, cursors: cursors.clone() },
            SignOnSettingsApi { settings },
            NativeApplicationsApi { applications: native, readiness, cursors: cursors.clone() },
            MfaPoliciesApi { policies: mfa_policies, cursors },
            PushCredentialsApi { credentials },
        )
    }

    pub(super) fn idempotency(&self) -> Idempotency {
        Idempotency {
            answers: Answers::new(self.parts.database.clone()),
            master: Arc::clone(&self.master),
            desk: Desk { clock: self.clock(), entropy: self.entropy() },
        }
    }
}
