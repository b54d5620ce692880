//! The device API, and what dev mode reaches into.

use std::sync::Arc;

use super::{Wiring, push};
use crate::http::device::DeviceApi;
use crate::http::device::events::Streams;
use crate::protocol::webauthn::RelyingParty;
use crate::store::ephemeral::{Attempts, Purpose, Replay, Shelf};
use crate::store::kept::Kept;
use crate::store::shelves::DeviceBell;
use crate::store::sql::decisions::Decisions;
use crate::store::sql::device_passcodes::DevicePasscodes;
use crate::store::sql::otp_devices::OtpDevices;
use crate::store::sql::passkeys::Passkeys;
use crate::store::sql::passwords::Passwords;
use crate::store::sql::people::People;
use crate::store::sql::sessions::Sessions;
use crate::store::sql::totp_devices::TotpDevices;
use crate::usecase::authenticate_device::{AuthenticateDevice, Nonces};
use crate::usecase::change_devices::ChangeDevices;
use crate::usecase::decide::Decide;
use crate::usecase::dev::Dev;
use crate::usecase::dev::stories::Stories;
use crate::usecase::device_logs::{KeepLogs, TestPush};
use crate::usecase::device_trust::agree_passcode::AgreePasscode;
use crate::usecase::device_trust::enrol::AnswerEnrolment;
use crate::usecase::device_trust::silent::AnswerSilently;
use crate::usecase::inbox::ReadInbox;
use crate::usecase::pair_device::PairDevice;
use crate::usecase::sign_in::Known;
use crate::usecase::sign_in::look_after::LookAfterDevices;
use crate::usecase::sign_in::pair_phone::PairPhone;

impl Wiring {
    pub(super) fn change_devices(&self) -> Arc<ChangeDevices> {
        let database = &self.parts.database;
        Arc::new(ChangeDevices {
            devices: self.parts.devices.clone(),
            addresses: OtpDevices::new(database.clone()),
            totps: TotpDevices::new(database.clone()),
            passkeys: Passkeys::new(database.clone()),
            bell: DeviceBell::new(self.store()),
            withdraw: self.parts.withdraw(),
            tell: self.parts.tell(),
            clock: self.clock(),
            entropy: self.entropy(),
        })
    }

    pub(super) fn look_after(&self, known: &Arc<Known>) -> LookAfterDevices {
        let passwords = Passwords::new(self.parts.database.clone());
        LookAfterDevices { known: Arc::clone(known), changes: self.change_devices(), passwords }
    }

    pub(super) fn device(&self, nonces: Nonces) -> DeviceApi {
        let inbox = ReadInbox {
            requests: self.parts.requests.clone(),
            inboxes: self.parts.inboxes.clone(),
            directory: self.directory(),
            bell: DeviceBell::new(self.store()),
            clock: self.clock(),
        };
        DeviceApi {
            authenticate: AuthenticateDevice {
                directory: self.directory(),
                devices: self.parts.devices.clone(),
                replay: Replay::new(self.store(), Purpose::ProofReplay),
                clock: self.clock(),
                entropy: self.entropy(),
                issuer: self.settings.issuer.clone(),
                nonces,
                keys: Kept::new(100_000),
            },
            pair: PairDevice {
                devices: self.parts.devices.clone(),
                recognise: Arc::clone(&self.parts.recognise),
                guesses: Shelf::new(self.store()),
                bell: DeviceBell::new(self.store()),
                withdraw: self.parts.withdraw(),
                tell: self.parts.tell(),
                clock: self.clock(),
                entropy: self.entropy(),
                issuer: self.settings.issuer.clone(),
                max_per_user: self.settings.max_devices,
            },
            decide: Decide {
                inbox: inbox.clone(),
                settle: self.parts.settle.clone(),
                decisions: Decisions::new(self.parts.database.clone()),
                clock: self.clock(),
                entropy: self.entropy(),
            },
            enrol: AnswerEnrolment {
                offers: Shelf::new(self.store()),
                attempts: Attempts::new(self.store()),
                directory: self.directory(),
                devices: self.parts.devices.clone(),
                sessions: Sessions::new(self.parts.database.clone()),
                ledger: self.parts.ledger.clone(),
                bell: DeviceBell::new(self.store()),
                tell: self.parts.tell(),
                clock: self.clock(),
                entropy: self.entropy(),
                browsers: RelyingParty::of_issuer(&self.settings.issuer).is_some(),
                max_devices: self.settings.max_devices,
            },
            passcodes: AgreePasscode {
                passcodes: DevicePasscodes::new(self.parts.database.clone()),
                master: Arc::clone(&self.master),
                entropy: self.entropy(),
            },
            push: self.register_push(),
            silent: AnswerSilently {
                silent: Shelf::new(self.store()),
                values: push::proof_values(&self.master),
                directory: self.directory(),
                clock: self.clock(),
            },
            logs: Arc::new(self.device_logs()),
            test: TestPush {
                pushes: self.parts.settle.pushes.clone(),
                attempts: Attempts::new(self.store()),
                clock: self.clock(),
            },
            inbox,
            clock: self.clock(),
            issuer: self.issuer.clone(),
            streams: Streams::default(),
        }
    }

    pub(super) fn device_logs(&self) -> KeepLogs {
        KeepLogs {
            logs: Shelf::new(self.store()),
            attempts: Attempts::new(self.store()),
            clock: self.clock(),
            entropy: self.entropy(),
        }
    }

    pub(super) fn pair_phone(&self) -> PairPhone {
        PairPhone {
            devices: self.parts.devices.clone(),
            recognise: Arc::clone(&self.parts.recognise),
            master: Arc::clone(&self.master),
            lifetime: self.settings.pairing_key_lifetime,
            entropy: self.entropy(),
        }
    }

    pub(super) fn dev(&self) -> Dev {
        Dev {
            directory: self.directory(),
            devices: self.parts.devices.clone(),
            recognise: Arc::clone(&self.parts.recognise),
            people: People::new(self.parts.database.clone(), self.directory()),
            requests: self.parts.requests.clone(),
            inboxes: self.parts.inboxes.clone(),
            flows: Shelf::new(self.store()),
            codes: Shelf::new(self.store()),
            waiting: Shelf::new(self.store()),
            clock: self.clock(),
            entropy: self.entropy(),
            lifetime: self.settings.pairing_key_lifetime,
            introspect: self.introspect(),
            stories: Stories::new(&self.parts.database, &self.directory()),
        }
    }
}
