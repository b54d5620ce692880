//! The authorization endpoint and the authentication-flow API. Both stand before any API and word their
//! refusals themselves, as browsers and authentication applications expect them, so no type describes
//! them. States, actions, members and codes are those of [`flow_api`](crate::protocol::flow_api).

use serde_json::{Map, Value, json};

use super::{components, object, put};
use crate::http::cookies::Cookies;
use crate::http::discovery::path;
use crate::http::flow;
use crate::protocol::authorization_request::{Prompt, ResponseMode, ResponseType};
use crate::protocol::flow_api::{
    Action, CanceledOperation, DetailCode, FlowErrorCode, Kind, Member, Status, Validator,
};
use crate::protocol::pkce::CodeChallenge;

const TAG: &str = "Flow";

/// What a form is sent as.
const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn add(document: &mut Value) {
    if let Some(paths) = object(document, "paths") {
        paths.insert(path::AUTHORIZATION.to_owned(), json!({"get": authorize(), "post": authorize_by_form()}));
        paths.insert(flow_path(), json!({"get": get_flow(), "post": act_on_flow()}));
    }
    if let Some(schemas) = components(document, "schemas") {
        schemas.extend(states());
        schemas.extend(errors());
        schemas.insert("FlowAction".to_owned(), any_action());
        schemas.insert("AuthorizationRequest".to_owned(), request());
    }
    if let Some(tags) = document.get_mut("tags").and_then(Value::as_array_mut) {
        tags.push(json!({"name": TAG, "description": "Sign a person in, step by step."}));
        // As poem-openapi has them.
        tags.sort_by_key(|tag| tag.get("name").and_then(Value::as_str).map(str::to_owned));
    }
}

fn flow_path() -> String {
    format!("{}{{flowId}}", flow::PREFIX)
}

