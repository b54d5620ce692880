//! Where a flow is, and why it is still there.

use serde_json::{Map, Value, json};

use super::actions::action_says;
use super::{push, reference, words};
use crate::http::openapi::put;
use crate::protocol::flow_api::{Action, CanceledOperation, DetailCode, FlowErrorCode, Plugin, Status, Validator};

/// A closed list, and what each of its words means.
pub(in crate::http::openapi) fn enumeration<W: Copy>(
    description: &str,
    all: &[W],
    text: fn(W) -> &'static str,
    says: fn(W) -> &'static str,
) -> Value {
    let described: Map<String, Value> = all.iter().map(|word| (text(*word).to_owned(), json!(says(*word)))).collect();
    json!({
        "type": "string", "description": description, "enum": words(all, text), "x-enum-descriptions": described,
    })
}

const fn status_says(status: Status) -> &'static str {
    match status {
        Status::IdentifierRequired => "Who signs in?",
        Status::UsernamePasswordRequired => "With which password?",
        Status::AssertionRequired => "With which passkey?",
        Status::Fido2ActivationRequired => {
            "The person has no passkey yet, or nothing that will do as a second factor: make one."
        }
        Status::AuthenticationRequired => "Which second factor does the person have?",
        Status::DeviceSelectionRequired => "On which of their devices is the person asked?",
        Status::DeviceManagement => "The person has shown a second factor, and looks after their devices.",
        Status::PushConfirmationWaiting => "The person is asked on a device: `poll` until there is an answer.",
        Status::PushConfirmationTimedOut => "Nobody has answered in time: ask again, or on another device.",
        Status::PushConfirmationRejected => "The person said no. Give up.",
        Status::OtpRequired => {
            "A code is for `selectedDeviceRef`, or shown by it: which one? `delivery` says whether it was sent, unless an \
             app shows it."
        }
        Status::MfaCompleted => "The second factor is there, or the policy does without: `code` says which. Go on.",
        Status::MobilePairingRequired => {
            "The same, and the app may become a device of the person with `serverPayload` first. Go on in any case."
        }
        Status::MfaSetupRequired => {
            "The person has no second factor: make one. `allowSkipMfa` says whether they can go on without."
        }
        Status::DevicePairingMethodRequired => "Which of `devicePairingMethods`?",
        Status::TotpActivationRequired => "Which code does an authenticator app show that has `pairingKey`?",
        Status::MobileActivationRequired => {
            "The app on a phone is to have `pairingKey`: `poll` until it has come with it."
        }
        Status::EmailPairingTargetRequired => "At which address does the person get codes?",
        Status::SmsPairingTargetRequired => "At which number does the person get codes as text messages?",
        Status::VoicePairingTargetRequired => "At which number does the person get codes by a call?",
        Status::EmailActivationRequired | Status::SmsActivationRequired | Status::VoiceActivationRequired => {
            "A code is for `target`: which one? `delivery` says whether it was sent."
        }
        Status::MfaFailed => "Nobody gets through: `code` says why.",
        Status::ConsentRequired => "May the client have what it asks for?",
        Status::OauthDeviceUserCodeRequired => "Which code does the device show?",
        Status::OauthDeviceUserCodeConfirmationRequired => "Does the device show `userCode`, and is it the person's?",
        Status::OauthDeviceCompleted => "The end: the device is connected.",
        Status::CurrentCredentialsRequired => "Who wants another password, and what is it now?",
        Status::NewPasswordRequired => "What is the new password?",
        Status::MustChangePassword => "What is the new password? Nothing goes on without one.",
        Status::SuccessfulPasswordChange => "The password is changed; go on.",
        Status::AccountRecoveryUsernameRequired => "Whose password was forgotten?",
        Status::AccountRecoveryOtlVerificationRequired => {
            "A message with a link is on its way: it goes on where that is opened. The same for who gets none."
        }
        Status::RecoveryCodeRequired => "What code does the message have? The same for who gets none.",
        Status::PasswordResetRequired => "What is the new password, in place of the forgotten one?",
        Status::SuccessfulPasswordReset => "The password is another one; go on.",
        Status::Canceled => "The person gave up on `canceledOperation`.",
        Status::Resume => "Send the browser to `resumeUrl`.",
        Status::Completed => "The end: the answer is in `authorizeResponse`.",
        Status::Failed => "The end: `code` says why.",
    }
}

