//! What refuses a phone (docs/device-api.md).

use crate::protocol::device_error::DeviceErrorCode as D;

pub(super) fn of(code: D) -> (&'static str, &'static str) {
    const DECISIONS: &str = "docs/device-api.md, decisions";
    const PROOFS: &str = "docs/device-api.md, proofs (after RFC 9449)";
    const ERRORS: &str = "docs/device-api.md, errors (RFC 9457)";
    match code {
        D::InvalidRequest => (ERRORS, "A JSON object with the documented members, each of them once."),
        D::ProofRequired => (PROOFS, "A Device-Proof header, signed by the key of the installation."),
        D::ProofInvalid => (PROOFS, "A proof made for this method, this address and this body."),
        D::ProofExpired => (PROOFS, "A proof made within 60 seconds; the Date header has the server’s time."),
        D::ProofReplayed => (PROOFS, "A new proof: each is good for one call, with a jti of its own."),
        D::UseDeviceNonce => {
            (PROOFS, "The same call with the Device-Nonce of this answer in its proof. Phones do so by themselves.")
        }
        D::DeviceUnknown => (PROOFS, "A key that is paired: POST /device/v1/pairings."),
        D::DeviceBlocked => (ERRORS, "A device that an administrator has not blocked."),
        D::PairingKeyInvalid => {
            ("docs/device-api.md, pairing", "A pairing key that is known, not expired and not used.")
        }
        D::MethodLimitReached => ("docs/device-api.md, pairing", "One device less: five are allowed."),
        D::EnrollmentNotFound => ("docs/device-api.md, enrollments", "A ticket that this installation was given."),
        D::EnrollmentGone => {
            ("docs/device-api.md, enrollments", "A ticket that is not answered yet, within five minutes.")
        }
        D::TooManyAttempts => ("RFC 6585 §4", "The same call, later: Retry-After says when."),
        D::NotificationNotFound => (DECISIONS, "A question that was put to a device of this installation."),
        D::Expired => (DECISIONS, "An answer before expiresAt."),
        D::AlreadyDecided => (DECISIONS, "The first answer. It counts, and stays."),
        D::Canceled => (DECISIONS, "An answer before the client withdrew its question."),
        D::ContextHashMismatch => (DECISIONS, "The digest of exactly what the question says."),
        D::ProofMismatch => (DECISIONS, "A body that says what the signed proof says."),
        D::NumberRequired => (DECISIONS, "No numberPicked, since the question does not ask for it."),
        D::ChoiceRequired => (DECISIONS, "choice, since the question is about a new device; none for any other."),
        D::NumberMismatch => (DECISIONS, "The number on the shop’s screen. There is one try."),
        D::PushValueInvalid => ("docs/push.md", "What was in the push. There is one try."),
        D::PushUnavailable => ("docs/push.md", "An app that is registered as a native application."),
        D::DeviceNotFound => (ERRORS, "A device of this installation."),
        D::NotFound => (ERRORS, "An address of docs/device-api.md."),
        D::TemporarilyUnavailable | D::InternalError => (ERRORS, "The same call, later."),
    }
}
