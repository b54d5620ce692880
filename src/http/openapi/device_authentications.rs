//! `/deviceAuthentications`: it stands before any API and words its refusals itself, so no type describes it. States,
//! actions and codes are those of [`device_authentication`](crate::protocol::device_authentication).

use serde_json::{Map, Value, json};

use super::sign_in::{Typed, device, enumeration, number_matching, reference, typed_bodies};
use super::{add_tag, components, object, put};
use crate::domain::otp::{Channel, Delivery};
use crate::http::device_authentications::{PATH, content_type};
use crate::protocol::admin_scope::Permission;
use crate::protocol::device_authentication::{Action, ErrorCode, Status};
use crate::protocol::flow_api::DetailCode;
use crate::protocol::notification::{MAX_MESSAGE, MAX_TITLE};

const TAG: &str = "Device authentications";

/// An identifier.
const EXAMPLE: &str = "4f1c2f0a-8d5b-4f0e-9a51-2c1f0c6f7a10";

pub(super) fn add(document: &mut Value) {
    if let Some(paths) = object(document, "paths") {
        paths.insert(PATH.to_owned(), json!({"post": create()}));
        paths.insert(one(), json!({"get": get(), "post": act()}));
    }
    if let Some(schemas) = components(document, "schemas") {
        schemas.extend(described());
    }
    add_tag(document, TAG, "Have people asked for a second factor, outside of any sign-in.");
}

fn one() -> String {
    format!("{PATH}/{{deviceAuthenticationId}}")
}

/// In 3.1, each action has its own content type.
pub(super) fn typed_actions(document: &mut Value) {
    let typed = Action::ALL.iter().map(|action| Typed {
        content_type: content_type(*action),
        name: type_name(*action).to_owned(),
        body: body(*action),
        example: example(*action),
    });
    typed_bodies(document, &one(), typed.collect());
}

/// The scope that all of it needs.
fn security() -> Value {
    json!([{"admin": [Permission::DeviceAuthentications.as_str()]}])
}

fn create() -> Value {
    json!({
        "operationId": "createDeviceAuthentication",
        "summary": "Ask somebody for a second factor",
        "description": "Of whom, the caller knows by means of its own. Nobody signs in by it, and there are no tokens: what \
                        comes of it is for the caller alone.",
        "tags": [TAG],
        "security": security(),
        "requestBody": {
            "required": true,
            "content": {"application/json": {"schema": reference("DeviceAuthenticationRequest")}},
        },
        "responses": {"201": {
            "description": "Somebody is asked, or it was found out that they need not be, or cannot.",
            "headers": {"Location": {
                "description": "Where it is.", "required": true, "schema": {"type": "string"},
                "example": format!("https://id.example{PATH}/{EXAMPLE}"),
            }},
            "content": {"application/json": {"schema": reference("DeviceAuthentication")}},
        }},
    })
}

fn id() -> Value {
    json!({
        "name": "deviceAuthenticationId", "in": "path", "required": true,
        "description": "`id` of what the first answer had.", "schema": {"type": "string"},
    })
}

fn seen() -> Value {
    json!({"200": {
        "description": "Where it is now.",
        "content": {"application/json": {"schema": reference("DeviceAuthentication")}},
    }})
}

fn get() -> Value {
    json!({
        "operationId": "getDeviceAuthentication",
        "summary": "Read where a device authentication is",
        "description": "And whether somebody has answered: once a second is enough. What can be done next is in `_links`.",
        "tags": [TAG], "security": security(), "parameters": [id()], "responses": seen(),
    })
}

fn act() -> Value {
    json!({
        "operationId": "actOnDeviceAuthentication",
        "summary": "Do an action of a device authentication",
        "description": "One of those in `_links` of the present state, named by `action`, or by the content type \
                        `application/vnd.pingidentity.<action>+json`. The answer is where it is then; refused, it is where \
                        it was.",
        "tags": [TAG],
        "security": security(),
        "parameters": [
            id(),
            {
                "name": "action", "in": "query", "required": true, "description": "What to do.",
                "example": Action::CancelPush.as_str(),
                "schema": reference("DeviceAuthenticationActionName"),
            },
        ],
        "requestBody": {
            "required": true,
            "content": {"application/json": {"schema": reference("DeviceAuthenticationAction")}},
        },
        "responses": seen(),
    })
}