const fn plugin_says(plugin: Plugin) -> &'static str {
    match plugin {
        Plugin::Identifier => "The step that asks for a name first.",
        Plugin::Password => "The step that asks for a password; its change and its recovery as well.",
        Plugin::Passkey => "The step that asks for a passkey.",
        Plugin::Mfa => "The step that asks for a second factor.",
        Plugin::Consent => "What the client may have.",
        Plugin::DeviceGrant => "The device that is to be connected.",
        Plugin::Policy => "Nothing asks any more.",
    }
}

/// A member that only some states have.
pub(super) fn only(status: Status, mut schema: Value, says: &str) -> Value {
    let says = if says.is_empty() { format!("{status}.") } else { format!("{status}: {says}") };
    put(&mut schema, "description", json!(says));
    schema
}

/// The flow itself, and what can be done.
fn links() -> Value {
    let names = Action::ALL.iter().map(|action| action.as_str()).chain(["self"]);
    let links: Map<String, Value> = names.map(|name| (name.to_owned(), reference("FlowLink"))).collect();
    json!({
        "type": "object", "description": "The flow itself, and each action that is possible now.",
        "required": ["self"], "properties": links,
    })
}

fn alternatives() -> Value {
    json!({
        "type": "array", "items": {"type": "string"},
        "description": "Where something has to be proved: other ways to do that.",
    })
}

fn request_options() -> Value {
    let says = "for `navigator.credentials.get`, as `parseRequestOptionsFromJSON` reads it.";
    only(Status::AssertionRequired, json!({"type": "object", "additionalProperties": true}), says)
}

fn creation_options() -> Value {
    let says = "for `navigator.credentials.create`: JSON, as `parseCreationOptionsFromJSON` reads it.";
    only(Status::Fido2ActivationRequired, json!({"type": "string"}), says)
}

fn request_context() -> Value {
    json!({
        "type": "object",
        "description": "Where the sign-on settings say `include_request_context`: who asks, and for what.",
        "required": ["client", "parameters"],
        "properties": {
            "client": reference("FlowClient"),
            "parameters": {
                "type": "object", "additionalProperties": {"type": "string"},
                "description": "Of the authorization request, as far as they are there: `response_type`, `scope`, `prompt`, \
                                `max_age`, `acr_values`, `login_hint`, `ui_locales`.",
            },
        },
    })
}

