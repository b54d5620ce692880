//! What a ping client is recognised by when it is told [CIBA §7.1, §10.2].

use super::error::Refusal;
use super::parameters::Parameters;
use crate::secret::Secret;

/// `client_notification_token`: made by the client, and sent back to it as a bearer token.
#[derive(Clone, Debug)]
pub struct ClientNotificationToken(Secret<String>);

/// [CIBA §7.1]
const LONGEST: usize = 1024;

impl ClientNotificationToken {
    /// For a client that cannot do without [CIBA §7.1].
    pub fn required(parameters: &Parameters) -> Result<Self, Refusal> {
        let text = parameters
            .get("client_notification_token")
            .ok_or(Refusal::invalid_request("client_notification_token is required of a client in ping mode."))?;
        Self::parse(text).ok_or(Refusal::invalid_request(
            "client_notification_token is not a bearer token of at most 1024 characters.",
        ))
    }

    /// `b64token` [RFC 6750 §2.1]: what goes into a header as it is.
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.trim_end_matches('=');
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        let fits = !body.is_empty() && text.len() <= LONGEST && body.bytes().all(allowed);
        fits.then(|| Self(Secret::new(text.to_owned())))
    }

    pub const fn expose(&self) -> &Secret<String> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6750_2_1_it_goes_into_a_header_as_it_is() {
        let longest = "x".repeat(1024);
        for good in ["a", "8d67dc78-7faa-4d41-aabd-67707b374255", "AZaz09-._~+/==", &longest] {
            let token = ClientNotificationToken::parse(good).unwrap();
            assert_eq!(token.expose().expose(), good);
            assert_eq!(format!("{token:?}"), "ClientNotificationToken([redacted])");
        }
        let longer = "x".repeat(1025);
        for bad in ["", "=", "==", "a b", "a=b", " a", "a\r\nx: y", "a\n", "ü", "a,b", "a\"", "a\0", &longer] {
            assert!(ClientNotificationToken::parse(bad).is_none(), "{bad:?}");
        }
    }
}