const fn status_says(status: Status) -> &'static str {
    match status {
        Status::DeviceSelectionRequired => "On which of the devices is the person asked?",
        Status::OtpRequired => "A code was sent to the person, or an app shows one: which one?",
        Status::AssertionRequired => "A passkey is to answer, on a page of the issuer's origin.",
        Status::PushConfirmationRequired => "The person is asked on a phone.",
        Status::PushConfirmationTimedOut => "Nobody has answered in time: ask again, or on another device.",
        Status::Completed => "The end: it is the person, or the policy does without.",
        Status::Failed => "The end: it is not the person. `error` says why.",
    }
}

const fn action_says(action: Action) -> &'static str {
    match action {
        Action::SelectDevice => "Ask the person on this device, be it once more. A question on another one ends.",
        Action::CheckOtp => {
            "The code that was sent, or that an app shows, with whatever people put between its digits."
        }
        Action::CheckAssertion => "What a passkey has signed: what `toJSON` makes of the credential, as text.",
        Action::CancelPush => {
            "Nobody is asked on the phone any more: with the reason `CHANGE_DEVICE`, on another device; else it is over."
        }
    }
}

/// What the body of an action is called.
const fn type_name(action: Action) -> &'static str {
    match action {
        Action::SelectDevice => "DeviceSelectAction",
        Action::CheckOtp => "OtpCheckAction",
        Action::CheckAssertion => "AssertionCheckAction",
        Action::CancelPush => "PushCancelAction",
    }
}

/// The members of an action, and which of them it needs.
fn members(action: Action) -> (Map<String, Value>, &'static [&'static str]) {
    let (members, required): (Value, &[&str]) = match action {
        Action::SelectDevice => (json!({"device": named("On which the person is asked.")}), &["device"]),
        Action::CheckOtp => (json!({"otp": {"type": "string", "description": "The code."}}), &["otp"]),
        Action::CheckAssertion => (
            json!({
                "assertion": {"type": "string", "description": "The credential as JSON, as `toJSON` has it."},
                "origin": {"type": "string", "description": "Of the page on which it was made: that of the issuer."},
                "compatibility": {"type": "string", "description": "Not looked at."},
            }),
            &["assertion"],
        ),
        Action::CancelPush => {
            let says = "To go on with another device.";
            (json!({"reason": {"type": "string", "enum": ["CHANGE_DEVICE"], "description": says}}), &[])
        }
    };
    (members.as_object().cloned().unwrap_or_default(), required)
}

fn body(action: Action) -> Value {
    let (members, required) = members(action);
    let mut schema = json!({
        "type": "object", "description": format!("The body of `{action}`."), "additionalProperties": false,
        "properties": members,
    });
    if !required.is_empty() {
        put(&mut schema, "required", json!(required));
    }
    schema
}

/// What one of the actions needs: which one is not said by the body.
fn any_action() -> Value {
    let all = Action::ALL.iter().flat_map(|action| members(*action).0);
    json!({
        "type": "object", "properties": all.collect::<Map<_, _>>(),
        "description": "The body of an action: it has the members of that action, and no other. `device.select` has `device`, \
                        `otp.check` has `otp`, `assertion.check` has `assertion`, `cancel.push.authentication` may have \
                        `reason`.",
    })
}

fn example(action: Action) -> Value {
    match action {
        Action::SelectDevice => json!({"device": {"id": EXAMPLE}}),
        Action::CheckOtp => json!({"otp": "123456"}),
        Action::CheckAssertion => {
            json!({"assertion": "{\"id\":\"...\",\"type\":\"public-key\",\"response\":{}}"})
        }
        Action::CancelPush => json!({"reason": "CHANGE_DEVICE"}),
    }
}

/// Something by its identifier.
fn named(says: &str) -> Value {
    json!({
        "type": "object", "required": ["id"], "additionalProperties": false, "description": says,
        "properties": {"id": {"type": "string"}},
    })
}

fn request() -> Value {
    json!({
        "type": "object", "required": ["user"], "additionalProperties": false,
        "description": "Of whom a second factor is asked, and how.",
        "properties": {
            "user": named("Of whom: a UUID as the flow API has it, or `usr_...` as the admin API does."),
            "policy": named("The MFA policy. Without it, the one that the client's sign-on policy asks a second factor by."),
            "selectedDevice": selected(),
            "application": named("The native application whose SDK has made `mobilePayload`."),
            "mobilePayload": {
                "type": "string", "description": "Where the person uses the app right now. Needs `application`.",
            },
            "notification": {
                "type": "object", "required": ["message"], "additionalProperties": false,
                "description": "What the person reads on the phone, and signs. No code, passkey or app stands in for that, and \
                                no policy does without.",
                "properties": {
                    "title": {"type": "string", "minLength": 1, "maxLength": MAX_TITLE, "description": "In place of ours."},
                    "message": {"type": "string", "minLength": 1, "maxLength": MAX_MESSAGE},
                },
            },
        },
    })
}

