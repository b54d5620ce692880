//! The logout token: word to a relying party that a session of its has ended [BCL §2.4].

use serde::Serialize;

/// `typ` [BCL §2.4]: it must not be taken for an ID token.
pub const TYP: &str = "logout+jwt";

/// The claims of a logout token, dates in seconds. Never a `nonce`, which would make it look like an ID
/// token.
#[derive(Clone, Debug, Serialize)]
pub struct LogoutTokenClaims {
    pub iss: String,
    /// As in the ID tokens of the session.
    pub sub: String,
    pub aud: String,
    pub iat: i64,
    pub exp: i64,
    /// The same when the word is sent again: who has heard it knows it by that.
    pub jti: String,
    /// As in the ID tokens of the session.
    pub sid: String,
    pub events: Events,
}

/// One member, and nothing in it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    backchannel_logout: Nothing,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Nothing {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bcl_2_4_the_claims_have_their_names() {
        let claims = LogoutTokenClaims {
            iss: "https://op.example".into(),
            sub: "alice".into(),
            aud: "shop".into(),
            iat: 1_800_000_000,
            exp: 1_800_000_120,
            jti: "a".into(),
            sid: "b".into(),
            events: Events::default(),
        };
        assert_eq!(
            serde_json::to_value(claims).unwrap(),
            json!({"iss": "https://op.example", "sub": "alice", "aud": "shop", "iat": 1_800_000_000,
                "exp": 1_800_000_120, "jti": "a", "sid": "b",
                "events": {"http://schemas.openid.net/event/backchannel-logout": {}}})
        );
    }
}
