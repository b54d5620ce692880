//! What goes wrong, as an exception.

use nod_device::Error;
use nod_device::problem::{Code, Problem};
use nod_device::proof::KeyError;

/// The one exception of this library.
#[derive(Clone, Debug, thiserror::Error, uniffi::Error)]
pub enum DeviceError {
    #[error("{why}")]
    Failed {
        /// Stable: apps translate it and count it. The server's own codes come through as they are.
        code: String,
        /// The closest number of an SDK that counts its errors from 10000.
        number: u16,
        /// Whether the same call, made again later, can succeed without anybody changing anything.
        retryable: bool,
        /// How long the server asks to wait.
        retry_after_seconds: Option<u64>,
        /// In English, without a secret.
        why: String,
    },
}

impl DeviceError {
    /// Not what `Device.state` gave.
    pub(crate) fn not_a_state() -> Self {
        let why = "not a stored state".to_owned();
        Self::Failed {
            code: "STATE_INVALID".to_owned(),
            number: 10_000,
            retryable: false,
            retry_after_seconds: None,
            why,
        }
    }

    /// What the server would say too.
    pub(crate) fn not_paired() -> Self {
        let code = Code::DeviceUnknown;
        let problem = Problem { kind: String::new(), title: String::new(), status: 401, code, detail: None };
        Error::Refused { problem, retry_after: None }.into()
    }
}

impl From<Error> for DeviceError {
    fn from(error: Error) -> Self {
        Self::Failed {
            code: error.code().to_owned(),
            number: error.number(),
            retryable: error.is_retryable(),
            retry_after_seconds: error.retry_after().map(|wait| wait.as_secs()),
            why: error.to_string(),
        }
    }
}

impl From<KeyError> for DeviceError {
    fn from(error: KeyError) -> Self {
        Error::from(error).into()
    }
}

pub(crate) type Result<T> = std::result::Result<T, DeviceError>;
