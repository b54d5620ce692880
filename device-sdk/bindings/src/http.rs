//! What the app brings: its HTTP stack, and a clock where it wants one of its own.

use std::collections::HashMap;

use nod_device::Timestamp;

/// Moves bytes: `OkHttp`, `HttpURLConnection`, `URLSession`, ...
#[uniffi::export(with_foreign)]
pub trait Http: Send + Sync {
    /// Sends `request` and waits for the answer, whatever its status; ten seconds are enough. A redirect is an answer and
    /// not to be followed: a proof is for one URL. `Unreachable` when there is no answer.
    fn send(&self, request: HttpRequest) -> Result<HttpAnswer, HttpFault>;
}

#[derive(Clone, Debug, uniffi::Record)]
pub struct HttpRequest {
    /// `GET`, `POST`, `PUT`, `DELETE`.
    pub method: String,
    pub url: String,
    pub headers: HashMap<String, String>,
    pub body: Option<Vec<u8>>,
}

#[derive(Clone, Debug, uniffi::Record)]
pub struct HttpAnswer {
    pub status: u16,
    /// By name, in whatever case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, thiserror::Error, uniffi::Error)]
pub enum HttpFault {
    /// No network, no server, no trust in its certificate, or not in time.
    #[error("no answer")]
    Unreachable,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for HttpFault {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Unreachable
    }
}

/// In place of the system's clock: then the server's is believed only where it contradicts.
#[uniffi::export(with_foreign)]
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now(&self) -> Timestamp;
}
