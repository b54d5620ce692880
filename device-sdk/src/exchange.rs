//! What a device remembers of its server between two calls, and what it makes of an answer: the part of talking that no
//! HTTP stack does. Whoever moves the bytes asks here whether to send once more.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::problem::{Code, Problem};
use crate::proof::{DEVICE_NONCE, Freshness};
use crate::timestamp::Timestamp;

/// The type of bodies, and of answers that are a success.
pub const JSON: &str = "application/json";
/// The type of an answer that says no [RFC 9457].
pub const PROBLEM: &str = "application/problem+json";

const MAX_NONCE_BYTES: usize = 512;
/// The way of an answer and the whole seconds of `Date` explain this much difference.
const CLOCK_TOLERANCE_SECONDS: u64 = 5;

/// The headers of an answer that matter to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerHead {
    pub status: u16,
    /// Without parameters, in lower case; empty when there is none.
    pub content_type: String,
    pub nonce: Option<String>,
    pub date: Option<Timestamp>,
    /// [RFC 9110 §10.2.3] in its form of seconds.
    pub retry_after: Option<Duration>,
}

impl AnswerHead {
    /// `header` finds a header by its name, in whatever case.
    pub fn read<'a>(status: u16, header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let content_type = header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
        let nonce = header(DEVICE_NONCE).filter(|nonce| (1..=MAX_NONCE_BYTES).contains(&nonce.len()));
        Self {
            status,
            content_type: content_type.trim().to_ascii_lowercase(),
            nonce: nonce.map(str::to_owned),
            date: header("date").and_then(|date| Timestamp::from_http_date(date).ok()),
            retry_after: header("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs),
        }
    }

    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// Not what a Nod server says here.
    pub const fn not_understood(&self, what: &'static str) -> Error {
        Error::Answer { status: self.status, what }
    }

    /// The body of a success.
    pub fn json<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Error> {
        if self.content_type != JSON {
            return Err(self.not_understood("not JSON"));
        }
        serde_json::from_slice(body).map_err(|_| self.not_understood("not the JSON of this call"))
    }

    /// Why it is none. What stands between device and server has words of its own.
    pub fn refusal(&self, body: &[u8]) -> Error {
        if self.content_type != PROBLEM {
            let redirect = matches!(self.status, 300..=399);
            return self.not_understood(if redirect { "a redirect" } else { "an error of something in between" });
        }
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => Error::Refused { problem, retry_after: self.retry_after },
            Err(_) => self.not_understood("not a problem document"),
        }
    }
}

/// The nonce seen last, and how the server's clock goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bearings {
    nonce: Option<String>,
    /// How far the server's clock is ahead of ours.
    ahead_seconds: i64,
}

impl Bearings {
    /// The server's time as well as it is known here.
    pub const fn now(&self, local: Timestamp) -> Timestamp {
        Timestamp::from_millis(local.millis().saturating_add(self.ahead_seconds.saturating_mul(1000)))
    }

    /// For a proof that is made now; `jti` is random.
    pub fn freshness(&self, local: Timestamp, jti: [u8; 16]) -> Freshness {
        Freshness { iat: self.now(local).seconds(), jti, nonce: self.nonce.clone() }
    }

    /// From each answer. `follow` the server's clock unless the app has brought one of its own.
    pub fn learn(&mut self, head: &AnswerHead, local: Timestamp, follow: bool) {
        if let Some(nonce) = &head.nonce {
            self.nonce = Some(nonce.clone());
        }
        if follow
            && let Some(date) = head.date
            && self.now(local).seconds().abs_diff(date.seconds()) > CLOCK_TOLERANCE_SECONDS
        {
            self.set_clock(date, local);
        }
    }

    const fn set_clock(&mut self, server: Timestamp, local: Timestamp) {
        self.ahead_seconds = server.seconds().saturating_sub(local.seconds());
    }
}

/// Of one call: what was tried already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    nonce_renewed: bool,
    clock_set: bool,
}

