//! What came back, believed only as far as it proves itself [OIDC Core §3.1.3.7, §5.3.2].

use std::io::Write;
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use serde::Deserialize;

use super::provider::Provider;
use super::report::{Check, Step};
use super::{OAuthError, RelyingParty};
use crate::cli::exchange::{Answer, PROMPT, send};
use crate::cli::exit::Exit;
use crate::cli::terminal::safe;
use crate::clock::Timestamp;
use crate::protocol::jwt::{AcceptedTyp, Audience, JwtError, KeySet, NumericDate, Unverified, at_hash};

/// Two clocks need not agree to the second.
const SKEW: Duration = Duration::from_secs(60);

/// [RFC 6749 §5.1, OIDC Core §3.1.3.3]
#[derive(Deserialize)]
pub(super) struct TokenResponse {
    access_token: String,
    token_type: String,
    expires_in: Option<u64>,
    id_token: String,
    refresh_token: Option<String>,
}

impl TokenResponse {
    pub(super) fn id_token(&self) -> &str {
        &self.id_token
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        let mut checks = vec![
            Check::that("access_token", !self.access_token.is_empty(), || "empty".to_owned()),
            Check::that("id_token", !self.id_token.is_empty(), || "empty".to_owned()),
        ];
        checks.extend(self.refresh_token.as_ref().map(|_| Check::passed("refresh_token")));
        checks.push(Check::that("Bearer", self.token_type.eq_ignore_ascii_case("bearer"), || self.token_type.clone()));
        checks.push(match self.expires_in {
            Some(seconds) => Check::that("expires_in", seconds > 0, || "0".to_owned()),
            None => Check::absent("expires_in"),
        });
        checks
    }
}

/// The claims of an ID token that we look at.
#[derive(Debug, Deserialize)]
struct IdToken {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    nonce: Option<String>,
    exp: NumericDate,
    iat: NumericDate,
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    at_hash: Option<String>,
    /// [CIBA §10.3.1]
    #[serde(rename = "urn:openid:params:jwt:claim:auth_req_id")]
    auth_req_id: Option<String>,
}

/// What ties an ID token to what was asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ties<'a> {
    /// Which a provider need not say [CIBA §10.3.1].
    pub(super) auth_req_id: Option<&'a str>,
    /// Which it has to [OIDC Core §3.1.3.7] step 11.
    pub(super) nonce: Option<&'a str>,
}

/// What the ID token has to say.
struct Expected<'a> {
    issuer: &'a str,
    client_id: &'a str,
    ties: Ties<'a>,
    at_hash: String,
    now: Timestamp,
}

impl<W: Write, A> RelyingParty<W, A> {
    pub(super) async fn check_tokens(
        &mut self,
        provider: &Provider,
        ties: Ties<'_>,
        tokens: &TokenResponse,
    ) -> Result<(), Exit> {
        let answer = send(self.http.get(&provider.jwks_uri), PROMPT).await.map_err(|error| self.unanswered(&error))?;
        let mut step = Step::new("jwks", &answer);
        let keys = KeySet::parse(answer.body()).ok().filter(|_| answer.status == 200);
        let Some(keys) = keys else {
            step.checks.push(Check::failed("keys", "not a JWK Set"));
            self.report.step(step)?;
            return Err(Exit::failed("the tokens cannot be checked without the provider's keys"));
        };
        let claims = match verify(&tokens.id_token, &keys, &provider.id_token_signing_alg_values_supported) {
            Ok((claims, algorithm)) => {
                step.said = format!("{algorithm}");
                step.checks.push(Check::passed("signature"));
                let expected = Expected {
                    issuer: self.issuer.as_str(),
                    client_id: &self.client_id,
                    ties,
                    at_hash: at_hash(algorithm, &tokens.access_token),
                    now: self.clock.now(),
                };
                step.checks.extend(claims.checks(&expected));
                let acr = claims.acr.as_deref().map_or_else(|| "none".to_owned(), safe);
                step.notes.push(format!("acr {acr}  amr [{}]", safe(&claims.amr.join(", "))));
                Some(claims)
            }
            Err(why) => {
                step.checks.push(Check::failed("signature", why));
                None
            }
        };
        self.report.step(step)?;
        if let (Some(claims), Some(endpoint)) = (claims, &provider.userinfo_endpoint) {
            self.check_userinfo(endpoint, tokens, &claims.sub).await?;
        }
        Ok(())
    }

    async fn check_userinfo(&mut self, endpoint: &str, tokens: &TokenResponse, sub: &str) -> Result<(), Exit> {
        #[derive(Deserialize)]
        struct UserInfo {
            sub: String,
            preferred_username: Option<String>,
            name: Option<String>,
        }
        let answer = self.userinfo(endpoint, tokens).await?;
        let mut step = Step::new("userinfo", &answer);
        if let Some(info) = answer.json::<UserInfo>().filter(|_| answer.is_json() && answer.status == 200) {
            // [OIDC Core §5.3.2] else the claims may be somebody else's.
            step.checks.push(Check::that("sub", info.sub == sub, || info.sub.clone()));
            step.said = info.preferred_username.or(info.name).as_deref().map(safe).unwrap_or_default();
        } else {
            step.said = answer.json::<OAuthError>().map(|error| error.to_line()).unwrap_or_default();
            step.checks.push(Check::failed("claims", "no claims"));
        }
        self.report.step(step)?;
        Ok(())
    }

