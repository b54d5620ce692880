//! What the provider says about itself [OIDC Discovery §4], and whether it fits CIBA in poll mode.

use std::io::Write;

use serde::Deserialize;

use super::report::{Check, Step};
use super::{OAuthError, RelyingParty};
use crate::cli::exchange::{PROMPT, is_secure, send};
use crate::cli::exit::Exit;

const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    issuer: Option<String>,
    token_endpoint: Option<String>,
    backchannel_authentication_endpoint: Option<String>,
    jwks_uri: Option<String>,
    userinfo_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    backchannel_token_delivery_modes_supported: Vec<String>,
    grant_types_supported: Vec<String>,
    id_token_signing_alg_values_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Where to send what.
#[derive(Debug)]
pub(super) struct Provider {
    pub backchannel_authentication_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    pub revocation_endpoint: Option<String>,
    pub id_token_signing_alg_values_supported: Vec<String>,
}

impl<W: Write> RelyingParty<W> {
    pub(super) async fn discover(&mut self) -> Result<Provider, Exit> {
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
        step.checks.extend(metadata.checks(self.issuer.as_str(), self.args.cancel_after.is_some()));
        let fits = !step.checks.iter().any(Check::is_broken);
        self.report.step(step)?;
        metadata
            .provider()
            .filter(|_| fits)
            .ok_or_else(|| Exit::failed("the provider's metadata does not fit: nothing was asked"))
    }
}

impl Metadata {
    fn checks(&self, issuer: &str, withdraws: bool) -> Vec<Check> {
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
            secure("backchannel_authentication_endpoint", &self.backchannel_authentication_endpoint),
            secure("token_endpoint", &self.token_endpoint),
            secure("jwks_uri", &self.jwks_uri),
            supports("poll", &self.backchannel_token_delivery_modes_supported, "poll"),
            supports("grant", &self.grant_types_supported, CIBA_GRANT),
            supports("client_secret_basic", methods.unwrap_or(&basic), "client_secret_basic"),
        ];
        checks.extend(optional("userinfo_endpoint", &self.userinfo_endpoint));
        if withdraws {
            checks.push(secure("revocation_endpoint", &self.revocation_endpoint));
        }
        checks
    }

    fn provider(self) -> Option<Provider> {
        Some(Provider {
            backchannel_authentication_endpoint: self.backchannel_authentication_endpoint?,
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
        let checks = metadata.checks("https://id.example", true);
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
    }
}
