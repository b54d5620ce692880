//! The answer of the authorization endpoint [RFC 6749 §4.1.2, RFC 9207], as one of its modes carries it.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};
use url::form_urlencoded::byte_serialize;

use super::authorization_request::{Destination, ResponseMode};
use super::error::ErrorCode;
use super::id::ClientId;
use crate::clock::Timestamp;
use crate::secret::Secret;

/// `typ` of an answer that is a JWT. It has no name of its own; it is no ID token, since it has no `sub`.
pub const JWT_TYP: &str = "JWT";
/// [JARM §2.1] "A maximum lifetime of 10 minutes is RECOMMENDED"; a code lives for one.
pub const JWT_LIFETIME: Duration = Duration::from_secs(60);

/// Names and values in the order in which they go out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AuthorizationResponse(Vec<(&'static str, String)>);

/// Codes and tokens are among the values.
impl fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// How the answer travels.
#[derive(Clone, PartialEq, Eq)]
pub enum Carrier {
    /// The browser goes there.
    Redirect(String),
    /// The browser posts these fields there.
    FormPost { action: String, fields: Vec<(&'static str, String)> },
    /// The authentication application reads them.
    Flow(Vec<(&'static str, String)>),
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redirect(_) => "Redirect",
            Self::FormPost { .. } => "FormPost",
            Self::Flow(_) => "Flow",
        })
    }
}

impl AuthorizationResponse {
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// [RFC 6749 §4.1.2.1]
    pub fn error(code: ErrorCode, description: &str) -> Self {
        Self::default().with("error", code.as_str()).with("error_description", description)
    }

    /// Adds `state` as it came and `iss` [RFC 9207 §2].
    pub fn carried(self, destination: &Destination, issuer: &str) -> Carrier {
        let mut fields = self.with_state(destination).0;
        fields.push(("iss", issuer.to_owned()));
        carry(fields, destination)
    }

    /// The same as the claims of a JWT, for this client alone [JARM §2.1].
    pub fn claims(
        self,
        destination: &Destination,
        issuer: &str,
        client: &ClientId,
        expires_at: Timestamp,
    ) -> Map<String, Value> {
        let fields = self.with_state(destination).0;
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value)));
        let own = [
            ("iss", Value::from(issuer)),
            ("aud", Value::from(client.as_str())),
            ("exp", Value::from(expires_at.seconds())),
        ];
        own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(fields).collect()
    }

    /// [JARM §2.3] all of the answer is in the one parameter.
    pub fn in_jwt(jwt: &Secret<String>, destination: &Destination) -> Carrier {
        carry(vec![("response", jwt.expose().clone())], destination)
    }

    fn with_state(self, destination: &Destination) -> Self {
        match &destination.state {
            Some(state) => self.with("state", state),
            None => self,
        }
    }
}

fn carry(fields: Vec<(&'static str, String)>, destination: &Destination) -> Carrier {
    let uri = &destination.redirect_uri;
    match destination.mode {
        // [RFC 6749 §3.1.2] what the registered address has in its query stays.
        ResponseMode::Query | ResponseMode::QueryJwt | ResponseMode::Jwt => {
            let join = if uri.contains('?') { '&' } else { '?' };
            Carrier::Redirect(format!("{uri}{join}{}", encoded(&fields)))
        }
        ResponseMode::Fragment | ResponseMode::FragmentJwt => Carrier::Redirect(format!("{uri}#{}", encoded(&fields))),
        ResponseMode::FormPost | ResponseMode::FormPostJwt => Carrier::FormPost { action: uri.clone(), fields },
        ResponseMode::Flow => Carrier::Flow(fields),
    }
}

fn encoded(fields: &[(&'static str, String)]) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.extend(byte_serialize(value.as_bytes()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(mode: ResponseMode, uri: &str) -> Carrier {
        let destination = Destination { redirect_uri: uri.into(), mode, state: Some("a&b=\r\n<\u{1f600}".into()) };
        AuthorizationResponse::default().with("code", "c").carried(&destination, "https://op.example")
    }

    #[test]
    fn rfc6749_4_1_2_state_comes_back_encoded_and_the_registered_query_stays() {
        let tail = "code=c&state=a%26b%3D%0D%0A%3C%F0%9F%98%80&iss=https%3A%2F%2Fop.example";
        let query = |uri: &str| answer(ResponseMode::Query, uri);
        assert_eq!(query("https://shop.example/cb"), Carrier::Redirect(format!("https://shop.example/cb?{tail}")));
        assert_eq!(
            query("https://shop.example/cb?t=1"),
            Carrier::Redirect(format!("https://shop.example/cb?t=1&{tail}"))
        );
        let fragment = answer(ResponseMode::Fragment, "https://shop.example/cb?t=1");
        assert_eq!(fragment, Carrier::Redirect(format!("https://shop.example/cb?t=1#{tail}")));
    }

    #[test]
    fn jarm_2_1_the_answer_as_claims_of_a_jwt() {
        let destination = Destination {
            redirect_uri: "https://shop.example/cb".into(),
            mode: ResponseMode::FragmentJwt,
            state: Some("s".into()),
        };
        let response = AuthorizationResponse::default().with("code", "c");
        let shop = ClientId::parse("shop").unwrap();
        let claims = response.claims(&destination, "https://op.example", &shop, Timestamp::from_seconds(60));
        let expected = serde_json::json!({"iss": "https://op.example", "aud": "shop", "exp": 60, "code": "c",
            "state": "s"});
        assert_eq!(Value::Object(claims), expected);
        assert_eq!(
            AuthorizationResponse::in_jwt(&Secret::new("a.b.c".to_owned()), &destination),
            Carrier::Redirect("https://shop.example/cb#response=a.b.c".into())
        );
    }

    #[test]
    fn rfc6749_4_1_2_1_an_error_has_no_code() {
        let destination =
            Destination { redirect_uri: "https://a.example".into(), mode: ResponseMode::Query, state: None };
        let refused = AuthorizationResponse::error(ErrorCode::AccessDenied, "The person said no.");
        assert_eq!(
            refused.carried(&destination, "https://op.example"),
            Carrier::Redirect(
                "https://a.example?error=access_denied&error_description=The+person+said+no.\
                 &iss=https%3A%2F%2Fop.example"
                    .into()
            )
        );
    }
}
