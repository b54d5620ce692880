//! What every operation may answer besides what it is for. Each family has one error schema, so that a
//! client has one error type; where all that is read are pages, refusals are pages too.

use serde_json::{Map, Value, json};

use super::{Family, components, device_authentications, object, operations, put, sign_in};
use crate::http::device;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::device_error::DeviceErrorCode;
use crate::protocol::error::ErrorCode;
use crate::protocol::flow_api::{DetailCode, FlowErrorCode, Status};

/// Status, and why.
const STATUSES: [(&str, &str); 14] = [
    ("400", "The request is malformed, or refused for the reason that its code says."),
    ("401", "The caller did not authenticate, or not well enough."),
    ("403", "The caller may not do this."),
    ("404", "There is no such resource."),
    ("405", "The method is not allowed here; Allow says which are."),
    ("408", "The request did not arrive in time."),
    ("409", "The state of the resource does not allow this."),
    ("410", "It is over: answered, too late, or not meant any more."),
    ("412", "The resource was changed meanwhile."),
    ("413", "The body is too large."),
    ("415", "The body is of another type, or encoded."),
    ("422", "The body is not acceptable; `errors` says why."),
    ("429", "Too many requests; wait as long as Retry-After says."),
    ("500", "Something went wrong on the server."),
];

const UNAVAILABLE: (&str, &str) = ("503", "The server cannot answer now; try again after Retry-After.");

impl Family {
    /// The statuses that can occur.
    fn statuses(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        STATUSES.into_iter().chain([UNAVAILABLE]).filter(move |(status, _)| match self {
            Self::Public => matches!(*status, "400" | "405" | "500" | "503"),
            Self::OAuth => !matches!(*status, "404" | "408" | "409" | "410" | "412" | "422"),
            Self::Registration => !matches!(*status, "403" | "408" | "409" | "410" | "412" | "422"),
            Self::Resource => !matches!(*status, "404" | "408" | "409" | "410" | "412" | "413" | "415" | "422"),
            Self::Device => !matches!(*status, "408" | "412" | "422"),
            Self::Authorization => !matches!(*status, "401" | "404" | "409" | "410" | "412" | "422"),
            Self::SignOut => matches!(*status, "400" | "405" | "408" | "413" | "415" | "500" | "503"),
            Self::Flow => !matches!(*status, "401" | "409" | "410" | "412" | "422"),
            Self::DeviceAuthentications => !matches!(*status, "409" | "410" | "412" | "422"),
            Self::Admin => *status != "410",
        })
    }

    fn schema(self) -> Value {
        let name = match self {
            Self::OAuth | Self::Public | Self::Resource | Self::Registration => "OAuthError",
            Self::Authorization => "RefusedAuthorization",
            Self::SignOut => return json!({"type": "string"}),
            Self::Flow => "FlowError",
            Self::DeviceAuthentications => "RefusedDeviceAuthentication",
            Self::Device => "DeviceProblem",
            Self::Admin => "Problem",
        };
        sign_in::reference(name)
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::OAuth
            | Self::Public
            | Self::Resource
            | Self::Registration
            | Self::Authorization
            | Self::Flow
            | Self::DeviceAuthentications => "application/json",
            Self::SignOut => "text/html",
            Self::Device | Self::Admin => "application/problem+json",
        }
    }

    /// The header of a 401.
    fn challenge(self) -> Value {
        let (description, example) = match self {
            Self::OAuth | Self::Public | Self::Authorization | Self::SignOut | Self::Flow => (
                "How clients authenticate [RFC 7617]. Those that are registered for another method use that one.",
                "Basic realm=\"nod\", charset=\"UTF-8\"",
            ),
            Self::Resource | Self::Registration | Self::DeviceAuthentications | Self::Admin => (
                "An access token is needed; with an error code if one was sent [RFC 6750 §3].",
                "Bearer error=\"invalid_token\"",
            ),
            Self::Device => ("A proof is needed, in the header Device-Proof: docs/device-api.md.", device::CHALLENGE),
        };
        json!({"description": description, "required": true, "schema": {"type": "string"}, "example": example})
    }

    /// `null`: a page has none.
    fn example(self, status: &str) -> Value {
        match self {
            Self::SignOut => Value::Null,
            Self::OAuth | Self::Public | Self::Resource | Self::Registration => {
                let (code, description) = match (status, self) {
                    ("401", Self::OAuth) => (ErrorCode::InvalidClient.as_str(), "Client authentication failed."),
                    ("401", _) => (ErrorCode::InvalidToken.as_str(), "The access token is not valid, or no longer."),
                    ("403", Self::Resource) => (ErrorCode::InsufficientScope.as_str(), "The token has not the scope."),
                    ("403", _) => (ErrorCode::AccessDenied.as_str(), "The request was denied."),
                    ("429" | "503", _) => (ErrorCode::TemporarilyUnavailable.as_str(), "Try again later."),
                    ("500", _) => ("server_error", "Something went wrong on the server."),
                    _ => (ErrorCode::InvalidRequest.as_str(), "The request is malformed."),
                };
                json!({"error": code, "error_description": description})
            }
            Self::Authorization => {
                let (code, told) = (ErrorCode::InvalidRequest.as_str(), "code_challenge is required.");
                json!({
                    "status": Status::Failed.as_str(), "code": code, "message": told, "userMessage": told,
                    "authorizeResponse": {"error": code, "error_description": told, "iss": "https://id.example"},
                })
            }
            Self::Flow => {
                let code = match status {
                    "404" => FlowErrorCode::FlowNotFound,
                    "429" => FlowErrorCode::RequestFailed,
                    "500" | "503" => FlowErrorCode::UnexpectedError,
                    "400" => FlowErrorCode::ValidationError,
                    _ => FlowErrorCode::InvalidRequest,
                };
                let mut told = json!({"code": code.as_str(), "message": code.message(), "userMessage": code.message()});
                if status == "400" {
                    let detail = DetailCode::FieldRequired;
                    put(
                        &mut told,
                        "details",
                        json!([{
                            "code": detail.as_str(), "message": detail.message(), "userMessage": detail.message(),
                            "target": "password",
                        }]),
                    );
                }
                told
            }
            Self::DeviceAuthentications => device_authentications::refused(status),
            Self::Admin => {
                let code = match status {
                    "401" => AdminErrorCode::TokenInvalid,
                    "403" => AdminErrorCode::InsufficientScope,
                    "404" => AdminErrorCode::NotFound,
                    "405" => AdminErrorCode::MethodNotAllowed,
                    "408" => AdminErrorCode::RequestTimeout,
                    "409" => AdminErrorCode::UsernameTaken,
                    "412" => AdminErrorCode::PreconditionFailed,
                    "413" => AdminErrorCode::BodyTooLarge,
                    "415" => AdminErrorCode::UnsupportedMediaType,
                    "422" => AdminErrorCode::ValidationFailed,
                    "429" => AdminErrorCode::TooManyRequests,
                    "500" => AdminErrorCode::InternalError,
                    "503" => AdminErrorCode::TemporarilyUnavailable,
                    _ => AdminErrorCode::InvalidRequest,
                };
                let status: u16 = status.parse().unwrap_or_default();
                let page = format!("https://id.example/docs/errors/{}", code.as_str());
                json!({"type": page, "title": code.title(), "status": status, "code": code.as_str()})
            }
            Self::Device => {
                let code = match status {
                    "401" => DeviceErrorCode::ProofRequired,
                    "403" => DeviceErrorCode::DeviceBlocked,
                    "404" => DeviceErrorCode::NotificationNotFound,
                    "409" => DeviceErrorCode::AlreadyDecided,
                    "410" => DeviceErrorCode::EnrollmentGone,
                    "429" => DeviceErrorCode::TooManyAttempts,
                    "500" => DeviceErrorCode::InternalError,
                    "503" => DeviceErrorCode::TemporarilyUnavailable,
                    _ => DeviceErrorCode::InvalidRequest,
                };
                let status: u16 = status.parse().unwrap_or_default();
                json!({"type": "about:blank", "title": code.title(), "status": status, "code": code.as_str()})
            }
        }
    }
}

