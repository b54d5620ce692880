//! What a service takes, and what it refuses: tokens, paths, headers and bodies, by the specification of each.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::{Response, Version};
use josekit::jwk::KeyPair as _;
use josekit::jws::{ES256, JwsVerifier, RS256};
use serde_json::{Value, json};

use super::{BUNDLE, Body, Double, EMAIL, KEY_ID, PROJECT, Reply, SUBJECT, TEAM, answer, half, operator};

/// The phone's token, the body, and what the app is told.
type Heard = Result<(String, Value, Value), Box<(u16, Value)>>;

fn refused(status: u16, said: Value) -> Heard {
    Err(Box::new((status, said)))
}

/// Header and claims, when the signature is right.
fn verified(jwt: &str, verifier: &dyn JwsVerifier) -> Option<(Value, Value)> {
    let (input, signature) = jwt.rsplit_once('.')?;
    verifier.verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let (head, claims) = input.split_once('.')?;
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    Some((read(head)?, read(claims)?))
}

impl Double {
    /// Google's token endpoint [RFC 7523 §2.1].
    pub(super) async fn token(&self, headers: &HashMap<String, String>, body: &[u8]) -> Response<Body> {
        *self.0.assertions.lock().unwrap() += 1;
        let scripted = self.0.token_replies.lock().unwrap().pop_front();
        match scripted {
            Some(Reply::Says(status, said) | Reply::SaysAfter(status, said, _)) => return answer(status, &[], &said),
            Some(Reply::Later(status, pause)) => {
                return answer(status, &[("retry-after", pause.to_string())], &Value::Null);
            }
            Some(Reply::After(millis)) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Some(Reply::Silence) => tokio::time::sleep(Duration::from_secs(20)).await,
            Some(Reply::Half) => return half(),
            None => {}
        }
        let fields: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
        let verifier = RS256.verifier_from_pem(operator().account.to_pem_public_key()).unwrap();
        let Some((head, claims)) = verified(&fields["assertion"], &verifier) else {
            return answer(400, &[], &json!({ "error": "invalid_grant" }));
        };
        let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        let good = headers["content-type"] == "application/x-www-form-urlencoded"
            && fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            && (&head["alg"], &head["kid"]) == (&json!("RS256"), &json!("account-key"))
            && claims["iss"] == EMAIL
            && claims["aud"] == format!("{}/token", self.0.origin)
            && claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
            && iat < exp
            && exp <= iat + 3600;
        if !good {
            return answer(400, &[], &json!({ "error": "invalid_grant", "claims": claims }));
        }
        let token = format!("ya29.access-{}", self.assertions());
        self.0.access.lock().unwrap().push(token.clone());
        answer(200, &[], &json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" }))
    }

    pub(super) fn fcm(&self, path: &str, authorization: &str, body: &[u8]) -> Heard {
        let access = authorization.strip_prefix("Bearer ").unwrap_or_default();
        if !self.0.access.lock().unwrap().iter().any(|good| good == access) {
            return refused(401, json!({ "error": { "code": 401, "status": "UNAUTHENTICATED" } }));
        }
        assert_eq!(path, format!("/v1/projects/{PROJECT}/messages:send"));
        let body: Value = serde_json::from_slice(body).unwrap();
        let message = &body["message"];
        let texts = message["data"].as_object().unwrap();
        assert!(texts.values().all(Value::is_string), "data are texts alone");
        assert!(message.get("notification").is_none(), "the app shows it, not the system");
        Ok((message["token"].as_str().unwrap().to_owned(), body.clone(), message["data"].clone()))
    }

    pub(super) fn apns(
        &self,
        path: &str,
        headers: &HashMap<String, String>,
        authorization: &str,
        body: &[u8],
        version: Version,
    ) -> Heard {
        if version != Version::HTTP_2 {
            return refused(505, Value::Null);
        }
        let Some(token) = path.strip_prefix("/3/device/") else { return refused(404, json!({ "reason": "BadPath" })) };
        let jwt = authorization.strip_prefix("bearer ").unwrap_or_default();
        let verifier = ES256.verifier_from_pem(operator().team.to_pem_public_key()).unwrap();
        let Some((head, claims)) = verified(jwt, &verifier) else {
            return refused(403, json!({ "reason": "InvalidProviderToken" }));
        };
        if (&head["kid"], &claims["iss"]) != (&json!(KEY_ID), &json!(TEAM)) {
            return refused(403, json!({ "reason": "InvalidProviderToken" }));
        }
        let iat = claims["iat"].as_i64().unwrap();
        let mut providers = self.0.providers.lock().unwrap();
        if !providers.iter().any(|(known, _)| known == jwt) {
            if providers.last().is_some_and(|(_, before)| iat - before < 20 * 60) {
                return refused(429, json!({ "reason": "TooManyProviderTokenUpdates" }));
            }
            providers.push((jwt.to_owned(), iat));
        }
        if headers.get("apns-topic").is_none_or(|topic| topic != BUNDLE) {
            return refused(400, json!({ "reason": "DeviceTokenNotForTopic" }));
        }
        let body: Value = serde_json::from_slice(body).unwrap();
        let kind = (headers["apns-push-type"].as_str(), headers["apns-priority"].as_str());
        let background = body["aps"]["content-available"] == 1;
        let right = if background { ("background", "5") } else { ("alert", "10") };
        if kind != right || (!background && body["aps"]["alert"].is_null()) {
            return refused(400, json!({ "reason": "InvalidPushType" }));
        }
        Ok((token.to_owned(), body.clone(), body["nod"].clone()))
    }

    /// [RFC 8030 §5, RFC 8292 §2]
    pub(super) fn web_push(
        &self,
        path: &str,
        headers: &HashMap<String, String>,
        authorization: &str,
        body: &[u8],
    ) -> Heard {
        let signed = authorization.strip_prefix("vapid ").and_then(|rest| rest.split_once(", "));
        let Some((Some(jwt), Some(key))) = signed.map(|(t, k)| (t.strip_prefix("t="), k.strip_prefix("k="))) else {
            return refused(401, Value::Null);
        };
        let point = URL_SAFE_NO_PAD.decode(key).unwrap();
        let jwk = json!({
            "kty": "EC", "crv": "P-256",
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        });
        let jwk = josekit::jwk::Jwk::from_bytes(jwk.to_string()).unwrap();
        let Some((_, claims)) = verified(jwt, &ES256.verifier_from_jwk(&jwk).unwrap()) else {
            return refused(403, Value::Null);
        };
        if claims["aud"] != self.0.origin.as_str() || claims["sub"] != SUBJECT {
            return refused(403, claims);
        }
        if !headers.contains_key("ttl") || headers.get("content-encoding").is_none_or(|coding| coding != "aes128gcm") {
            return refused(400, Value::Null);
        }
        // [RFC 8030 §5.4]
        if headers.get("topic").is_some_and(|topic| topic.len() > 32) {
            return refused(400, Value::Null);
        }
        let Some(plain) = self.0.browser.opens(body) else { return refused(400, json!("cannot be opened")) };
        let says: Value = serde_json::from_slice(&plain).unwrap();
        Ok((path.to_owned(), says.clone(), says))
    }
}
