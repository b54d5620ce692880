//! Whether this phone would be asked, and if not, why not and what helps: a checklist for the person and for support.
//!
//! What was found out is handed in ([`Findings`]); whoever moves the bytes finds it out.

use crate::error::Error;
use crate::id::DeviceId;
use crate::messages::{DeviceStatus, Me};
use crate::payload::PushState;
use crate::proof::KeyError;
use crate::timestamp::Timestamp;

/// The server corrects the clock of a proof; a person who looks at a clock that is off sees wrong times.
const CLOCK_WARNING_SECONDS: u64 = 60;

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The key is there and signs.
    Key,
    /// The server answers.
    Server,
    /// The server knows this installation, and the same people as this phone.
    Pairing,
    /// No device of this installation is blocked.
    Devices,
    /// The phone's clock.
    Clock,
    /// The keys of the issuer can be fetched: without them no ID token is believed.
    IssuerKeys,
    /// The stream of questions opens.
    Events,
    /// A push would arrive, and be seen.
    Push,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    Pass,
    /// It works, and not as well as it could.
    Warning,
    Fail,
    /// Nothing is known: something before it failed.
    Skipped,
}

/// One line of the checklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub subject: Subject,
    pub verdict: Verdict,
    /// Stable, for translation: of an [`Error`], or one of this module. Nothing when it passed or was left out.
    pub code: Option<String>,
    /// In English. Empty when it passed.
    pub why: &'static str,
    /// What to do about it, in English. Empty when it passed.
    pub fix: &'static str,
}

/// What came of trying.
#[derive(Debug)]
pub struct Findings<'a> {
    /// Of a signature that was made and verified.
    pub key: Result<(), KeyError>,
    pub me: Result<Me, Error>,
    /// The phone's own clock when [`Findings::me`] was there.
    pub local: Timestamp,
    /// Whom this phone thinks it serves.
    pub devices: &'a [DeviceId],
    pub issuer_keys: Result<(), Error>,
    /// Nothing where nobody listens to events.
    pub events: Option<Result<(), Error>>,
    /// What the app knows of pushes, and whether the server took the token; nothing when the app has none.
    pub push: Option<(&'a PushState, Result<(), Error>)>,
}

impl Findings<'_> {
    /// One check of each subject that there is, in order.
    pub fn judge(&self) -> Vec<Check> {
        let mut checks = vec![self.key(), self.server(), self.pairing(), self.devices(), self.clock()];
        checks.push(tried(Subject::IssuerKeys, &self.issuer_keys, "the keys of the issuer cannot be fetched"));
        if let Some(events) = &self.events {
            checks.push(tried(Subject::Events, events, "the stream of questions does not open"));
        }
        checks.push(self.push());
        checks
    }

    fn key(&self) -> Check {
        match self.key {
            Ok(()) => pass(Subject::Key),
            Err(error) => fail(Subject::Key, &error.into(), "the key of this phone does not sign"),
        }
    }

    fn server(&self) -> Check {
        match &self.me {
            // Nobody was asked.
            Err(Error::Key(_)) => skipped(Subject::Server),
            Err(error) if error.refusal().is_none() => fail(Subject::Server, error, "the server does not answer"),
            // A refusal is an answer: the next check is about it.
            Ok(_) | Err(_) => pass(Subject::Server),
        }
    }

    fn pairing(&self) -> Check {
        let subject = Subject::Pairing;
        match &self.me {
            Err(error) if error.refusal().is_some() => fail(subject, error, "the server refuses this installation"),
            Err(_) => skipped(subject),
            Ok(me) if me.users.is_empty() => {
                worded(subject, Verdict::Fail, "NOBODY_PAIRED", "nobody is paired on this phone", "Pair this phone.")
            }
            Ok(me) => {
                let there = |device: &DeviceId| me.users.iter().any(|user| user.device_id == *device);
                if me.users.len() == self.devices.len() && self.devices.iter().all(there) {
                    pass(subject)
                } else {
                    let why = "the server knows other people on this phone than the app does";
                    worded(subject, Verdict::Warning, "PEOPLE_DIFFER", why, "Read who is paired from the server again.")
                }
            }
        }
    }

    fn devices(&self) -> Check {
        let subject = Subject::Devices;
        let Ok(me) = &self.me else { return skipped(subject) };
        if me.users.iter().all(|user| user.status == DeviceStatus::Active) {
            return pass(subject);
        }
        let why = "somebody's device on this phone is blocked";
        worded(subject, Verdict::Fail, "DEVICE_BLOCKED", why, "Ask an administrator to unblock it.")
    }

    fn clock(&self) -> Check {
        let subject = Subject::Clock;
        let Ok(me) = &self.me else { return skipped(subject) };
        if me.time.seconds().abs_diff(self.local.seconds()) <= CLOCK_WARNING_SECONDS {
            return pass(subject);
        }
        let why = "the clock of this phone is more than a minute off";
        worded(subject, Verdict::Warning, "CLOCK_OFF", why, "Let the system set the time by itself.")
    }

    fn push(&self) -> Check {
        let subject = Subject::Push;
        let warn = |code, why, fix| worded(subject, Verdict::Warning, code, why, fix);
        match &self.push {
            None => {
                let why = "the app has no push token: questions are found by asking and listening alone";
                warn("MissingDeviceToken", why, "Hand in the token that the platform gives.")
            }
            Some((_, Err(error))) => fail(subject, error, "the server does not take the push token"),
            Some((state, Ok(()))) if !state.permitted => {
                let why = "the system does not let this app show notifications";
                warn("PUSH_NOT_PERMITTED", why, "Allow notifications in the settings of the system.")
            }
            Some((state, Ok(()))) if !state.enabled => {
                warn("PushDisabled", "the person has switched pushes off", "Switch them on in the app.")
            }
            Some((_, Ok(()))) => pass(subject),
        }
    }
}

