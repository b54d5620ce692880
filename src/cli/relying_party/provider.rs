//! What the provider says about itself [OIDC Discovery §4], and whether it fits what is tested.

use std::io::Write;

use serde::Deserialize;

use super::report::{Check, Step};
use super::{OAuthError, RelyingParty};
use crate::cli::exchange::{PROMPT, is_secure, send};
use crate::cli::exit::Exit;

const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What is tested, and so has to be there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Needs {
    Ciba { withdraws: bool },
    Login,
    Logout,
    Device,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    issuer: Option<String>,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    backchannel_authentication_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    jwks_uri: Option<String>,
    userinfo_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    backchannel_token_delivery_modes_supported: Vec<String>,
    response_types_supported: Vec<String>,
    code_challenge_methods_supported: Vec<String>,
    authorization_response_iss_parameter_supported: bool,
    grant_types_supported: Vec<String>,
    id_token_signing_alg_values_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Where to send what.
#[derive(Debug)]
pub(super) struct Provider {
    /// Where what is tested begins.
    pub begins_at: String,
    pub end_session_endpoint: Option<String>,
    /// [RFC 9207 §3]
    pub answers_with_iss: bool,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    pub revocation_endpoint: Option<String>,
    pub id_token_signing_alg_values_supported: Vec<String>,
}

impl<W: Write, A> RelyingParty<W, A> {
    pub(super) async fn discover(&mut self, needs: Needs) -> Result<Provider, Exit> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer);
        let answer = send(self.http.get(&url), PROMPT).await.map_err(|error| self.unanswered(&error))?;
        let mut step = Step::new("discovery", &answer);
        let metadata = answer.json::<Metadata>().filter(|_| answer.is_json() && answer.status == 200);
        let Some(metadata) = metadata else {
            step.said = answer.json::<OAuthError>().map(|error| error.to_line()).unwrap_or_default();
            step.checks.push(Check::failed("metadata", "no metadata document"));
            self.report.step(step)?;
            return Err(Exit::failed(format!("{} is no OpenID Provider", self.issuer)));
        };
        step.checks.extend(metadata.checks(self.issuer.as_str(), needs));
        let fits = !step.checks.iter().any(Check::is_broken);
        self.report.step(step)?;
        metadata
            .provider(needs)
            .filter(|_| fits)
            .ok_or_else(|| Exit::failed("the provider's metadata does not fit: nothing was asked"))
    }
}

impl Metadata {
    fn checks(&self, issuer: &str, needs: Needs) -> Vec<Check> {
        let secure = |name, url: &Option<String>| match url {
            None => Check::failed(name, "missing"),
            // The client's secret, or the keys that we believe, go over it.
            Some(url) => Check::that(name, is_secure(url), || url.clone()),
        };
        let optional = |name, url: &Option<String>| url.as_ref().map(|_| secure(name, url));
        let supports = |name, list: &[String], value| {
            Check::that(name, list.iter().any(|one| one == value), || format!("no {value}: {}", list.join(" ")))
        };
        // [OIDC Discovery §3] absent means client_secret_basic.
        let methods = self.token_endpoint_auth_methods_supported.as_deref();
        let basic = ["client_secret_basic".to_owned()];
        let mut checks = vec![
            // [OIDC Discovery §4.3] byte for byte: else one issuer speaks in another's name.
            Check::that("issuer", self.issuer.as_deref() == Some(issuer), || {
                self.issuer.clone().unwrap_or_else(|| "missing".to_owned())
            }),
        ];
        let (name, begins_at) = self.begins_at(needs);
        checks.push(secure(name, begins_at));
        checks.push(secure("token_endpoint", &self.token_endpoint));
        checks.push(secure("jwks_uri", &self.jwks_uri));
        match needs {
            Needs::Ciba { .. } => checks.extend([
                supports("poll", &self.backchannel_token_delivery_modes_supported, "poll"),
                supports("grant", &self.grant_types_supported, CIBA_GRANT),
            ]),
            Needs::Device => checks.push(supports("grant", &self.grant_types_supported, DEVICE_GRANT)),
            Needs::Login | Needs::Logout => checks.extend([
                supports("code", &self.response_types_supported, "code"),
                supports("S256", &self.code_challenge_methods_supported, "S256"),
            ]),
        }
        checks.push(supports("client_secret_basic", methods.unwrap_or(&basic), "client_secret_basic"));
        checks.extend(optional("userinfo_endpoint", &self.userinfo_endpoint));
        match needs {
            Needs::Ciba { withdraws: true } => checks.push(secure("revocation_endpoint", &self.revocation_endpoint)),
            // The ID token goes along.
            Needs::Logout => checks.push(secure("end_session_endpoint", &self.end_session_endpoint)),
            Needs::Ciba { withdraws: false } | Needs::Login | Needs::Device => {}
        }
        checks
    }