/// The cookie that ties a flow to whoever began it.
pub(super) fn scheme() -> Value {
    let name = Cookies::new("https://").flow();
    let local = Cookies::new("http://").flow();
    let description = format!(
        "The cookie that the authorization endpoint sets: a flow is one browser's, or one application's. `{local}` \
         where the issuer is an http one."
    );
    json!({"type": "apiKey", "in": "cookie", "name": name, "description": description})
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn words<W: Copy>(all: &[W], text: fn(W) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(text).collect()
}

/// A closed list, and what each of its words means.
fn enumeration<W: Copy>(
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

const ABOUT: &str = "Begins a sign-in [RFC 6749 §4.1.1, OIDC Core §3.1.2.1]: a browser is sent to our pages or \
to an authentication application of yours, or with the code to the client when nobody has to act. With `response_mode=pi.flow` the answer is the first state of a flow. \
When client and `redirect_uri` are known, a refusal goes to the client too; otherwise it is a page.";

fn authorize() -> Value {
    let parameters: Vec<Value> = asked()
        .into_iter()
        .map(|Asked { name, required, mut schema, says }| {
            let example = schema.as_object_mut().and_then(|schema| schema.remove("example"));
            let mut parameter = json!({
                "name": name, "in": "query", "required": required, "description": says, "schema": schema,
            });
            if let Some(example) = example {
                put(&mut parameter, "example", example);
            }
            parameter
        })
        .collect();
    let mut operation = json!({
        "operationId": "authorize", "summary": "Begin a sign-in", "tags": ["OpenID Connect"],
        "parameters": parameters, "responses": begun(),
    });
    put(&mut operation, "description", json!(ABOUT));
    operation
}

fn authorize_by_form() -> Value {
    json!({
        "operationId": "authorizeByForm",
        "summary": "Begin a sign-in with a form",
        "description": "The same with the parameters in the body: they may be long, and are in no log.",
        "tags": ["OpenID Connect"],
        "requestBody": {"required": true, "content": {FORM: {"schema": reference("AuthorizationRequest")}}},
        "responses": begun(),
    })
}

fn begun() -> Value {
    json!({
        "200": {
            "description": "With `response_mode=pi.flow`, the first state of the flow. With `form_post`, when nobody has \
                            to act, the page that posts the answer.",
            "content": {
                "application/json": {"schema": reference("FlowState")},
                "text/html": {"schema": {"type": "string"}, "example": "<!doctype html> ..."},
            },
        },
        "303": {
            "description": "To our pages or to an authentication application, or to the client with its answer.",
            "headers": {"Location": {
                "description": "Where the browser goes.", "required": true, "schema": {"type": "string"},
                "example": "https://shop.example/callback?code=...&iss=https%3A%2F%2Fid.example",
            }},
        },
    })
}

/// A parameter of the authorization request.
struct Asked {
    name: &'static str,
    required: bool,
    schema: Value,
    says: String,
}

fn asked() -> Vec<Asked> {
    let text = |example: &str| json!({"type": "string", "example": example});
    let of = |name, required, schema, says: &str| Asked { name, required, schema, says: says.to_owned() };
    let one_of = |words: Vec<&str>| json!({"type": "string", "enum": words});
    let prompts = words(Prompt::ALL, Prompt::as_str).join("`, `");
    vec![
        of("client_id", true, text("shop"), "Who asks."),
        of(
            "redirect_uri",
            true,
            text("https://shop.example/callback"),
            "Where the answer goes: one that is registered.",
        ),
        of(
            "response_type",
            true,
            one_of(words(ResponseType::ALL, ResponseType::as_str)),
            "What is asked for [RFC 6749 §3.1.1].",
        ),
        of(
            "response_mode",
            false,
            one_of(words(ResponseMode::ALL, ResponseMode::as_str)),
            "How the answer travels. `pi.flow`, for clients that are registered as `redirectless`: in the last state \
             of a flow, without a browser.",
        ),
        of("scope", true, text("openid profile"), "Space-separated; with `openid` there is an ID token."),
        of("state", false, text("af0ifjsldkj"), "Returned as it came [RFC 6749 §4.1.2]."),
        of("nonce", false, text("n-0S6_WzA2Mj"), "Returned in the ID token."),
        of(
            "code_challenge",
            false,
            text("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            "[RFC 7636 §4.3] needed unless the client is registered with `require_pkce` off.",
        ),
        of("code_challenge_method", false, one_of(vec![CodeChallenge::METHOD]), "Needed with `code_challenge`."),
        of(
            "dpop_jkt",
            false,
            text("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
            "The thumbprint of the key that the tokens will be bound to [RFC 9449 §10]: the code is for it alone.",
        ),
        Asked {
            name: "prompt",
            required: false,
            schema: text(Prompt::Login.as_str()),
            says: format!("Space-separated: `{prompts}` [OIDC Core §3.1.2.1]."),
        },
        of(
            "max_age",
            false,
            json!({"type": "integer", "format": "int32", "minimum": 0, "example": 300}),
            "In seconds: who signed in longer ago signs in again.",
        ),
        of("acr_values", false, text("urn:nod:acr:password"), "Space-separated, the best first."),
        of("login_hint", false, text("alice"), "Who will sign in, probably."),
        of("id_token_hint", false, text("eyJhbGciOiJFUzI1NiJ9..."), "Who has to be signed in: an ID token of ours."),
        of("ui_locales", false, text("fr-CA fr en"), "Languages of our pages, the best first."),
        of(
            "claims",
            false,
            text("{\"userinfo\":{\"email\":null}}"),
            "Single claims, and where they are wanted: JSON [OIDC Core §5.5].",
        ),
        of(
            "resource",
            false,
            text("https://api.example"),
            "Whom access tokens are for: one that the client is registered for, or the issuer. May be there more than \
             once [RFC 8707 §2].",
        ),
        of(
            "authorization_details",
            false,
            text("[{\"type\":\"payment\",\"amount\":\"12.00\"}]"),
            "What exactly is asked for: a JSON list of objects of types that the client is registered for [RFC 9396 §2].",
        ),
        of("request", false, text("eyJhbGciOiJFUzI1NiJ9..."), "All of them, signed by the client [RFC 9101 §5.1]."),
        of(
            "request_uri",
            false,
            text("urn:ietf:params:oauth:request_uri:bwc4JK-ESC0w8acc191e-Y1LTC2"),
            "What was pushed [RFC 9126 §4], or where a signed request is [RFC 9101 §5.2].",
        ),
    ]
}

fn request() -> Value {
    let (mut required, mut properties) = (Vec::new(), Map::new());
    for Asked { name, required: needed, mut schema, says } in asked() {
        put(&mut schema, "description", json!(says));
        properties.insert(name.to_owned(), schema);
        required.extend(needed.then_some(name));
    }
    json!({
        "type": "object", "description": "The parameters of an authorization request. Others are ignored [RFC 6749 §3.1].",
        "required": required, "properties": properties,
    })
}

fn flow_id() -> Value {
    json!({
        "name": "flowId", "in": "path", "required": true, "description": "`id` of the first state.",
        "schema": {"type": "string"},
    })
}

fn seen() -> Value {
    json!({"200": {
        "description": "Where the flow is now.",
        "content": {"application/json": {"schema": reference("FlowState")}},
    }})
}

fn get_flow() -> Value {
    json!({
        "operationId": "getFlow",
        "summary": "Read where a flow is",
        "description": "Changes nothing. What can be done next is in `_links`, and nothing else can.",
        "tags": [TAG], "parameters": [flow_id(), state_header()], "responses": seen(),
    })
}

fn act_on_flow() -> Value {
    json!({
        "operationId": "actOnFlow",
        "summary": "Do an action of a flow",
        "description": "One of those in `_links` of the present state, named by `action`, or by the content type \
                        `application/vnd.pingidentity.<action>+json`. The answer is where the flow is then; refused, \
                        it is where it was.",
        "tags": [TAG],
        "parameters": [
            flow_id(),
            {
                "name": "action", "in": "query", "required": true, "description": "What to do.",
                "schema": reference("FlowActionName"),
            },
            {
                "name": "X-XSRF-Header", "in": "header", "required": true, "example": "nod",
                "description": "Any value. A page of another site can have a browser send its cookies, but not this.",
                "schema": {"type": "string", "minLength": 1},
            },
            state_header(),
        ],
        "requestBody": {"required": true, "content": {"application/json": {"schema": reference("FlowAction")}}},
        "responses": seen(),
    })
}

/// In 3.1, each action has its own content type. Not in 3.0: generators that read no other version take
/// one media type for each body.
pub(super) fn typed_actions(document: &mut Value) {
    let Some(operation) = document.get_mut("paths").and_then(|paths| paths.get_mut(flow_path())?.get_mut("post"))
    else {
        return;
    };
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter.get("name").and_then(Value::as_str) == Some("action") {
            put(parameter, "required", json!(false));
            put(parameter, "description", json!("What to do, where the content type does not say it."));
        }
    }
    if let Some(content) = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut) {
        for action in Action::ALL {
            let media = json!({"schema": reference(&type_name(*action)), "example": example(*action)});
            content.insert(flow::content_type(*action), media);
        }
    }
    if let Some(schemas) = components(document, "schemas") {
        schemas.extend(Action::ALL.iter().map(|action| (type_name(*action), body(*action))));
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
fn any_action() -> Value {
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
            ("scope", _) => json!("openid profile"),
            ("userCode", _) => json!("WDJB-MJHT"),
            ("authenticationSource", _) => json!("passkey"),
            ("attestation" | "assertion", _) => json!("{\"id\":\"...\",\"type\":\"public-key\",\"response\":{}}"),
            (_, Kind::Text) => json!("..."),
            (_, Kind::Flag) => json!(false),
        };
        (member.name.to_owned(), value)
    };
    let shown = action.members().iter().filter(|member| member.required || member.name == "scope");
    Value::Object(shown.map(sample).collect())
}

const fn status_says(status: Status) -> &'static str {
    match status {
        Status::IdentifierRequired => "Who signs in?",
        Status::UsernamePasswordRequired => "With which password?",
        Status::AssertionRequired => "With which passkey?",
        Status::Fido2ActivationRequired => "The person has no passkey yet: make one.",
        Status::ConsentRequired => "May the client have what it asks for?",
        Status::OauthDeviceUserCodeRequired => "Which code does the device show?",
        Status::OauthDeviceUserCodeConfirmationRequired => "Does the device show `userCode`, and is it the person's?",
        Status::OauthDeviceCompleted => "The end: the device is connected.",
        Status::CurrentCredentialsRequired => "Who wants another password, and what is it now?",
        Status::NewPasswordRequired => "What is the new password?",
        Status::MustChangePassword => "What is the new password? Nothing goes on without one.",
        Status::SuccessfulPasswordChange => "The password is changed; go on.",
        Status::AccountRecoveryUsernameRequired => "Whose password was forgotten?",
        Status::RecoveryCodeRequired => "What code does the message have? The same for who gets none.",
        Status::PasswordResetRequired => "What is the new password, in place of the forgotten one?",
        Status::SuccessfulPasswordReset => "The password is another one; go on.",
        Status::Canceled => "The person gave up on `canceledOperation`.",
        Status::Resume => "Send the browser to `resumeUrl`.",
        Status::Completed => "The end: the answer is in `authorizeResponse`.",
        Status::Failed => "The end: `code` says why.",
    }
}

const fn action_says(action: Action) -> &'static str {
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
        Action::CheckPasswordReset => "Have a new password in place of the forgotten one.",
        Action::CancelPasswordChange | Action::CancelAccountRecovery => "Give up on the password.",
        Action::ContinueAuthentication => "Go on.",
    }
}