pub(super) fn add(document: &mut Value) {
    if let Some(all) = components(document, "schemas") {
        all.extend(schemas());
        if let Some(codes) = all.get_mut("ProblemCode") {
            let described: Map<String, Value> =
                AdminErrorCode::ALL.iter().map(|code| (code.as_str().to_owned(), json!(code.title()))).collect();
            put(codes, "x-enum-descriptions", described.into());
        }
    }
    for (path, _, operation) in operations(document) {
        let family = Family::of(&path);
        for (status, description) in family.statuses() {
            let mut media = json!({"schema": family.schema()});
            let example = family.example(status);
            if !example.is_null() {
                put(&mut media, "example", example);
            }
            let mut response = json!({"description": description, "content": {family.media_type(): media}});
            if let (Family::Authorization, Some(content)) = (family, object(&mut response, "content")) {
                // The JSON is for `response_mode=pi.flow` alone.
                content.insert("text/html".to_owned(), json!({"schema": {"type": "string"}}));
            }
            if let Some(responses) = object(operation, "responses") {
                responses.insert(status.to_owned(), response);
            }
        }
        if let Some(response) = object(operation, "responses").and_then(|responses| responses.get_mut("401")) {
            put(response, "headers", json!({"WWW-Authenticate": family.challenge()}));
        }
    }
}

fn schemas() -> Map<String, Value> {
    let codes: Vec<(&str, &str)> = ErrorCode::DIRECT
        .into_iter()
        .chain([ErrorCode::ServerError])
        .map(|code| (code.as_str(), code.meaning()))
        .chain([("not_found", "There is nothing at this address.")])
        .collect();
    let described: Map<String, Value> = codes.iter().map(|(code, means)| ((*code).to_owned(), json!(means))).collect();
    let oauth_code = json!({
        "type": "string",
        "description": "[RFC 6749 §5.2, CIBA §11, §13, RFC 6750 §3.1, RFC 7591 §3.2.2]",
        "enum": codes.iter().map(|(code, _)| *code).collect::<Vec<_>>(),
        "x-enum-descriptions": described,
    });
    let oauth = json!({
        "type": "object",
        "description": "Why a request was refused [RFC 6749 §5.2].",
        "required": ["error"],
        "properties": {
            "error": {"$ref": "#/components/schemas/OAuthErrorCode"},
            "error_description": {"type": "string", "description": "For the developer: a sentence in ASCII."},
        },
    });
    let described: Map<String, Value> =
        DeviceErrorCode::ALL.iter().map(|code| (code.as_str().to_owned(), json!(code.title()))).collect();
    let device_code = json!({
        "type": "string",
        "description": "Why a call of the device API was refused: a closed list.",
        "enum": DeviceErrorCode::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
        "x-enum-descriptions": described,
    });
    let device = json!({
        "type": "object",
        "description": "Why a call was refused [RFC 9457].",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer", "format": "int32", "description": "The HTTP status."},
            "code": {"$ref": "#/components/schemas/DeviceErrorCode"},
        },
    });
    [("OAuthErrorCode", oauth_code), ("OAuthError", oauth), ("DeviceErrorCode", device_code), ("DeviceProblem", device)]
        .map(|(name, schema)| (name.to_owned(), schema))
        .into_iter()
        .collect()
}
