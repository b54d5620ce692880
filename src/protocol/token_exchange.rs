//! Token exchange [RFC 8693]: one token for another that is good for less, or elsewhere.

use serde::{Deserialize, Serialize};
use url::Url;

use super::error::{ErrorCode, Refusal};
use super::parameters::Parameters;
use super::words::words;

words! {
    /// `subject_token_type`, `actor_token_type`, `requested_token_type` [RFC 8693 §3].
    TokenType {
        AccessToken = "urn:ietf:params:oauth:token-type:access_token",
        IdToken = "urn:ietf:params:oauth:token-type:id_token",
        RefreshToken = "urn:ietf:params:oauth:token-type:refresh_token",
        Jwt = "urn:ietf:params:oauth:token-type:jwt",
    }
}

/// Who acts, and for whom they act in turn [RFC 8693 §4.1].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Self>>,
}

impl Actor {
    pub fn new(sub: impl Into<String>) -> Self {
        Self { sub: sub.into(), act: None }
    }

    /// `self` acts now, and `before` has acted until now.
    #[must_use]
    pub fn after(self, before: Option<Self>) -> Self {
        Self { act: before.map(Box::new), ..self }
    }

    /// How many there are.
    pub fn depth(&self) -> usize {
        1 + self.act.as_deref().map_or(0, Self::depth)
    }
}

/// A token, and what it is.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    pub token: &'a str,
    pub kind: GivenKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenKind {
    Access,
    Id,
}

/// What is asked for [RFC 8693 §2.1].
#[derive(Debug)]
pub struct TokenExchange<'a> {
    pub subject: Given<'a>,
    pub actor: Option<Given<'a>>,
    /// What the answer calls the token.
    pub issued: TokenType,
    /// Whom the new token is for. `None`: this server.
    pub target: Option<&'a str>,
    pub scope: Option<&'a str>,
}

const NOT_OURS: &str = "The type of a token is not one that can be exchanged.";

impl<'a> TokenExchange<'a> {
    pub fn parse(parameters: &'a Parameters) -> Result<Self, Refusal> {
        let subject = given(parameters, "subject_token", "subject_token_type")?
            .ok_or(Refusal::invalid_request("subject_token is required."))?;
        let issued = match parameters.get("requested_token_type").map(TokenType::parse) {
            None => TokenType::AccessToken,
            // Ours are JWTs wherever they come from an exchange.
            Some(Some(kind @ (TokenType::AccessToken | TokenType::Jwt))) => kind,
            Some(Some(TokenType::IdToken | TokenType::RefreshToken) | None) => {
                return Err(Refusal::invalid_request("The requested_token_type is not one that is given."));
            }
        };
        Ok(Self {
            subject,
            actor: given(parameters, "actor_token", "actor_token_type")?,
            issued,
            target: target(parameters)?,
            scope: parameters.get("scope"),
        })
    }
}

fn given<'a>(parameters: &'a Parameters, token: &str, kind: &str) -> Result<Option<Given<'a>>, Refusal> {
    match (parameters.get(token), parameters.get(kind).map(TokenType::parse)) {
        (None, None) => Ok(None),
        (Some(token), Some(Some(kind))) => {
            let kind = match kind {
                TokenType::AccessToken => GivenKind::Access,
                TokenType::IdToken => GivenKind::Id,
                // A refresh token is for the one who has it; a JWT may be either of the two.
                TokenType::RefreshToken | TokenType::Jwt => return Err(Refusal::invalid_request(NOT_OURS)),
            };
            Ok(Some(Given { token, kind }))
        }
        (Some(_), Some(None)) => Err(Refusal::invalid_request(NOT_OURS)),
        // [RFC 8693 §2.1] the one is required with the other, and must not be there without.
        (Some(_), None) | (None, Some(_)) => Err(Refusal::invalid_request("A token and its type go together.")),
    }
}

fn target(parameters: &Parameters) -> Result<Option<&str>, Refusal> {
    let refused = |description| Err(Refusal::new(ErrorCode::InvalidTarget, description));
    // [RFC 8693 §2.1] there may be several; we give a token for one.
    if parameters.all("resource").count() > 1 {
        return refused("One resource, not several.");
    }
    match (parameters.get("audience"), parameters.get("resource")) {
        (Some(_), Some(_)) => refused("One of audience and resource, not both."),
        // [RFC 8693 §2.1] an absolute URI without a fragment.
        (None, Some(resource)) if !Url::parse(resource).is_ok_and(|url| url.fragment().is_none()) => {
            refused("resource is no absolute URI.")
        }
        (target, None) | (None, target) => Ok(target),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SUBJECT: &str = "subject_token=x&subject_token_type=urn:ietf:params:oauth:token-type:access_token";

    fn refused(more: &str) -> ErrorCode {
        let parameters = Parameters::parse(format!("{SUBJECT}{more}").as_bytes()).unwrap();
        TokenExchange::parse(&parameters).expect_err(more).code
    }

    #[test]
    fn rfc8693_2_1_what_is_asked_for() {
        let more = "&audience=warehouse&requested_token_type=urn:ietf:params:oauth:token-type:jwt&scope=a";
        let parameters = Parameters::parse(format!("{SUBJECT}{more}").as_bytes()).unwrap();
        let asked = TokenExchange::parse(&parameters).unwrap();
        assert_eq!((asked.subject.token, asked.subject.kind), ("x", GivenKind::Access));
        assert_eq!((asked.target, asked.scope, asked.issued), (Some("warehouse"), Some("a"), TokenType::Jwt));
        assert!(asked.actor.is_none());
    }

    #[test]
    fn rfc8693_2_2_2_each_fault_has_its_code() {
        for (more, code) in [
            ("&actor_token=x", ErrorCode::InvalidRequest),
            ("&actor_token_type=urn:ietf:params:oauth:token-type:access_token", ErrorCode::InvalidRequest),
            ("&actor_token=x&actor_token_type=urn:ietf:params:oauth:token-type:saml2", ErrorCode::InvalidRequest),
            ("&requested_token_type=urn:ietf:params:oauth:token-type:refresh_token", ErrorCode::InvalidRequest),
            ("&audience=a&resource=https://b.example", ErrorCode::InvalidTarget),
            ("&resource=b", ErrorCode::InvalidTarget),
            ("&resource=https://a.example&resource=https://b.example", ErrorCode::InvalidTarget),
            ("&resource=https://b.example/%23x", ErrorCode::InvalidTarget),
        ] {
            assert_eq!(refused(more), code, "{more}");
        }
        for subject in ["subject_token=x", "x=y", &SUBJECT.replace("access_token", "refresh_token")[..]] {
            let parameters = Parameters::parse(subject.as_bytes()).unwrap();
            assert_eq!(TokenExchange::parse(&parameters).unwrap_err().code, ErrorCode::InvalidRequest, "{subject}");
        }
    }

    #[test]
    fn rfc8693_4_1_the_last_one_who_acts_comes_first() {
        let chain = Actor::new("b").after(Some(Actor::new("a")));
        assert_eq!(serde_json::to_value(&chain).unwrap(), json!({"sub": "b", "act": {"sub": "a"}}));
        assert_eq!(chain.depth(), 2);
    }
}
