//! The ID token: what happened when a person said yes [OIDCC §2, CIBA §10.1.1].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::id::ClientId;
use super::jwt::{AcceptedTyp, Audience, JwtError, KeySet, NumericDate, Unverified};
use super::token_exchange::Actor;
use crate::clock::Timestamp;

/// `typ` of an ID token: too old a kind to have a name of its own.
pub const TYP: &str = "JWT";

/// The claims of an ID token, dates in seconds. `auth_time`, `acr` and `amr` are those of the
/// moment of approval, not of the moment of issue.
#[derive(Clone, Debug, Serialize)]
pub struct IdTokenClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: i64,
    pub iat: i64,
    pub auth_time: i64,
    pub acr: String,
    /// Values of [RFC 8176 §2].
    pub amr: Vec<String>,
    /// [`at_hash`](super::jwt::at_hash) of the access token issued along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// The same of the code that it came with [OIDCC §3.3.2.11].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub c_hash: Option<String>,
    /// The same of the `state` that it came with [FAPI 1 Advanced §5.1]: whoever changes the answer is noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s_hash: Option<String>,
    /// As it was sent [OIDCC §3.1.2.1].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The session of the browser [BCL §2.1].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Who may be let act for the person [RFC 8693 §4.4].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_act: Option<Actor>,
    /// Ties the token to the request that it answers [CIBA §10.3.1].
    #[serde(rename = "urn:openid:params:jwt:claim:auth_req_id", skip_serializing_if = "Option::is_none")]
    pub auth_req_id: Option<String>,
    /// What `claims` wanted here [OIDCC §5.5], and what `UserInfo` cannot be asked for where there is no access token
    /// [OIDCC §5.4], under names that none of those above has.
    #[serde(flatten)]
    pub requested: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    #[error("id_token_hint: {0}")]
    Token(#[from] JwtError),
    #[error("id_token_hint: issued by somebody else")]
    Issuer,
    #[error("id_token_hint: issued to another client")]
    Audience,
}

/// An ID token of ours that comes back as an `id_token_hint` [CIBA §7.1, OIDCC §3.1.2.1, RIL §2]. It may
/// have expired, and a retired key of ours may have signed it: what counts is that we once issued it. It
/// proves nothing about who sent it.
///
/// What every ID token has [OIDCC §2] must be there: other tokens of ours without a `typ` of their own lack
/// some of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Hint {
    iss: String,
    pub sub: String,
    aud: Audience,
    #[serde(rename = "exp")]
    _exp: NumericDate,
    #[serde(rename = "iat")]
    _iat: NumericDate,
}

impl Hint {
    pub fn read(token: &str, own_keys: &KeySet, issuer: &str) -> Result<Self, HintError> {
        let token = Unverified::parse(token)?;
        // The keys are all ours and each is for one algorithm, so the header may choose among them.
        let verified = own_keys.verify::<Self>(&token, token.algorithm(), AcceptedTyp::AbsentOr(&[TYP]))?;
        let hint = verified.into_claims();
        if hint.iss == issuer { Ok(hint) } else { Err(HintError::Issuer) }
    }

    pub fn is_for(&self, client: &ClientId) -> bool {
        self.aud.contains(client.as_str())
    }

    /// The client that it was issued to. We address each to one alone.
    pub fn client(&self) -> Option<ClientId> {
        match &self.aud {
            Audience::One(client) => ClientId::parse(client),
            Audience::Many(_) => None,
        }
    }
}

/// An ID token that is as good as on its first day: what can be exchanged for an access token [RFC 8693].
#[derive(Clone, Debug, Deserialize)]
pub struct Fresh {
    iss: String,
    pub sub: String,
    aud: Audience,
    exp: NumericDate,
    pub iat: NumericDate,
    pub auth_time: NumericDate,
    pub sid: Option<String>,
}

impl Fresh {
    pub const TYP: AcceptedTyp = AcceptedTyp::AbsentOr(&[TYP]);

    /// For whom it is, and until when. `None`: it is not ours, for nobody alone, or has expired.
    pub fn client(&self, issuer: &str, now: Timestamp) -> Option<(ClientId, Timestamp)> {
        let until = self.exp.timestamp();
        match &self.aud {
            Audience::One(client) if self.iss == issuer && now < until => Some((ClientId::parse(client)?, until)),
            Audience::One(_) | Audience::Many(_) => None,
        }
    }
}