/// The members of a state.
fn state() -> Value {
    let flag = json!({"type": "boolean"});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let password = |schema: &Value, says: &str| only(Status::UsernamePasswordRequired, schema.clone(), says);
    let mut state = json!({
        "type": "object",
        "description": "Where a flow is. `id`, `pluginTypeId`, `status` and `_links` are always there; the other members belong to a status.",
        "required": ["id", "pluginTypeId", "status", "_links"],
        "properties": {
            "id": {"type": "string", "description": "The identifier of the flow."},
            "status": reference("FlowStatus"),
            "_links": reference("FlowLinks"),
            "username": {"type": "string", "description": "Who it is, as far as that is known."},
            "allowUsernameEdits": password(&flag, "whether it may be somebody else."),
            "showRememberMyUsername": password(&flag, ""),
            "rememberMyUsernameSelected": password(&flag, ""),
            "showThisIsMyDevice": password(&flag, ""),
            "thisIsMyDeviceSelected": password(&flag, ""),
            "showCaptcha": {"type": "boolean", "description": "Where something is typed."},
            "alternativeAuthenticationSources": alternatives(),
            "publicKeyCredentialRequestOptions": request_options(),
            "publicKeyCredentialCreationOptions": creation_options(),
            "previouslySubmittedIdentifiers": only(Status::IdentifierRequired, texts, "who signed in here before."),
            "client": reference("FlowClient"),
            "scopes": only(
                Status::ConsentRequired,
                json!({"type": "array", "items": reference("FlowScope")}),
                "what the client asks for.",
            ),
            "existingPasswordRequired": only(
                Status::NewPasswordRequired, flag.clone(), "the present password has to be given too.",
            ),
            "canceledOperation": only(
                Status::Canceled, json!({"type": "string", "enum": words(CanceledOperation::ALL, CanceledOperation::as_str)}),
                "what the person gave up.",
            ),
            "authorizationDetails": only(
                Status::ConsentRequired,
                json!({"type": "array", "items": {"type": "object", "additionalProperties": true}}),
                "what exactly it asks for [RFC 9396 §2].",
            ),
            "resumeUrl": {"type": "string", "description": "Where the browser goes for its answer: once, and within two minutes. Read again, the flow tells another one."},
            "authorizeResponse": reference("AuthorizeResponse"),
            "_pf_authn_api_state": carried(),
            "user": only(
                Status::AuthenticationRequired,
                json!({
                    "type": "object", "required": ["id", "username"],
                    "properties": {"id": {"type": "string"}, "username": {"type": "string"}},
                }),
                "who has proved to be somebody.",
            ),
            "serverPayload": only(
                Status::MobilePairingRequired,
                json!({
                    "type": "object", "required": ["ticket", "exp"],
                    "properties": {
                        "ticket": {"type": "string", "description": "Of the device API, for the key that signed the payload."},
                        "exp": {"type": "integer", "format": "int64", "description": "Until when, in seconds since 1970."},
                    },
                }),
                "for the SDK of the app.",
            ),
            "code": {
                "type": "string",
                "description": "FAILED: an error code of OAuth and OpenID Connect. MFA_COMPLETED: `device_authorized`, \
                                `push_confirmed`, `otp_verified`, `assertion_verified`, `device_access_allowed`, \
                                `browser_remembered` or `bypassed`. MFA_FAILED: `NO_DEVICES`, `NO_USABLE_DEVICES`, `DEVICE_BLOCKED`, `PUSH_FAILED`, \
                                `OTP_RESEND_LIMIT`, `OTP_ATTEMPTS_LIMIT`, `ACCOUNT_LOCKED_OUT`, `USER_DISABLED` or \
                                `EXTRA_VERIFICATION_FAILED`.",
            },
            "extraVerification": only(
                Status::MfaCompleted,
                json!({"type": "string", "enum": ["ok", "skipped"]}),
                "with `device_authorized`, where the MFA policy wants an answer of the app: whether there was one, or the \
                 policy did without.",
            ),
            "message": {"type": "string", "description": "FAILED, MFA_COMPLETED, MFA_FAILED: for the developer."},
            "userMessage": {"type": "string", "description": "For the person."},
        },
    });
    if let Some(members) = state.get_mut("properties").and_then(Value::as_object_mut) {
        let asks = enumeration("What it is that asks.", Plugin::ALL, Plugin::as_str, plugin_says);
        members.insert("pluginTypeId".to_owned(), asks);
        let says = "and OAUTH_DEVICE_COMPLETED: the code, as the device shows it.";
        let shown = only(Status::OauthDeviceUserCodeConfirmationRequired, json!({"type": "string"}), says);
        members.insert("userCode".to_owned(), shown);
        members.insert("requestContext".to_owned(), request_context());
        members.extend(push::members());
    }
    state
}