/// A member that only some states have.
fn only(status: Status, mut schema: Value, says: &str) -> Value {
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

/// The members of a state.
fn state() -> Value {
    let (text, flag) = (json!({"type": "string"}), json!({"type": "boolean"}));
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let password = |schema: &Value, says: &str| only(Status::UsernamePasswordRequired, schema.clone(), says);
    let failed = |says: &str| only(Status::Failed, text.clone(), says);
    json!({
        "type": "object",
        "description": "Where a flow is. `id`, `status` and `_links` are always there; the other members belong to a status.",
        "required": ["id", "status", "_links"],
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
            "userCode": only(
                Status::OauthDeviceUserCodeConfirmationRequired,
                text.clone(),
                "the code, as the device shows it.",
            ),
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
            "resumeUrl": {"type": "string", "description": "Where the browser goes for its answer."},
            "authorizeResponse": reference("AuthorizeResponse"),
            "_pf_authn_api_state": carried(),
            "code": failed("an error code of OAuth and OpenID Connect."),
            "message": failed("for the developer."),
            "userMessage": {"type": "string", "description": "For the person."},
        },
    })
}

fn states() -> Map<String, Value> {
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

fn state_header() -> Value {
    json!({
        "name": "X-PF-Authn-API-State", "in": "header", "required": false,
        "description": "`_pf_authn_api_state` of the last answer, in place of cookies.",
        "schema": {"type": "string"},
    })
}

fn errors() -> Map<String, Value> {
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
        "failedValidators",
        json!({
            "type": "array", "description": "What a new password does not fulfil.",
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
