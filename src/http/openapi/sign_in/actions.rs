//! What can be done to a flow.

use serde_json::{Map, Value, json};

use super::{flow_path, reference};
use crate::http::flow;
use crate::http::openapi::{components, put};
use crate::protocol::flow_api::{Action, Kind, Member};

/// An action whose content type says which it is.
pub(in crate::http::openapi) struct Typed {
    pub(in crate::http::openapi) content_type: String,
    /// Of its schema.
    pub(in crate::http::openapi) name: String,
    pub(in crate::http::openapi) body: Value,
    pub(in crate::http::openapi) example: Value,
}

pub(in crate::http::openapi) fn typed_actions(document: &mut Value) {
    let typed = Action::ALL.iter().map(|action| Typed {
        content_type: flow::content_type(*action),
        name: type_name(*action),
        body: body(*action),
        example: example(*action),
    });
    typed_bodies(document, &flow_path(), typed.collect());
}

/// In 3.1, each action has its own content type. Not in 3.0: generators that read no other version take
/// one media type for each body.
pub(in crate::http::openapi) fn typed_bodies(document: &mut Value, path: &str, actions: Vec<Typed>) {
    let Some(operation) = document.get_mut("paths").and_then(|paths| paths.get_mut(path)?.get_mut("post")) else {
        return;
    };
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter.get("name").and_then(Value::as_str) == Some("action") {
            put(parameter, "required", json!(false));
            put(parameter, "description", json!("What to do, where the content type does not say it."));
        }
    }
    if let Some(content) = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut) {
        for Typed { content_type, name, example, .. } in &actions {
            content.insert(content_type.clone(), json!({"schema": reference(name), "example": example}));
        }
    }
    if let Some(schemas) = components(document, "schemas") {
        schemas.extend(actions.into_iter().map(|action| (action.name, action.body)));
    }
}

/// `checkUsernamePassword` has a `CheckUsernamePasswordAction`.
fn type_name(action: Action) -> String {
    let (first, rest) = action.as_str().split_at(1);
    format!("{}{rest}Action", first.to_uppercase())
}

fn member(member: &Member) -> (String, Value) {
    let schema = match member.kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Reference => json!({
            "type": "object", "required": ["id"], "additionalProperties": false,
            "properties": {"id": {"type": "string"}},
        }),
        Kind::Method => json!({
            "type": "object", "required": ["deviceType"], "additionalProperties": false,
            "properties": {"deviceType": {"type": "string"}},
        }),
    };
    (member.name.to_owned(), schema)
}

fn body(action: Action) -> Value {
    let required: Vec<_> = action.members().iter().filter(|member| member.required).map(|member| member.name).collect();
    let mut schema = json!({
        "type": "object", "description": format!("The body of `{action}`."), "additionalProperties": false,
        "properties": action.members().iter().map(member).collect::<Map<_, _>>(),
    });
    if !required.is_empty() {
        put(&mut schema, "required", json!(required));
    }
    schema
}

/// What one of the actions needs: which one is not said by the body.
pub(super) fn any_action() -> Value {
    let mut properties = Map::new();
    for action in Action::ALL {
        for own in action.members() {
            let (name, mut schema) = member(own);
            let users = Action::ALL.iter().filter(|other| other.members().iter().any(|one| one.name == name));
            let users: Vec<String> = users
                .map(|other| {
                    let needed = other.members().iter().any(|one| one.name == name && one.required);
                    format!("`{other}`{}", if needed { " (required)" } else { "" })
                })
                .collect();
            put(&mut schema, "description", json!(format!("For {}.", users.join(", "))));
            properties.insert(name, schema);
        }
    }
    json!({
        "type": "object", "properties": properties,
        "description": "The body of an action: it has the members of that action, and no other.",
    })
}