/// Where the person is asked.
fn selected() -> Value {
    let kinds: Vec<&str> = Channel::ALL.iter().map(|channel| channel.device_type()).collect();
    json!({
        "type": "object", "additionalProperties": false,
        "description": "On this device first, or at an address that is none of the person's devices: one of both. Without it, \
                        the policy says where.",
        "properties": {
            "id": {"type": "string", "description": "A device of the person."},
            "oneTime": {
                "type": "object", "required": ["type"], "additionalProperties": false,
                "description": "A code goes there, by the rules of the policy for its kind, and for this one alone.",
                "properties": {
                    "type": {"type": "string", "enum": kinds},
                    "email": {"type": "string", "description": "Of EMAIL."},
                    "phone": {"type": "string", "description": "Of SMS and VOICE: with + and its country (E.164)."},
                },
            },
        },
    })
}

/// A member that only some states have.
fn only(status: Status, mut schema: Value, says: &str) -> Value {
    put(&mut schema, "description", json!(format!("{status}: {says}")));
    schema
}

fn links() -> Value {
    let names = Action::ALL.iter().map(|action| action.as_str()).chain(["self"]);
    let links: Map<String, Value> =
        names.map(|name| (name.to_owned(), reference("DeviceAuthenticationLink"))).collect();
    json!({
        "type": "object", "description": "It itself, and each action that is possible now.",
        "required": ["self"], "properties": links,
    })
}

fn state() -> Value {
    let (text, flag) = (json!({"type": "string"}), json!({"type": "boolean"}));
    let time = json!({"type": "string", "format": "date-time"});
    let maybe = json!({"type": "string", "nullable": true});
    let mut state = json!({
        "type": "object",
        "description": "Where a device authentication is. The other members belong to a status.",
        "required": [
            "id", "status", "user", "policy", "authenticators", "blockedDevices", "bypassAllowed", "createdAt", "updatedAt",
            "_links",
        ],
        "properties": {
            "id": text,
            "status": reference("DeviceAuthenticationStatus"),
            "user": named("Of whom."),
            "policy": named("By which MFA policy."),
            "authenticators": {
                "type": "array", "items": {"type": "string"},
                "description": "COMPLETED: by what it is the person [RFC 8176]. Otherwise none.",
            },
            "blockedDevices": {
                "type": "array", "items": named("One of them."),
                "description": "Devices of the person that are blocked: on none of them anybody is asked.",
            },
            "bypassAllowed": {
                "type": "boolean",
                "description": "The MFA policy lets through whoever has nothing to show. Not where there is a `notification`.",
            },
            "createdAt": time, "updatedAt": time,
            "_links": links(),
            "bypassed": only(Status::Completed, flag, "nothing was shown, since the policy does without."),
            "error": only(
                Status::Failed,
                json!({
                    "type": "object", "required": ["code", "message"],
                    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                }),
                "`PUSH_CONFIRMATION_REJECTED`, `CANCELLED`, `NO_DEVICES`, `NO_USABLE_DEVICES`, `DEVICE_BLOCKED`, \
                 `PUSH_FAILED`, `OTP_RESEND_LIMIT`, `OTP_ATTEMPTS_LIMIT`, `ACCOUNT_LOCKED_OUT`, `USER_DISABLED` or \
                 `EXTRA_VERIFICATION_FAILED`, with words for the developer.",
            ),
            "_embedded": {
                "type": "object", "required": ["devices"], "description": "While somebody is asked, or could be.",
                "properties": {"devices": {
                    "type": "array", "items": device(),
                    "description": "On which the person can be asked, the primary one first.",
                }},
            },
            "selectedDevice": named("On which the person is, or was, asked."),
            "purpose": {
                "type": "string", "enum": ["APPROVE_NEW_DEVICE"], "description": "The person is asked about `newDevice`.",
            },
            "newDevice": {
                "type": "object", "description": "The app that wants to be a device of the person.",
                "properties": {"model": maybe.clone(), "os": maybe.clone(), "application": maybe},
            },
        },
    });
    if let Some(properties) = object(&mut state, "properties") {
        properties.extend(asked());
    }
    state
}