    pub(super) async fn userinfo(&self, endpoint: &str, tokens: &TokenResponse) -> Result<Answer, Exit> {
        let bearer = reqwest::header::HeaderValue::from_str(&format!("Bearer {}", tokens.access_token));
        let Ok(mut bearer) = bearer else {
            return Err(Exit::failed("the access token is not one that a header can carry"));
        };
        bearer.set_sensitive(true);
        let request = self.http.get(endpoint).header(AUTHORIZATION, bearer);
        send(request, PROMPT).await.map_err(|error| self.unanswered(&error))
    }
}

/// The signature first: the claims are nobody's before. Which algorithm it may be is what the
/// provider has published, not what the token says of itself [RFC 8725 §3.1].
fn verify(
    id_token: &str,
    keys: &KeySet,
    algorithms: &[String],
) -> Result<(IdToken, crate::protocol::algorithm::Algorithm), String> {
    let token = Unverified::parse(id_token).map_err(|error| error.to_string())?;
    let algorithm = token.algorithm();
    if !algorithms.iter().any(|published| published == algorithm.as_str()) {
        return Err(format!("{algorithm} is not in id_token_signing_alg_values_supported"));
    }
    let verified = keys.verify::<IdToken>(&token, algorithm, AcceptedTyp::AbsentOr(&["JWT"]));
    let verified = verified.map_err(|error: JwtError| error.to_string())?;
    Ok((verified.into_claims(), algorithm))
}

impl IdToken {
    fn checks(&self, expected: &Expected<'_>) -> Vec<Check> {
        let Expected { issuer, client_id, ties, at_hash, now } = expected;
        let optional = |name, found: &Option<String>, wanted: &str| match found {
            None => Check::absent(name),
            // Not what was found: it may be another request's handle.
            Some(found) => Check::that(name, found == wanted, || "another one".to_owned()),
        };
        // [OIDC Core §3.1.3.7] step 3: an audience besides us is one that we would have to trust.
        let (audience, addressed) = match &self.aud {
            Audience::One(one) => (one.clone(), one == client_id),
            Audience::Many(many) => (many.join(" "), many.iter().all(|one| one == client_id) && !many.is_empty()),
        };
        let mut checks = vec![
            Check::that("iss", self.iss == *issuer, || self.iss.clone()),
            Check::that("aud", addressed, || audience),
            Check::that("sub", !self.sub.is_empty() && self.sub.len() <= 255, || self.sub.clone()),
            Check::that("exp", self.exp.timestamp() + SKEW > *now, || self.exp.timestamp().to_string()),
            Check::that("iat", self.iat.timestamp() <= *now + SKEW, || self.iat.timestamp().to_string()),
        ];
        if self.azp.is_some() {
            checks.push(optional("azp", &self.azp, client_id));
        }
        checks.push(optional("at_hash", &self.at_hash, at_hash));
        checks.extend(ties.auth_req_id.map(|asked| optional("auth_req_id", &self.auth_req_id, asked)));
        checks.extend(ties.nonce.map(|sent| {
            Check::that("nonce", self.nonce.as_deref() == Some(sent), || {
                if self.nonce.is_some() { "another one" } else { "missing" }.to_owned()
            })
        }));
        checks
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_772_366_400);

    fn broken(change: impl FnOnce(&mut serde_json::Value)) -> Vec<&'static str> {
        let mut claims = json!({
            "iss": "https://id.example",
            "sub": "alice",
            "aud": "shop",
            "exp": NOW.seconds() + 300,
            "iat": NOW.seconds(),
            "at_hash": "hash",
            "nonce": "n",
            "urn:openid:params:jwt:claim:auth_req_id": "id",
        });
        change(&mut claims);
        let claims: IdToken = serde_json::from_value(claims).unwrap();
        let expected = Expected {
            issuer: "https://id.example",
            client_id: "shop",
            ties: Ties { auth_req_id: Some("id"), nonce: Some("n") },
            at_hash: "hash".to_owned(),
            now: NOW,
        };
        let checks = claims.checks(&expected);
        checks.iter().filter(|check| check.is_broken()).map(Check::name).collect()
    }

    #[test]
    fn oidc_core_3_1_3_7_each_claim_is_checked() {
        assert_eq!(broken(|_| {}), [""; 0]);
        assert_eq!(broken(|claims| claims["iss"] = json!("https://id.example/")), ["iss"]);
        assert_eq!(broken(|claims| claims["aud"] = json!("bank")), ["aud"]);
        assert_eq!(broken(|claims| claims["aud"] = json!(["shop", "bank"])), ["aud"]);
        assert_eq!(broken(|claims| claims["aud"] = json!([])), ["aud"]);
        assert_eq!(broken(|claims| claims["aud"] = json!(["shop"])), [""; 0]);
        assert_eq!(broken(|claims| claims["sub"] = json!("")), ["sub"]);
        assert_eq!(broken(|claims| claims["exp"] = json!(NOW.seconds() - 60)), ["exp"]);
        assert_eq!(broken(|claims| claims["iat"] = json!(NOW.seconds() + 61)), ["iat"]);
        assert_eq!(broken(|claims| claims["azp"] = json!("bank")), ["azp"]);
        assert_eq!(broken(|claims| claims["at_hash"] = json!("other")), ["at_hash"]);
        let name = "urn:openid:params:jwt:claim:auth_req_id";
        assert_eq!(broken(|claims| claims[name] = json!("other")), ["auth_req_id"]);
        // [OIDC Core §3.1.3.7] step 11: one that was sent has to come back.
        assert_eq!(broken(|claims| claims["nonce"] = json!("other")), ["nonce"]);
        assert_eq!(broken(|claims| drop(claims.as_object_mut().unwrap().remove("nonce"))), ["nonce"]);
        // Both are for push mode only [CIBA §10.3.1].
        assert_eq!(broken(|claims| drop(claims.as_object_mut().unwrap().remove(name))), [""; 0]);
    }
}
