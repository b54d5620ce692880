//! The devices of a person, as somebody may see them who has proved to be that person [flows.md A.1.3].

use serde_json::{Map, Value, json};

use crate::domain::authentication_request::Challenge;
use crate::domain::device::{About, Device, Installation, Status};
use crate::domain::flow::{Pushed, SecondFactor, SettingUp};
use crate::domain::otp::{OtpDevice, Sent};
use crate::domain::totp::TotpDevice;
use crate::protocol::totp::DIGITS;
use crate::usecase::sign_in::send_code::Standing;
use crate::usecase::sign_in::{OwnDevice, OwnPasskey, Seen};

/// Seconds between two calls of `poll`.
const POLL_INTERVAL: u32 = 1;

/// The members of a state in which somebody is asked on a device, or could be.
pub(in crate::http) fn fields(seen: &Seen) -> Value {
    let mut fields = own(seen);
    let Value::Object(members) = &mut fields else { return fields };
    let second_factor = seen.flow.second_factor.as_ref();
    if let Some((selected, second_factor)) = second_factor.and_then(|own| own.selected().zip(second_factor)) {
        members.insert("selectedDeviceRef".to_owned(), json!({ "id": selected.to_string() }));
        members.insert("changeDevicePermitted".to_owned(), json!(second_factor.devices().len() > 1));
    } else {
        let managing = seen.flow.managing.is_some();
        members.insert("manageDevicesAllowed".to_owned(), json!(managing || seen.flow.may_manage()));
        members.insert("deviceManagementState".to_owned(), json!(managing));
        for nothing in [
            "userSelectedDefault",
            "manualPairingPermitted",
            "newPairingAuthRequired",
            "usePasswordAuthenticationEnabled",
        ] {
            members.insert(nothing.to_owned(), json!(false));
        }
    }
    if let Some(asked) = &seen.flow.newcomer {
        members.insert("purpose".to_owned(), json!("APPROVE_NEW_DEVICE"));
        members.insert("newDevice".to_owned(), new_device(&asked.about.app.about));
    }
    match second_factor {
        Some(SecondFactor::Waiting(pushed)) => {
            members.insert("expiresAt".to_owned(), json!(pushed.expires_at.to_string()));
            members.insert("pollInterval".to_owned(), json!(POLL_INTERVAL));
            members.extend(number(pushed).map(|number| ("numberMatching".to_owned(), number)));
        }
        Some(SecondFactor::Verifying(verifying)) => {
            members.insert("silent".to_owned(), json!(true));
            members.insert("expiresAt".to_owned(), json!(verifying.expires_at.to_string()));
            members.insert("pollInterval".to_owned(), json!(POLL_INTERVAL));
        }
        Some(SecondFactor::Otp(sent)) => members.extend(of_code(sent, seen.code)),
        Some(SecondFactor::Asserting(_)) => {
            members.insert("publicKeyCredentialRequestOptions".to_owned(), json!(seen.passkey));
        }
        Some(_) | None => {}
    }
    // An authenticator app's, or that of the phone that is asked.
    if seen.flow.typed().is_some() {
        members.extend(of_totp(seen.code));
    }
    fields
}

/// Those of a state in which somebody looks after their devices, too.
pub(super) fn own(seen: &Seen) -> Value {
    let shows = seen.flow.typed().map(|typing| typing.selected);
    let devices = seen.devices.iter().zip(0..).map(|(device, at)| match device {
        OwnDevice::Phone(device, installation) => phone(device, installation, shows == Some(device.id)),
        OwnDevice::Address(own) => ranked(address(own), at == 0),
        OwnDevice::Totp(own) => ranked(totp(own), at == 0),
        OwnDevice::Passkey(own) => ranked(passkey(own), at == 0),
    });
    json!({
        "devices": devices.collect::<Vec<_>>(),
        "user": { "id": seen.flow.user().map(|user| user.to_string()), "username": seen.username },
    })
}