fn example(action: Action) -> Value {
    let sample = |member: &Member| {
        let value = match (member.name, member.kind) {
            ("identifier" | "username", _) => json!("alice"),
            ("password" | "newPassword" | "existingPassword", _) => json!("correct horse battery staple"),
            ("recoveryCode", _) => json!("12345678"),
            ("otp", _) => json!("123456"),
            ("email", _) => json!("alice@example.com"),
            ("phone", _) => json!("+4915123456789"),
            ("scope", _) => json!("openid profile"),
            ("userCode", _) => json!("WDJB-MJHT"),
            ("id", _) => json!("4f1c2f0a-8d5b-4f0e-9a51-2c1f0c6f7a10"),
            ("nickname", _) => json!("Work"),
            ("authenticationSource", _) => json!("passkey"),
            ("attestation" | "assertion", _) => json!("{\"id\":\"...\",\"type\":\"public-key\",\"response\":{}}"),
            (_, Kind::Text) => json!("..."),
            (_, Kind::Flag) => json!(false),
            (_, Kind::Method) => json!({"deviceType": "TOTP"}),
            (_, Kind::Reference) => json!({"id": "4f1c2f0a-8d5b-4f0e-9a51-2c1f0c6f7a10"}),
        };
        (member.name.to_owned(), value)
    };
    let shown = action.members().iter().filter(|member| member.required || member.name == "scope");
    Value::Object(shown.map(sample).collect())
}

pub(super) const fn action_says(action: Action) -> &'static str {
    match action {
        Action::SubmitIdentifier => "Say who signs in. One of `previouslySubmittedIdentifiers` goes on as they are.",
        Action::ClearIdentifier => "It is none of `previouslySubmittedIdentifiers`.",
        Action::CheckUsernamePassword => "Prove it with a password.",
        Action::CheckAssertion => {
            "Prove it with a passkey: `assertion` is what `toJSON` makes of the credential, as text."
        }
        Action::ActivateFido2Device => "Keep the passkey that was made: `attestation` is its `toJSON`, as text.",
        Action::UseAlternativeAuthenticationSource => "Take one of `alternativeAuthenticationSources` instead.",
        Action::CancelIdentifierSubmission | Action::Cancel | Action::CancelAuthentication => "Give up.",
        Action::GrantConsent => "Let the client have what it asks for, or the part in `scope`.",
        Action::DenyConsent => "Let the client have nothing.",
        Action::SubmitUserCode => "Say what the device shows.",
        Action::ConfirmUserCode => "It is this code, and the person wants it.",
        Action::InitiatePasswordChange => "Change the password first.",
        Action::CheckCurrentCredentials => "Prove with the password that there is who wants another one.",
        Action::CheckNewPassword => {
            "Have another password; with `existingPassword`, where `existingPasswordRequired` says so."
        }
        Action::InitiateAccountRecovery => "The password was forgotten, or no message came: ask for one.",
        Action::CheckAccountRecoveryUsername => "Have a message sent to who is called so, if there is anybody.",
        Action::CheckRecoveryCode => "The code of the message, or its link opened elsewhere.",
        Action::Authenticate => "Show a second factor: with `mobilePayload`, the app by which the person signs in.",
        Action::SelectDevice => "Ask the person on this device, be it once more. A question on another one ends.",
        Action::ManageDevices => {
            "The person wants to look after their devices: with the second factor that they show next, they do."
        }
        Action::SetDefaultDevice => "Ask first on this phone from now on.",
        Action::RemoveDevice => "Have this device vouch for nobody any more.",
        Action::UpdateDeviceNickname => "Call this device so: 1 to 64 characters.",
        Action::ResumeAuthentication => "Go on with the sign-in, by what was shown.",
        Action::CheckOtp => {
            "The code that was sent, or that an app shows, with whatever people put between its digits."
        }
        Action::ResendOtp => "Send another code, after `resendAfter`. The one before is worth nothing then.",
        Action::Poll => "Is there an answer? Every `pollInterval` seconds, until `expiresAt`.",
        Action::SetupMfa => "Make the second factor that the person has not.",
        Action::SkipMfa => "Go on without, where `allowSkipMfa` says so.",
        Action::SelectDevicePairingMethod => "Make one of `devicePairingMethods`.",
        Action::ActivateTotpDevice => "The code that the authenticator app shows: it has the key.",
        Action::SubmitEmailTarget => "Have codes sent to this address: one goes there.",
        Action::SubmitSmsTarget => "Have codes sent to this number, which has + and its country: one goes there.",
        Action::SubmitVoiceTarget => "Have codes said by a call to this number, which has + and its country: one is.",
        Action::ActivateEmailDevice | Action::ActivateSmsDevice | Action::ActivateVoiceDevice => {
            "The code that was sent to `target`: it is the person's."
        }
        Action::CancelDevicePairing => "Make another one, or none: what was begun is worth nothing.",
        Action::CheckPasswordReset => "Have a new password in place of the forgotten one.",
        Action::CancelPasswordChange | Action::CancelAccountRecovery => "Give up on the password.",
        Action::ContinueAuthentication => "Go on.",
    }
}