fn tried(subject: Subject, result: &Result<(), Error>, why: &'static str) -> Check {
    result.as_ref().map_or_else(|error| fail(subject, error, why), |()| pass(subject))
}

const fn pass(subject: Subject) -> Check {
    Check { subject, verdict: Verdict::Pass, code: None, why: "", fix: "" }
}

const fn skipped(subject: Subject) -> Check {
    Check { subject, verdict: Verdict::Skipped, code: None, why: "something before it failed", fix: "" }
}

fn worded(subject: Subject, verdict: Verdict, code: &str, why: &'static str, fix: &'static str) -> Check {
    Check { subject, verdict, code: Some(code.to_owned()), why, fix }
}

fn fail(subject: Subject, error: &Error, why: &'static str) -> Check {
    worded(subject, Verdict::Fail, error.code(), why, fix(error.code()))
}

/// By the code of an [`Error`].
fn fix(code: &str) -> &'static str {
    match code {
        "KEY_DECLINED" => "Confirm with the finger, the face or the PIN that the system asks for.",
        "KEY_UNAVAILABLE" => "Unlock the phone. When that does not help, the key is gone: pair this phone again.",
        "KEY_DAMAGED" | "DEVICE_UNKNOWN" | "PROOF_INVALID" => "Pair this phone again.",
        "DEVICE_BLOCKED" => "Ask an administrator to unblock it.",
        "UNREACHABLE" | "SILENT" => "Look whether this phone is online, and whether the server's address is right.",
        "HTTP_UNAVAILABLE" => "Look whether the system has certificates to trust.",
        "PROOF_EXPIRED" => "Let the system set the time by itself.",
        "PUSH_UNAVAILABLE" => "Ask an administrator to enter the push credentials of this app.",
        "TOO_MANY_ATTEMPTS" | "TEMPORARILY_UNAVAILABLE" => "Try again later.",
        _ => "Tell the people who run the server, with the code.",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::messages::PushToken;
    use crate::problem::{Code, Problem};

    const LOCAL: Timestamp = Timestamp::from_seconds(1_772_366_400);

    fn device(number: u128) -> DeviceId {
        DeviceId::new(uuid::Uuid::from_u128(number))
    }

    fn me(devices: &[u128], status: &str, ahead: i64) -> Me {
        let users: Vec<_> = devices
            .iter()
            .map(|number| {
                json!({
                    "userId": device(*number + 1000), "username": "alice", "deviceId": device(*number),
                    "role": "PRIMARY", "status": status,
                })
            })
            .collect();
        serde_json::from_value(json!({
            "installationId": device(0), "issuer": "https://id.example", "users": users,
            "time": Timestamp::from_seconds(LOCAL.seconds() + ahead),
        }))
        .unwrap()
    }

    fn refused(code: Code) -> Error {
        let problem = Problem { kind: String::new(), title: String::new(), status: 401, code, detail: None };
        Error::Refused { problem, retry_after: None }
    }

    fn push(enabled: bool, permitted: bool) -> PushState {
        let token =
            PushToken { provider: "FCM".to_owned(), environment: "production".to_owned(), token: "t".to_owned() };
        PushState { token, enabled, permitted }
    }

    fn healthy<'a>(devices: &'a [DeviceId], push: &'a PushState) -> Findings<'a> {
        Findings {
            key: Ok(()),
            me: Ok(me(&[1], "ACTIVE", 60)),
            local: LOCAL,
            devices,
            issuer_keys: Ok(()),
            events: Some(Ok(())),
            push: Some((push, Ok(()))),
        }
    }

    /// Verdict and code of one subject.
    fn line(findings: &Findings<'_>, subject: Subject) -> (Verdict, Option<String>) {
        let checks = findings.judge();
        let check = checks.iter().find(|check| check.subject == subject).unwrap();
        let told = matches!(check.verdict, Verdict::Warning | Verdict::Fail);
        assert_eq!((check.code.is_some(), !check.fix.is_empty()), (told, told), "{check:?}");
        assert_eq!(check.why.is_empty(), check.verdict == Verdict::Pass, "{check:?}");
        (check.verdict, check.code.clone())
    }

    #[test]
    fn a_healthy_phone_passes_all_of_it() {
        let (devices, push) = ([device(1)], push(true, true));
        let checks = healthy(&devices, &push).judge();
        assert_eq!(checks.len(), 8);
        assert!(checks.iter().all(|check| check.verdict == Verdict::Pass), "{checks:?}");
        let deaf = Findings { events: None, ..healthy(&devices, &push) };
        assert!(deaf.judge().iter().all(|check| check.subject != Subject::Events));
    }

    #[test]
    fn each_fault_is_found_where_it_is() {
        use Subject::{Clock, Devices, Events, IssuerKeys, Key, Pairing, Push, Server};
        let (devices, good) = ([device(1)], push(true, true));
        let (off, mute) = (push(false, true), push(true, false));
        let new = || healthy(&devices, &good);
        let cases = [
            (Findings { key: Err(KeyError::Declined), ..new() }, Key, Verdict::Fail, "KEY_DECLINED"),
            (Findings { me: Err(Error::Silent), ..new() }, Server, Verdict::Fail, "SILENT"),
            (Findings { me: Err(refused(Code::DeviceUnknown)), ..new() }, Pairing, Verdict::Fail, "DEVICE_UNKNOWN"),
            (Findings { me: Ok(me(&[], "ACTIVE", 0)), ..new() }, Pairing, Verdict::Fail, "NOBODY_PAIRED"),
            (Findings { me: Ok(me(&[2], "ACTIVE", 0)), ..new() }, Pairing, Verdict::Warning, "PEOPLE_DIFFER"),
            (Findings { me: Ok(me(&[1, 2], "ACTIVE", 0)), ..new() }, Pairing, Verdict::Warning, "PEOPLE_DIFFER"),
            (Findings { me: Ok(me(&[1], "BLOCKED", 0)), ..new() }, Devices, Verdict::Fail, "DEVICE_BLOCKED"),
            (Findings { me: Ok(me(&[1], "ACTIVE", -61)), ..new() }, Clock, Verdict::Warning, "CLOCK_OFF"),
            (Findings { issuer_keys: Err(Error::Silent), ..new() }, IssuerKeys, Verdict::Fail, "SILENT"),
            (Findings { events: Some(Err(Error::Silent)), ..new() }, Events, Verdict::Fail, "SILENT"),
            (Findings { push: None, ..new() }, Push, Verdict::Warning, "MissingDeviceToken"),
            (Findings { push: Some((&off, Ok(()))), ..new() }, Push, Verdict::Warning, "PushDisabled"),
            (Findings { push: Some((&mute, Ok(()))), ..new() }, Push, Verdict::Warning, "PUSH_NOT_PERMITTED"),
            (
                Findings { push: Some((&good, Err(refused(Code::PushUnavailable)))), ..new() },
                Push,
                Verdict::Fail,
                "PUSH_UNAVAILABLE",
            ),
        ];
        for (findings, subject, verdict, code) in cases {
            assert_eq!(line(&findings, subject), (verdict, Some(code.to_owned())), "{subject:?}");
        }
    }

    #[test]
    fn what_cannot_be_known_is_not_judged() {
        let (devices, push) = ([device(1)], push(true, true));
        let away = Findings { me: Err(Error::Silent), ..healthy(&devices, &push) };
        for subject in [Subject::Pairing, Subject::Devices, Subject::Clock] {
            assert_eq!(line(&away, subject), (Verdict::Skipped, None), "{subject:?}");
        }
        let mute = Findings { me: Err(KeyError::Declined.into()), ..healthy(&devices, &push) };
        assert_eq!(line(&mute, Subject::Server), (Verdict::Skipped, None), "nobody was asked");
        let unknown = Findings { me: Err(refused(Code::DeviceUnknown)), ..healthy(&devices, &push) };
        assert_eq!(line(&unknown, Subject::Server), (Verdict::Pass, None));
        assert_eq!(line(&unknown, Subject::Devices), (Verdict::Skipped, None));
    }
}
