//! The devices of a person, as somebody may see them who has proved to be that person [flows.md A.1.3].

use serde_json::{Value, json};

use crate::domain::authentication_request::Challenge;
use crate::domain::device::{About, Device, Status};
use crate::domain::flow::{Pushed, SecondFactor};
use crate::usecase::sign_in::Seen;

/// Seconds between two calls of `poll`.
const POLL_INTERVAL: u32 = 1;

/// The members of a state in which somebody is asked on a device, or could be.
pub(super) fn fields(seen: &Seen) -> Value {
    let mut fields = json!({
        "devices": seen.devices.iter().map(device).collect::<Vec<_>>(),
        "user": { "id": seen.flow.user().map(|user| user.to_string()), "username": seen.username },
    });
    let Value::Object(members) = &mut fields else { return fields };
    let second_factor = seen.flow.second_factor.as_ref();
    if let Some(pushed) = second_factor.and_then(SecondFactor::pushed) {
        members.insert("selectedDeviceRef".to_owned(), json!({ "id": pushed.selected.to_string() }));
        members.insert("changeDevicePermitted".to_owned(), json!(pushed.devices.len() > 1));
    } else {
        for nothing in [
            "userSelectedDefault",
            "manageDevicesAllowed",
            "manualPairingPermitted",
            "usePasswordAuthenticationEnabled",
        ] {
            members.insert(nothing.to_owned(), json!(false));
        }
    }
    if let Some(SecondFactor::Waiting(pushed)) = second_factor {
        members.insert("expiresAt".to_owned(), json!(pushed.expires_at.to_string()));
        members.insert("pollInterval".to_owned(), json!(POLL_INTERVAL));
        members.extend(number(pushed).map(|number| ("numberMatching".to_owned(), number)));
    }
    fields
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

fn device((device, about): &(Device, About)) -> Value {
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
        "pushEnabled": true,
        "otpEnabled": false,
        "usable": device.status == Status::Active,
        "defaultDevice": device.is_primary(),
    })
}