/// What is to be known of a code that was sent.
fn of_code(sent: &Sent, code: Option<Standing>) -> Map<String, Value> {
    let members = [
        ("otpLength", json!(sent.method.otp_length)),
        ("attemptsRemaining", json!(code.map(|code| code.attempts_remaining))),
        ("resendAfter", json!(sent.resend_after().to_string())),
        ("expiresAt", json!(sent.expires_at().to_string())),
    ];
    let delivery = code.and_then(|code| code.delivery).map(|delivery| ("delivery", json!(delivery.as_str())));
    members.into_iter().chain(delivery).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What is to be known of a code that an app shows.
fn of_totp(code: Option<Standing>) -> [(String, Value); 2] {
    [("otpLength", json!(DIGITS)), ("attemptsRemaining", json!(code.map(|code| code.attempts_remaining)))]
        .map(|(name, value)| (name.to_owned(), value))
}

/// The members of a state in which somebody makes the second factor that they have not.
pub(super) fn setting_up(seen: &Seen, setting_up: &SettingUp) -> Value {
    match setting_up {
        SettingUp::Required { may_skip } => json!({ "allowSkipMfa": may_skip }),
        SettingUp::Choosing(makes) => {
            let methods: Vec<_> = makes.iter().map(|kind| json!({ "deviceType": kind.as_str() })).collect();
            json!({ "devicePairingMethods": methods })
        }
        SettingUp::Totp(_) => Value::Object(of_totp(seen.code).into_iter().chain(new_key(seen)).collect()),
        SettingUp::Phone(new) => {
            let waits = [("expiresAt", json!(new.expires_at.to_string())), ("pollInterval", json!(POLL_INTERVAL))];
            let waits = waits.into_iter().map(|(name, value)| (name.to_owned(), value));
            Value::Object(waits.chain(new_key(seen)).collect())
        }
        SettingUp::Passkey => {
            json!({ "publicKeyCredentialCreationOptions": seen.passkey.as_ref().map(Value::to_string) })
        }
        SettingUp::Target(_) => json!({}),
        SettingUp::Address(new) => {
            let mut members = of_code(&new.sent, seen.code);
            let target = seen.flow.user().map(|user| new.device(user).masked());
            members.insert("target".to_owned(), json!(target));
            Value::Object(members)
        }
    }
}

/// What is typed in an app, or read by it.
fn new_key(seen: &Seen) -> impl Iterator<Item = (String, Value)> {
    let members = seen.new_key.as_ref().map(|key| [("pairingKey", &key.text), ("keyUri", &key.uri)]);
    members.into_iter().flatten().map(|(name, value)| (name.to_owned(), json!(value.expose())))
}

/// What the page shows, and the person carries to the device.
fn number(pushed: &Pushed) -> Option<Value> {
    let kind = match pushed.challenge {
        Challenge::None => return None,
        Challenge::Pick { .. } => "SELECT_NUMBER",
        Challenge::Type { .. } => "ENTER_MANUALLY",
    };
    Some(json!({ "type": kind, "value": pushed.challenge.number() }))
}

/// What an app says of itself that wants to be a device of the person, as their phone shows it.
fn new_device(about: &About) -> Value {
    json!({ "model": about.model, "os": about.os(), "application": about.application })
}

/// `shows`: a one-time passcode of it counts now.
fn phone(device: &Device, installation: &Installation, shows: bool) -> Value {
    let about = &installation.about;
    json!({
        "id": device.id.to_string(),
        "type": "MOBILE",
        "name": about.name.as_ref().or(about.model.as_ref()),
        "nickname": device.nickname,
        "role": if device.is_primary() { "PRIMARY" } else { "TRUSTED" },
        "enrollmentTime": device.paired_at.to_string(),
        "applicationId": device.application.as_ref().map(ToString::to_string),
        "osVersion": about.os_version,
        "applicationVersion": about.app_version,
        "pushEnabled": installation.rung_by().is_some(),
        "otpEnabled": shows,
        "usable": device.status == Status::Active,
        "defaultDevice": device.is_primary(),
    })
}

fn passkey(own: &OwnPasskey) -> Value {
    json!({
        "id": own.id.to_string(),
        "type": "FIDO2",
        "name": own.name.as_str(),
        "nickname": own.name.as_str(),
        "enrollmentTime": own.created_at.to_string(),
        "otpEnabled": false,
        "usable": true,
    })
}

fn totp(own: &TotpDevice) -> Value {
    json!({
        "id": own.id.to_string(),
        "type": "TOTP",
        "nickname": own.nickname,
        "enrollmentTime": own.created_at.to_string(),
        "otpEnabled": true,
        "usable": own.is_active(),
    })
}

fn address(own: &OtpDevice) -> Value {
    json!({
        "id": own.id.to_string(),
        "type": own.channel.device_type(),
        "target": own.masked(),
        "nickname": own.nickname,
        "enrollmentTime": own.created_at.to_string(),
        "otpEnabled": true,
        "usable": true,
    })
}

/// With what every device has that is no phone. `first`: nothing else is asked first.
fn ranked(mut device: Value, first: bool) -> Value {
    let role = if first { "PRIMARY" } else { "TRUSTED" };
    if let Value::Object(members) = &mut device {
        let ranked = [("role", json!(role)), ("pushEnabled", json!(false)), ("defaultDevice", json!(first))];
        members.extend(ranked.map(|(name, value)| (name.to_owned(), value)));
    }
    device
}