/// The members of a state in which the person is asked.
fn asked() -> Map<String, Value> {
    let (time, number) = (json!({"type": "string", "format": "date-time"}), json!({"type": "integer"}));
    let delivery: Vec<&str> = Delivery::ALL.iter().map(|delivery| delivery.as_str()).collect();
    let members = json!({
        "numberMatching": only(
            Status::PushConfirmationRequired, number_matching(),
            "what your page shows, and the person picks or types on the phone.",
        ),
        "silent": only(
            Status::PushConfirmationRequired, json!({"type": "boolean", "enum": [true]}),
            "the app answers by itself, and nobody is asked. Absent where the person is.",
        ),
        "pollInterval": only(Status::PushConfirmationRequired, number.clone(), "look no more often, in seconds."),
        "expiresAt": {
            "type": "string", "format": "date-time",
            "description": "PUSH_CONFIRMATION_REQUIRED, OTP_REQUIRED where a code was sent: until when.",
        },
        "otpLength": only(Status::OtpRequired, number.clone(), "how many digits the code has."),
        "attemptsRemaining": only(Status::OtpRequired, number, "how many codes may be wrong."),
        "resendAfter": only(
            Status::OtpRequired, time, "where a code was sent: another one is sent no sooner, by `device.select`.",
        ),
        "delivery": only(
            Status::OtpRequired, json!({"type": "string", "enum": delivery}),
            "where a code was sent: what became of the message.",
        ),
        "publicKeyCredentialRequestOptions": only(
            Status::AssertionRequired, json!({"type": "object", "additionalProperties": true}),
            "for `navigator.credentials.get`, as `parseRequestOptionsFromJSON` reads it.",
        ),
    });
    members.as_object().cloned().unwrap_or_default()
}

fn error() -> [(&'static str, Value); 2] {
    let told = |code: &str| {
        json!({
            "code": reference(code),
            "message": {"type": "string", "description": "For the developer."},
        })
    };
    let (mut error, mut detail) = (told("DeviceAuthenticationErrorCode"), told("FlowDetailCode"));
    put(&mut error, "id", json!({"type": "string", "description": "By which the call is found in the log."}));
    put(&mut error, "details", json!({"type": "array", "items": reference("RefusedDeviceAuthenticationDetail")}));
    put(&mut detail, "target", json!({"type": "string", "description": "The member that it is about."}));
    let says = "INVALID_OTP: how many more may be wrong.";
    put(&mut detail, "attemptsRemaining", json!({"type": "integer", "description": says}));
    let required = json!(["code", "message"]);
    [
        (
            "RefusedDeviceAuthentication",
            json!({
                "type": "object", "description": "Why a call was refused. Nothing has changed.",
                "required": required, "properties": error,
            }),
        ),
        (
            "RefusedDeviceAuthenticationDetail",
            json!({"type": "object", "description": "One of the reasons.", "required": required, "properties": detail}),
        ),
    ]
}

fn described() -> Map<String, Value> {
    let link = json!({
        "type": "object", "description": "Where to send it.", "required": ["href"],
        "properties": {"href": {"type": "string"}},
    });
    [
        ("DeviceAuthentication", state()),
        ("DeviceAuthenticationRequest", request()),
        ("DeviceAuthenticationAction", any_action()),
        ("DeviceAuthenticationLink", link),
        (
            "DeviceAuthenticationStatus",
            enumeration("Where a device authentication is.", Status::ALL, Status::as_str, status_says),
        ),
        (
            "DeviceAuthenticationActionName",
            enumeration("What can be done to one.", Action::ALL, Action::as_str, action_says),
        ),
        (
            "DeviceAuthenticationErrorCode",
            enumeration("Why a call was refused.", ErrorCode::ALL, ErrorCode::as_str, ErrorCode::message),
        ),
    ]
    .into_iter()
    .chain(error())
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}

/// A refusal with this status.
pub(super) fn refused(status: &str) -> Value {
    let code = match status {
        "400" => ErrorCode::InvalidData,
        "401" => ErrorCode::InvalidToken,
        "403" => ErrorCode::AccessDenied,
        "404" => ErrorCode::NotFound,
        "429" => ErrorCode::RequestLimited,
        "500" | "503" => ErrorCode::UnexpectedError,
        _ => ErrorCode::InvalidRequest,
    };
    let mut told = json!({"id": EXAMPLE, "code": code.as_str(), "message": code.message()});
    if status == "400" {
        let detail = DetailCode::FieldRequired;
        let one = json!({"code": detail.as_str(), "message": detail.message(), "target": "user.id"});
        put(&mut told, "details", json!([one]));
    }
    told
}