/// Whom an `id_token_hint` names that we issued to this client.
pub fn subject_of_hint(token: &str, own_keys: &KeySet, issuer: &str, client: &ClientId) -> Result<String, HintError> {
    let hint = Hint::read(token, own_keys, issuer)?;
    if hint.is_for(client) { Ok(hint.sub) } else { Err(HintError::Audience) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::jwt::{Algorithm, SigningKey, at_hash};

    const ISSUER: &str = "https://op.example";

    fn shop() -> ClientId {
        ClientId::parse("shop").unwrap()
    }

    fn key() -> SigningKey {
        SigningKey::generate(Algorithm::ES256).unwrap().0
    }

    fn set<const N: usize>(keys: [&SigningKey; N]) -> KeySet {
        keys.into_iter().map(|key| key.verification_key().clone()).collect()
    }

    fn id_token() -> IdTokenClaims {
        IdTokenClaims {
            iss: ISSUER.into(),
            sub: "alice".into(),
            aud: "shop".into(),
            exp: 1_800_000_300,
            iat: 1_800_000_000,
            auth_time: 1_800_000_000,
            acr: "high".into(),
            amr: vec!["hwk".into(), "user".into()],
            at_hash: Some(at_hash(Algorithm::ES256, "token")),
            c_hash: None,
            s_hash: None,
            nonce: None,
            sid: None,
            may_act: None,
            auth_req_id: Some("1c266114".into()),
            requested: Map::new(),
        }
    }

    fn subject(claims: &impl Serialize, key: &SigningKey) -> Result<String, HintError> {
        let token = key.sign(TYP, claims).unwrap();
        subject_of_hint(token.expose(), &set([key]), ISSUER, &shop())
    }

    #[test]
    fn oidcc_2_the_claims_have_their_names_and_absent_ones_are_absent() {
        let claims = serde_json::to_value(id_token()).unwrap();
        assert_eq!(
            claims,
            json!({"iss": ISSUER, "sub": "alice", "aud": "shop", "exp": 1_800_000_300, "iat": 1_800_000_000,
                "auth_time": 1_800_000_000, "acr": "high", "amr": ["hwk", "user"],
                "at_hash": at_hash(Algorithm::ES256, "token"),
                "urn:openid:params:jwt:claim:auth_req_id": "1c266114"})
        );
        let refreshed = serde_json::to_value(IdTokenClaims { auth_req_id: None, ..id_token() }).unwrap();
        assert_eq!(refreshed.as_object().unwrap().len(), 9);
    }

    #[test]
    fn ciba_7_1_our_own_id_token_is_a_hint_even_when_expired() {
        assert_eq!(subject(&id_token(), &key()).unwrap(), "alice");
        assert!(subject(&IdTokenClaims { exp: 1, ..id_token() }, &key()).is_ok());
    }

    #[test]
    fn ciba_7_1_a_retired_key_still_vouches_for_a_hint() {
        let (retired, current) = (key(), key());
        let token = retired.sign(TYP, &id_token()).unwrap();
        let hint = |keys: &KeySet| subject_of_hint(token.expose(), keys, ISSUER, &shop());
        assert!(hint(&set([&current, &retired])).is_ok());
        assert_eq!(hint(&set([&current])).unwrap_err(), HintError::Token(JwtError::UnknownKey));
    }

    #[test]
    fn ciba_7_1_a_hint_issued_to_another_client_is_refused() {
        let other = IdTokenClaims { aud: "other".into(), ..id_token() };
        assert_eq!(subject(&other, &key()).unwrap_err(), HintError::Audience);
    }

    #[test]
    fn ciba_7_1_a_hint_of_another_issuer_is_refused() {
        let foreign = IdTokenClaims { iss: "https://op.example/".into(), ..id_token() };
        assert_eq!(subject(&foreign, &key()).unwrap_err(), HintError::Issuer);
    }

    #[test]
    fn ciba_7_1_a_forged_hint_is_refused() {
        let (ours, attacker) = (key(), key());
        let token = attacker.sign(TYP, &id_token()).unwrap();
        let read = |token: &str| subject_of_hint(token, &set([&ours]), ISSUER, &shop()).unwrap_err();
        assert_eq!(read(token.expose()), HintError::Token(JwtError::UnknownKey));
        let good = ours.sign(TYP, &id_token()).unwrap();
        let (signed, _) = good.expose().rsplit_once('.').unwrap();
        let (_, signature) = token.expose().rsplit_once('.').unwrap();
        assert_eq!(read(&format!("{signed}.{signature}")), HintError::Token(JwtError::Signature));
        assert_eq!(read("alice"), HintError::Token(JwtError::NotCompact));
        let (_, payload) = signed.split_once('.').unwrap();
        assert_eq!(read(&format!("eyJhbGciOiJub25lIn0.{payload}.")), HintError::Token(JwtError::Algorithm));
    }

    #[test]
    fn rfc8725_3_11_another_token_of_ours_is_no_hint() {
        let key = key();
        let typed = |typ: &str, claims: &Value| {
            let token = key.sign(typ, claims).unwrap();
            subject_of_hint(token.expose(), &set([&key]), ISSUER, &shop()).unwrap_err()
        };
        let claims = serde_json::to_value(id_token()).unwrap();
        for typ in ["at+jwt", "logout+jwt"] {
            assert_eq!(typed(typ, &claims), HintError::Token(JwtError::Typ));
        }
        // A signed UserInfo answer has no exp [OIDCC §5.3.2].
        let userinfo = json!({"iss": ISSUER, "sub": "alice", "aud": "shop", "iat": 1});
        assert_eq!(typed("JWT", &userinfo), HintError::Token(JwtError::Claims));
    }
}