pub(super) fn states() -> Map<String, Value> {
    [
        ("FlowState", state()),
        ("FlowStatus", enumeration("Where a flow is.", Status::ALL, Status::as_str, status_says)),
        ("FlowActionName", enumeration("What can be done to a flow.", Action::ALL, Action::as_str, action_says)),
        ("FlowLinks", links()),
        (
            "FlowLink",
            json!({
                "type": "object", "description": "Where to send it.", "required": ["href"],
                "properties": {"href": {"type": "string"}},
            }),
        ),
        (
            "FlowClient",
            json!({
                "type": "object", "description": "Who asks.", "required": ["id", "name"],
                "properties": {
                    "id": {"type": "string", "description": "Its `client_id`."},
                    "name": {"type": "string", "description": "What a person sees."},
                },
            }),
        ),
        (
            "FlowScope",
            json!({
                "type": "object", "description": "Something that is asked for.", "required": ["name"],
                "properties": {"name": {"type": "string"}},
            }),
        ),
        (
            "AuthorizeResponse",
            json!({
                "type": "object", "additionalProperties": {"type": "string"},
                "description": "The authorization response [RFC 6749 §4.1.2, RFC 9207]: `code`, or `error` and \
                                `error_description`; `state`, `iss`.",
            }),
        ),
        (
            "RefusedAuthorization",
            json!({
                "type": "object", "description": "Why no flow was begun: as a state that failed, without a flow.",
                "required": ["status", "code", "message", "userMessage", "authorizeResponse"],
                "properties": {
                    "status": reference("FlowStatus"),
                    "code": {"type": "string", "description": "An error code of OAuth and OpenID Connect."},
                    "message": {"type": "string", "description": "For the developer."},
                    "userMessage": {"type": "string", "description": "For the person."},
                    "authorizeResponse": reference("AuthorizeResponse"),
                },
            }),
        ),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
    .into_iter()
    .collect()
}

/// For those who run a flow without cookies.
fn carried() -> Value {
    json!({
        "type": "string",
        "description": "For a client that is registered as `cookieless`: the next call sends it back as the header \
                        `X-PF-Authn-API-State`. After an action, the one before is worth nothing.",
    })
}

pub(super) fn errors() -> Map<String, Value> {
    let told = |code: &str| {
        json!({
            "code": reference(code),
            "message": {"type": "string", "description": "For the developer."},
            "userMessage": {"type": "string", "description": "For the person."},
        })
    };
    let mut detail = told("FlowDetailCode");
    put(&mut detail, "target", json!({"type": "string", "description": "The member of the body that it is about."}));
    put(
        &mut detail,
        "attemptsRemaining",
        json!({"type": "integer", "description": "INVALID_OTP: how many more may be wrong."}),
    );
    put(
        &mut detail,
        "failedValidators",
        json!({
            "type": "array", "description": "What a new password does not fulfil.",
            "items": {"type": "string", "enum": words(Validator::ALL, Validator::as_str)},
        }),
    );
    put(
        &mut detail,
        "satisfiedValidators",
        json!({
            "type": "array", "description": "What it does fulfil, of what it was held against before.",
            "items": {"type": "string", "enum": words(Validator::ALL, Validator::as_str)},
        }),
    );
    let mut error = told("FlowErrorCode");
    put(&mut error, "details", json!({"type": "array", "items": reference("FlowErrorDetail")}));
    put(&mut error, "_pf_authn_api_state", carried());
    let required = json!(["code", "message", "userMessage"]);
    [
        (
            "FlowError",
            json!({
                "type": "object", "description": "Why an action was refused. The flow is where it was.",
                "required": required, "properties": error,
            }),
        ),
        (
            "FlowErrorDetail",
            json!({
                "type": "object", "description": "One of the reasons.", "required": required, "properties": detail,
            }),
        ),
        ("FlowErrorCode", enumeration("Why.", FlowErrorCode::ALL, FlowErrorCode::as_str, FlowErrorCode::message)),
        ("FlowDetailCode", enumeration("Why exactly.", DetailCode::ALL, DetailCode::as_str, DetailCode::message)),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
    .into_iter()
    .collect()
}