    fn begins_at(&self, needs: Needs) -> (&'static str, &Option<String>) {
        match needs {
            Needs::Ciba { .. } => ("backchannel_authentication_endpoint", &self.backchannel_authentication_endpoint),
            Needs::Device => ("device_authorization_endpoint", &self.device_authorization_endpoint),
            Needs::Login | Needs::Logout => ("authorization_endpoint", &self.authorization_endpoint),
        }
    }

    fn provider(self, needs: Needs) -> Option<Provider> {
        Some(Provider {
            begins_at: self.begins_at(needs).1.clone()?,
            end_session_endpoint: self.end_session_endpoint,
            answers_with_iss: self.authorization_response_iss_parameter_supported,
            token_endpoint: self.token_endpoint?,
            jwks_uri: self.jwks_uri?,
            userinfo_endpoint: self.userinfo_endpoint,
            revocation_endpoint: self.revocation_endpoint,
            id_token_signing_alg_values_supported: self.id_token_signing_alg_values_supported,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        let at = |path: &str| Some(format!("https://id.example{path}"));
        Metadata {
            issuer: at(""),
            token_endpoint: at("/token"),
            backchannel_authentication_endpoint: at("/bc"),
            jwks_uri: at("/jwks"),
            backchannel_token_delivery_modes_supported: vec!["poll".to_owned()],
            grant_types_supported: vec![CIBA_GRANT.to_owned()],
            ..Metadata::default()
        }
    }

    fn broken(metadata: &Metadata) -> Vec<&'static str> {
        lacking(metadata, Needs::Ciba { withdraws: true })
    }

    fn lacking(metadata: &Metadata, needs: Needs) -> Vec<&'static str> {
        let checks = metadata.checks("https://id.example", needs);
        checks.iter().filter(|check| check.is_broken()).map(Check::name).collect()
    }

    #[test]
    fn a_provider_has_to_fit() {
        assert_eq!(broken(&metadata()), ["revocation_endpoint"]);
        let revokes = || Metadata { revocation_endpoint: metadata().token_endpoint, ..metadata() };
        assert_eq!(broken(&revokes()), [""; 0]);
        assert_eq!(broken(&Metadata { issuer: Some("https://id.example/".to_owned()), ..revokes() }), ["issuer"]);
        assert_eq!(
            broken(&Metadata { jwks_uri: Some("http://id.example/jwks".to_owned()), ..revokes() }),
            ["jwks_uri"]
        );
        assert_eq!(broken(&Metadata { userinfo_endpoint: Some("/me".to_owned()), ..revokes() }), ["userinfo_endpoint"]);
        let only_keys = Some(vec!["private_key_jwt".to_owned()]);
        let only_keys = Metadata { token_endpoint_auth_methods_supported: only_keys, ..revokes() };
        assert_eq!(broken(&only_keys), ["client_secret_basic"]);
        let all = broken(&Metadata::default());
        assert_eq!(all.len(), 7, "{all:?}");
        let nothing = Metadata::default();
        let always = ["issuer", "token_endpoint", "jwks_uri"];
        for (needs, own) in [
            (Needs::Login, &["authorization_endpoint", "code", "S256"][..]),
            (Needs::Logout, &["authorization_endpoint", "code", "S256", "end_session_endpoint"]),
            (Needs::Device, &["device_authorization_endpoint", "grant"]),
        ] {
            let mut lacking = lacking(&nothing, needs);
            lacking.retain(|name| !always.contains(name));
            assert_eq!(lacking, own, "{needs:?}");
        }
    }
}
