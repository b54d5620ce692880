//! How a client presents itself at a direct endpoint (RFC 6749 §2.3, RFC 7521 §4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use crate::protocol::client_assertion::ASSERTION_TYPE;
use crate::protocol::error::Refusal;
use crate::protocol::id::ClientId;
use crate::protocol::parameters::Parameters;
use crate::secret::Secret;

/// What was presented, not yet believed.
#[derive(Debug)]
pub enum Credentials {
    Basic {
        client: ClientId,
        secret: Secret<String>,
    },
    Post {
        client: ClientId,
        secret: Secret<String>,
    },
    /// A public client only says who it is [RFC 6749 §3.2.1].
    Public {
        client: ClientId,
    },
    /// The assertion itself names the client; `client_id` in the form may repeat it.
    Assertion {
        client: Option<ClientId>,
        assertion: Secret<String>,
    },
}

impl Credentials {
    /// RFC 6749 §2.3: one method in one request.
    pub fn parse(authorization: Option<&str>, parameters: &Parameters) -> Result<Self, Refusal> {
        let client_id = parameters.get("client_id").map(client_id).transpose()?;
        let secret = parameters.secret("client_secret");
        let assertion = parameters.secret("client_assertion");
        let assertion_type = parameters.get("client_assertion_type");
        match (authorization, secret, assertion) {
            (Some(header), None, None) if assertion_type.is_none() => {
                let (client, secret) = basic(header)?;
                if client_id.is_some_and(|other| other != client) {
                    return Err(Refusal::invalid_request("client_id differs from the authenticated client."));
                }
                Ok(Self::Basic { client, secret })
            }
            (None, Some(secret), None) if assertion_type.is_none() => {
                let client = client_id.ok_or_else(|| Refusal::invalid_client("client_secret without client_id"))?;
                Ok(Self::Post { client, secret })
            }
            (None, None, Some(assertion)) => match assertion_type {
                Some(ASSERTION_TYPE) => Ok(Self::Assertion { client: client_id, assertion }),
                Some(_) | None => Err(Refusal::invalid_client("client_assertion_type is not jwt-bearer")),
            },
            (None, None, None) if assertion_type.is_some() => {
                Err(Refusal::invalid_client("client_assertion_type without client_assertion"))
            }
            (None, None, None) => {
                let client = client_id.ok_or_else(|| Refusal::invalid_client("no client authentication"))?;
                Ok(Self::Public { client })
            }
            _ => Err(Refusal::invalid_request("More than one method of client authentication.")),
        }
    }
}

fn client_id(text: &str) -> Result<ClientId, Refusal> {
    ClientId::parse(text).ok_or_else(|| Refusal::invalid_client("client_id is malformed"))
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they are joined and base64 encoded.
fn basic(header: &str) -> Result<(ClientId, Secret<String>), Refusal> {
    let malformed = || Refusal::invalid_client("the Authorization header is not Basic credentials");
    let (scheme, encoded) = header.split_once(' ').ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let decoded = Secret::new(STANDARD.decode(encoded.trim()).map_err(|_| malformed())?);
    let text = std::str::from_utf8(decoded.expose()).map_err(|_| malformed())?;
    let (id, secret) = text.split_once(':').ok_or_else(malformed)?;
    let id = form_decode(id).ok_or_else(malformed)?;
    let secret = form_decode(secret).ok_or_else(malformed)?;
    Ok((client_id(id.expose())?, secret))
}

fn form_decode(text: &str) -> Option<Secret<String>> {
    let bytes = text.as_bytes();
    let complete = bytes
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'%')
        .all(|(at, _)| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)));
    let spaced = Secret::new(text.replace('+', " "));
    let decoded = percent_decode_str(spaced.expose()).decode_utf8().ok()?;
    (complete && !decoded.contains('\0')).then(|| Secret::new(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::ErrorCode;

    fn parse(authorization: Option<&str>, form: &str) -> Result<Credentials, Refusal> {
        Credentials::parse(authorization, &Parameters::parse(form.as_bytes()).unwrap())
    }

    fn basic_header(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn rfc6749_2_3_1_basic_credentials_are_form_decoded() {
        let header = basic_header("my%20shop:p%2Bw%3A+x");
        let Ok(Credentials::Basic { client, secret }) = parse(Some(&header), "") else { panic!() };
        assert_eq!(client.as_str(), "my shop");
        assert_eq!(secret.expose(), "p+w: x");
        let lower = header.replace("Basic", "basic");
        assert!(parse(Some(&lower), "").is_ok(), "the scheme is case-insensitive");
    }

    #[test]
    fn rfc6749_2_3_1_malformed_basic_credentials_are_invalid_client() {
        let bad = [
            "Basic".to_owned(),
            "Basic !!!".to_owned(),
            "Bearer abc".to_owned(),
            basic_header("no colon"),
            basic_header("shop:%zz"),
            basic_header("shop:%4"),
            basic_header("shop:\0"),
            basic_header(":secret"),
            basic_header("\u{7f}x:secret"),
            format!("Basic {}", STANDARD.encode([0xff, b':', 0xfe])),
        ];
        for header in bad {
            assert_eq!(parse(Some(&header), "").unwrap_err().code, ErrorCode::InvalidClient, "{header}");
        }
    }

    #[test]
    fn rfc6749_2_3_one_method_in_one_request() {
        let header = basic_header("shop:secret");
        let two = [
            (Some(header.as_str()), "client_id=shop&client_secret=secret"),
            (Some(header.as_str()), "client_assertion=a.b.c&client_assertion_type=x"),
            (None, "client_id=shop&client_secret=s&client_assertion=a.b.c"),
            (Some(header.as_str()), "client_id=bank"),
        ];
        for (authorization, form) in two {
            assert_eq!(parse(authorization, form).unwrap_err().code, ErrorCode::InvalidRequest, "{form}");
        }
        // [RFC 6749 §3.2.1] a name alone is a public client's, if there is one of that name.
        assert!(matches!(parse(None, "client_id=shop"), Ok(Credentials::Public { .. })));
        assert_eq!(parse(None, "client_id=shop&client_assertion_type=x").unwrap_err().code, ErrorCode::InvalidClient);
        assert_eq!(parse(None, "").unwrap_err().code, ErrorCode::InvalidClient);
        let assertion = format!("client_assertion=a.b.c&client_assertion_type={ASSERTION_TYPE}");
        assert!(matches!(parse(None, &assertion), Ok(Credentials::Assertion { client: None, .. })));
        assert_eq!(parse(None, "client_assertion=a.b.c").unwrap_err().code, ErrorCode::InvalidClient);
    }
}
