//! The words of `/deviceAuthentications`: states, actions, errors [flows.md A.2, A.3].

use super::words::words;

words! {
    /// Where a device authentication is.
    Status {
        /// Somebody says on which device of the person they are asked.
        DeviceSelectionRequired = "DEVICE_SELECTION_REQUIRED",
        /// A code was sent to the person, or is shown to them by an app.
        OtpRequired = "OTP_REQUIRED",
        /// A passkey is to answer to `publicKeyCredentialRequestOptions`.
        AssertionRequired = "ASSERTION_REQUIRED",
        /// The person is asked on a phone.
        PushConfirmationRequired = "PUSH_CONFIRMATION_REQUIRED",
        /// Nobody has answered in time.
        PushConfirmationTimedOut = "PUSH_CONFIRMATION_TIMED_OUT",
        /// It is the person, or the policy does without.
        Completed = "COMPLETED",
        /// It is not: `error` says why.
        Failed = "FAILED",
    }
}

words! {
    /// What can be done to one, as the content type `application/vnd.pingidentity.<action>+json` names it.
    Action {
        /// On this device the person is asked, be it once more.
        SelectDevice = "device.select",
        CheckOtp = "otp.check",
        CheckAssertion = "assertion.check",
        /// The person is not to answer on the phone any more.
        CancelPush = "cancel.push.authentication",
    }
}

words! {
    /// Why a call was refused.
    ErrorCode {
        InvalidData = "INVALID_DATA",
        InvalidRequest = "INVALID_REQUEST",
        InvalidToken = "INVALID_TOKEN",
        AccessDenied = "ACCESS_DENIED",
        NotFound = "NOT_FOUND",
        RequestFailed = "REQUEST_FAILED",
        RequestLimited = "REQUEST_LIMITED",
        UnexpectedError = "UNEXPECTED_ERROR",
    }
}

impl ErrorCode {
    /// For the developer.
    pub const fn message(self) -> &'static str {
        match self {
            Self::InvalidData => "A member is missing, unknown or has a value that is not possible; see details.",
            Self::InvalidRequest => "The request is malformed, or the action is none of the present state's.",
            Self::InvalidToken => "An access token that a client was given for itself is required.",
            Self::AccessDenied => "The access token is not for this: it lacks the scope.",
            Self::NotFound => "There is no such device authentication, or it is over.",
            Self::RequestFailed => "The request was understood and did not succeed; see details.",
            Self::RequestLimited => "Too many requests; Retry-After says when there may be another.",
            Self::UnexpectedError => "Something went wrong on the server.",
        }
    }
}

/// Why somebody did not get through, beside what an MFA policy says: `error.code`.
pub const REJECTED: (&str, &str) = ("PUSH_CONFIRMATION_REJECTED", "The person said no.");
/// The same where whoever asked wants no answer any more.
pub const CANCELLED: (&str, &str) = ("CANCELLED", "Whoever asked has taken the question back.");