impl Tries {
    /// Whether the call is sent once more, with a new proof: the server wants another nonce or another time. A call whose
    /// proof was refused was not carried out, so nothing happens twice.
    pub fn again(&mut self, refusal: &Error, head: &AnswerHead, bearings: &mut Bearings, local: Timestamp) -> bool {
        match (refusal.refusal(), head.date) {
            (Some(Code::UseDeviceNonce), _) if head.nonce.is_some() && !self.nonce_renewed => {
                self.nonce_renewed = true;
                true
            }
            (Some(Code::ProofExpired), Some(date)) if !self.clock_set => {
                self.clock_set = true;
                bearings.set_clock(date, local);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Timestamp = Timestamp::from_seconds(784_111_700);

    fn head(status: u16, headers: &[(&str, &str)]) -> AnswerHead {
        AnswerHead::read(status, |name| {
            headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
        })
    }

    fn refusal(head: &AnswerHead, code: &str) -> Error {
        head.refusal(format!(r#"{{"status":401,"code":"{code}"}}"#).as_bytes())
    }

    #[test]
    fn a_nonce_and_a_clock_are_put_right_once_each() {
        let headers = [
            ("Content-Type", "Application/Problem+JSON; charset=utf-8"),
            ("device-nonce", "n1"),
            ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ];
        let head = head(401, &headers);
        let (mut bearings, mut tries) = (Bearings::default(), Tries::default());
        bearings.learn(&head, LOCAL, false);
        assert_eq!(bearings.freshness(LOCAL, [0; 16]).nonce.as_deref(), Some("n1"));
        assert_eq!(bearings.now(LOCAL), LOCAL, "the app's own clock stands");
        for code in ["USE_DEVICE_NONCE", "PROOF_EXPIRED"] {
            assert!(tries.again(&refusal(&head, code), &head, &mut bearings, LOCAL), "{code}");
            assert!(!tries.again(&refusal(&head, code), &head, &mut bearings, LOCAL), "{code}");
        }
        assert_eq!(bearings.now(LOCAL), Timestamp::from_seconds(784_111_777));
        assert!(!tries.again(&refusal(&head, "EXPIRED"), &head, &mut bearings, LOCAL));
    }

    #[test]
    fn a_refusal_without_a_new_nonce_is_final() {
        let long = "n".repeat(MAX_NONCE_BYTES + 1);
        for nonce in ["", &long] {
            let head = head(401, &[("content-type", PROBLEM), ("Device-Nonce", nonce)]);
            let refusal = refusal(&head, "USE_DEVICE_NONCE");
            assert!(!Tries::default().again(&refusal, &head, &mut Bearings::default(), LOCAL));
        }
    }

    #[test]
    fn what_is_no_answer_of_nod_is_told_from_one() {
        for (status, content_type, body, code) in [
            (502, "text/html", "<p>", "ANSWER_INVALID"),
            (302, "text/html", "", "ANSWER_INVALID"),
            (409, PROBLEM, "{", "ANSWER_INVALID"),
            (409, PROBLEM, r#"{"status":409,"code":"EXPIRED"}"#, "EXPIRED"),
        ] {
            let head = head(status, &[("content-type", content_type), ("retry-after", "7")]);
            let error = head.refusal(body.as_bytes());
            assert_eq!(error.code(), code);
            assert_eq!(error.retry_after(), (code == "EXPIRED").then_some(Duration::from_secs(7)));
        }
        let html = head(200, &[("content-type", "text/html")]);
        assert_eq!(html.json::<u32>(b"1").unwrap_err().code(), "ANSWER_INVALID");
        let json = head(200, &[("content-type", "application/json; charset=utf-8")]);
        assert_eq!((json.json::<u32>(b"1").unwrap(), json.is_success()), (1, true));
        assert_eq!(json.json::<u32>(b"x").unwrap_err().code(), "ANSWER_INVALID");
    }
}
