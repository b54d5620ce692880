//! What a state has in which a person is asked on a device of theirs, or could be.

use serde_json::{Map, Value, json};

use super::states::only;
use super::words;
use crate::domain::mfa_policy::Makes;
use crate::domain::otp::Delivery;
use crate::protocol::flow_api::Status;

pub(super) fn members() -> Map<String, Value> {
    let (text, flag) = (json!({"type": "string"}), json!({"type": "boolean"}));
    let maybe = json!({"type": "string", "nullable": true});
    let members = json!({
        "devices": devices(),
        "selectedDeviceRef": {
            "type": "object", "required": ["id"], "properties": {"id": text.clone()},
            "description": "PUSH_CONFIRMATION_WAITING, PUSH_CONFIRMATION_TIMED_OUT, OTP_REQUIRED, ASSERTION_REQUIRED as a second factor: on which the person is, or was, asked.",
        },
        "changeDevicePermitted": {
            "type": "boolean",
            "description": "PUSH_CONFIRMATION_WAITING, PUSH_CONFIRMATION_TIMED_OUT, OTP_REQUIRED, ASSERTION_REQUIRED as a second factor: whether there is another one.",
        },
        "purpose": {
            "type": "string", "enum": ["APPROVE_NEW_DEVICE"],
            "description": "The same, and DEVICE_SELECTION_REQUIRED, where the person is asked about `newDevice`.",
        },
        "newDevice": {
            "type": "object",
            "properties": {"model": maybe.clone(), "os": maybe.clone(), "application": maybe},
            "description": "The app that wants to be a device of the person, as it says of itself.",
        },
        "numberMatching": only(
            Status::PushConfirmationWaiting,
            number_matching(),
            "what the page shows, and the person picks or types on the device.",
        ),
        "expiresAt": {
            "type": "string", "format": "date-time",
            "description": "PUSH_CONFIRMATION_WAITING, MOBILE_ACTIVATION_REQUIRED, and where a code was sent OTP_REQUIRED, EMAIL_ACTIVATION_REQUIRED, SMS_ACTIVATION_REQUIRED and VOICE_ACTIVATION_REQUIRED: until when.",
        },
        "otpLength": {
            "type": "integer", "description": "OTP_REQUIRED, the states in which the first code of a device is brought, and wherever the passcode of a phone does as well as its answer: how many digits the code has.",
        },
        "attemptsRemaining": {
            "type": "integer",
            "description": "The same: how many codes may be wrong. None: wait, and have another one sent, where one is.",
        },
        "allowSkipMfa": only(
            Status::MfaSetupRequired, flag.clone(), "whether the person may go on without.",
        ),
        "devicePairingMethods": only(
            Status::DevicePairingMethodRequired,
            json!({
                "type": "array",
                "items": {
                    "type": "object", "required": ["deviceType"],
                    "properties": {"deviceType": {"type": "string", "enum": words(Makes::ALL, Makes::as_str)}},
                },
            }),
            "what can be made.",
        ),
        "pairingKey": only(
            Status::TotpActivationRequired, text.clone(), "the key, in base32, as people type it. MOBILE_ACTIVATION_REQUIRED: twelve digits.",
        ),
        "keyUri": only(
            Status::TotpActivationRequired, text.clone(), "and MOBILE_ACTIVATION_REQUIRED: the same, as an app reads it from a QR code.",
        ),
        "target": {
            "type": "string",
            "description": "EMAIL_ACTIVATION_REQUIRED: the address, with most of it hidden. SMS_ACTIVATION_REQUIRED, VOICE_ACTIVATION_REQUIRED: how the number ends.",
        },
        "resendAfter": only(
            Status::OtpRequired, json!({"type": "string", "format": "date-time"}), "and where the first code of an address or a number is brought: another one is sent no sooner. TOTP: absent, nothing is sent.",
        ),
        "delivery": only(
            Status::OtpRequired,
            json!({"type": "string", "enum": Delivery::ALL.iter().map(|delivery| delivery.as_str()).collect::<Vec<_>>()}),
            "and where the first code of an address or a number is brought: `SENT`, somebody has taken the message over. `NOT_SENT`: it was not taken; offer another device, or \
             another code. `SENDING`: that is not known yet. TOTP: absent, nothing is sent.",
        ),
        "silent": only(
            Status::PushConfirmationWaiting,
            json!({"type": "boolean", "enum": [true]}),
            "the app on the device answers by itself, and nobody is asked. Absent where the person is.",
        ),
        "rememberMeFor": only(
            Status::MfaCompleted,
            json!({"type": "integer", "format": "int64"}),
            "for so many seconds the person is not asked in this browser again, if they say so with `rememberMe`. Absent \
             where they cannot.",
        ),
        "pollInterval": only(
            Status::PushConfirmationWaiting, json!({"type": "integer"}), "and MOBILE_ACTIVATION_REQUIRED: seconds between two polls.",
        ),
        "userSelectedDefault": only(Status::DeviceSelectionRequired, flag.clone(), ""),
        "manageDevicesAllowed": only(
            Status::DeviceSelectionRequired, flag.clone(), "whether the person may look after their devices.",
        ),
        "deviceManagementState": only(
            Status::DeviceSelectionRequired, flag.clone(), "whether they want to: they do, once they have shown one of `devices`.",
        ),
        "manualPairingPermitted": only(Status::DeviceSelectionRequired, flag.clone(), ""),
        "newPairingAuthRequired": only(Status::DeviceSelectionRequired, flag.clone(), ""),
        "usePasswordAuthenticationEnabled": only(Status::DeviceSelectionRequired, flag.clone(), ""),
    });
    members.as_object().cloned().unwrap_or_default()
}

/// What is carried from the screen to the device.
pub(in crate::http::openapi) fn number_matching() -> Value {
    json!({
        "type": "object", "required": ["type", "value"],
        "properties": {
            "type": {"type": "string", "enum": ["SELECT_NUMBER", "ENTER_MANUALLY"]},
            "value": {"type": "integer", "minimum": 10, "maximum": 99},
        },
    })
}

/// On which somebody can be asked.
fn devices() -> Value {
    json!({
        "type": "array",
        "description": "DEVICE_SELECTION_REQUIRED, PUSH_CONFIRMATION_WAITING, PUSH_CONFIRMATION_TIMED_OUT, OTP_REQUIRED: on \
                        which the person can be asked, the primary one first. DEVICE_MANAGEMENT: all that they have.",
        "items": device(),
    })
}

/// One of them.
pub(in crate::http::openapi) fn device() -> Value {
    let (text, flag) = (json!({"type": "string"}), json!({"type": "boolean"}));
    let maybe = json!({"type": "string", "nullable": true});
    json!({
        "type": "object",
        "required": ["id", "type", "role", "enrollmentTime", "pushEnabled", "otpEnabled", "usable", "defaultDevice"],
        "properties": {
            "id": text, "type": {"type": "string", "enum": ["MOBILE", "FIDO2", "TOTP", "EMAIL", "SMS", "VOICE"]}, "name": maybe, "nickname": maybe,
            "target": {"type": "string", "description": "EMAIL: the address, with most of it hidden. SMS, VOICE: how the number ends."},
            "role": {"type": "string", "enum": ["PRIMARY", "TRUSTED"]},
            "enrollmentTime": {"type": "string", "format": "date-time"},
            "applicationId": maybe, "osVersion": maybe, "applicationVersion": maybe,
            "pushEnabled": {"type": "boolean", "description": "A push reaches it."}, "otpEnabled": flag, "usable": flag, "defaultDevice": flag,
        },
    })
}
