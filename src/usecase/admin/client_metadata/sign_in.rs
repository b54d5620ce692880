//! What a client registers for the authorization endpoint [RFC 7591 §2].

use std::collections::BTreeSet;

use url::Url;

use super::address::{LONGEST, may_be_called};
use super::authentication::NONE;
use super::{ClientMetadata, Problems};
use crate::domain::client::{GrantType, Requests, SignIn};
use crate::outbound::egress::Egress;
use crate::protocol::admin_error::{FieldCode, FieldProblem};
use crate::protocol::algorithm::Algorithm;
use crate::protocol::authorization_details::is_word;
use crate::protocol::authorization_request::ResponseType;
use crate::protocol::encryption::{ContentEncryption, Encryption, KeyManagement};
use crate::protocol::redirect_uri::RedirectUri;
use crate::usecase::admin::policies::policy_id;

pub(in crate::usecase::admin) const NO_POLICY: FieldProblem =
    FieldProblem::new("/sign_on_policy", FieldCode::Unknown, "There is no such sign-on policy.");

/// Each is compared with what a request says, and shown to whoever looks after the client.
const MOST_REDIRECT_URIS: usize = 20;

const ANSWERS: &str = "One of code, id_token, id_token token, code id_token, code token, code id_token token.";

impl ClientMetadata {
    pub(super) fn is_public(&self) -> bool {
        self.token_endpoint_auth_method.as_deref() == Some(NONE)
    }

    /// When no grant is named, what else is said tells what the client is for. [RFC 7591 §2] has
    /// `authorization_code` for everybody; ours ask people on their devices.
    pub(super) fn default_grant(&self) -> GrantType {
        let comes_back = self.redirect_uris.as_ref().is_some_and(|uris| !uris.is_empty());
        if comes_back || self.is_public() { GrantType::AuthorizationCode } else { GrantType::Ciba }
    }

    /// Whether it asks for a grant that keys are good for whatever it authenticates with: they sign requests.
    pub(super) fn signs_requests(&self) -> bool {
        match &self.grant_types {
            Some(names) => names.iter().filter_map(|name| GrantType::parse(name)).any(GrantType::has_signed_requests),
            None => self.default_grant().has_signed_requests(),
        }
    }

    fn binds_tokens(&self) -> bool {
        self.dpop_bound_access_tokens == Some(true) || self.tls_client_certificate_bound_access_tokens == Some(true)
    }

    pub(super) fn sign_in(
        &self,
        grants: &BTreeSet<GrantType>,
        egress: Option<&Egress>,
        problems: &mut Problems,
    ) -> Option<SignIn> {
        if !grants.iter().any(|grant| grant.signs_people_in()) {
            self.no_sign_in(problems);
            return None;
        }
        // [RFC 9700 §2.1.1] recommended for every client; with nothing else that proves who redeems the
        // code, required.
        let require_pkce = self.require_pkce.unwrap_or(true);
        if self.is_public() && !require_pkce {
            problems.add("/require_pkce", FieldCode::NotAllowed, "A public client always needs PKCE.");
        }
        let redirect_uris = self.redirect_uris(problems);
        let logout = self.logout(&redirect_uris, egress, problems);
        let redirectless = self.redirectless.unwrap_or(false);
        let cookieless = self.cookieless.unwrap_or(false);
        if cookieless && !redirectless {
            problems.add("/cookieless", FieldCode::NotAllowed, "Only with redirectless.");
        }
        let policy = self.sign_on_policy.as_deref().map(policy_id);
        if policy == Some(None) {
            problems.0.push(NO_POLICY);
        }
        Some(SignIn {
            redirect_uris,
            post_logout_redirect_uris: addresses(
                "/post_logout_redirect_uris",
                self.post_logout_redirect_uris.as_deref(),
                problems,
            ),
            response_types: self.response_types(grants, problems),
            redirectless,
            cookieless,
            policy: policy.flatten(),
            implied_consent: self.implied_consent.unwrap_or(false),
            require_pkce,
            logout,
            requests: self.requests(egress, problems),
            authorization_signed_response_alg: self.authorization_signed_response_alg(problems),
            authorization_encrypted_response: self.authorization_encrypted_response(problems),
        })
    }

    fn requests(&self, egress: Option<&Egress>, problems: &mut Problems) -> Requests {
        let has_keys = self.jwks.is_some() || self.jwks_uri.is_some();
        let keys = self.signing_keys(egress, problems);
        let signed = self.require_signed_request_object.unwrap_or(false);
        for (pointer, wants_keys) in [
            ("/require_signed_request_object", signed),
            ("/request_object_signing_alg", self.request_object_signing_alg.is_some()),
            ("/request_uris", self.request_uris.as_ref().is_some_and(|uris| !uris.is_empty())),
        ] {
            if wants_keys && !has_keys {
                problems.add(pointer, FieldCode::NotAllowed, "Only with jwks or jwks_uri, to verify with.");
            }
        }
        let signing_alg = self.request_object_signing_alg.as_deref().map(Algorithm::parse);
        if signing_alg == Some(None) {
            let detail = "One of ES256, PS256, RS256, EdDSA.";
            problems.add("/request_object_signing_alg", FieldCode::Invalid, detail);
        }
        Requests {
            pushed: self.require_pushed_authorization_requests.unwrap_or(false),
            signed,
            signing_alg: signing_alg.flatten(),
            keys,
            uris: self.request_uris(egress, problems),
            details: self.details(problems),
        }
    }

    /// Where request objects are, compared as text. A fragment tells versions apart [OIDCR §2].
    fn request_uris(&self, egress: Option<&Egress>, problems: &mut Problems) -> Vec<String> {
        let given = self.request_uris.as_deref().unwrap_or_default();
        if given.len() > MOST_REDIRECT_URIS {
            problems.add("/request_uris", FieldCode::TooLong, "At most 20.");
            return Vec::new();
        }
        for (at, text) in given.iter().enumerate() {
            let admitted = Url::parse(text).is_ok_and(|mut url| {
                url.set_fragment(None);
                may_be_called(&url, egress)
            });
            if !admitted || text.len() > LONGEST {
                let detail = "An https URL of at most 400 characters that leads to a public address.";
                problems.add_to(format!("/request_uris/{at}"), FieldCode::Invalid, detail);
            }
        }
        given.to_vec()
    }

    /// Which of them the server knows, it says at the request: that is a setting of its own.
    fn details(&self, problems: &mut Problems) -> Vec<String> {
        let given = self.authorization_details_types.as_deref().unwrap_or_default();
        for (at, text) in given.iter().enumerate() {
            if !is_word(text) || at >= MOST_REDIRECT_URIS {
                let detail = "At most 20, each of 1 to 64 letters, digits and -._/.";
                problems.add_to(format!("/authorization_details_types/{at}"), FieldCode::Invalid, detail);
            }
        }
        given.to_vec()
    }

    fn authorization_signed_response_alg(&self, problems: &mut Problems) -> Option<Algorithm> {
        let text = self.authorization_signed_response_alg.as_deref()?;
        let alg = Algorithm::parse(text).filter(|alg| Algorithm::SIGNING.contains(alg));
        if alg.is_none() {
            let detail = "One of ES256, PS256, RS256.";
            problems.add("/authorization_signed_response_alg", FieldCode::Invalid, detail);
        }
        alg
    }

    /// [JARM §3] `enc` alone says nothing, and nothing is encrypted for whoever has no key.
    fn authorization_encrypted_response(&self, problems: &mut Problems) -> Option<Encryption> {
        const ALG: &str = "/authorization_encrypted_response_alg";
        const ENC: &str = "/authorization_encrypted_response_enc";
        let enc = self.authorization_encrypted_response_enc.as_deref();
        let Some(alg) = self.authorization_encrypted_response_alg.as_deref() else {
            if enc.is_some() {
                problems.add(ENC, FieldCode::NotAllowed, "Only with authorization_encrypted_response_alg.");
            }
            return None;
        };
        let enc = enc.map_or(Some(ContentEncryption::default()), ContentEncryption::parse);
        if enc.is_none() {
            problems.add(ENC, FieldCode::Invalid, "One of A128CBC-HS256, A128GCM, A256GCM.");
        }
        let alg = KeyManagement::parse(alg);
        match alg {
            None => problems.add(ALG, FieldCode::Invalid, "ECDH-ES or RSA-OAEP-256."),
            Some(alg) if !self.can_be_encrypted_for(alg) => {
                problems.add(ALG, FieldCode::NotAllowed, "Only with jwks or jwks_uri, with a key for it.");
            }
            Some(_) => {}
        }
        Some(Encryption { alg: alg?, enc: enc? })
    }

    /// An empty list and a flag that is off say nothing: a registration for CIBA may have them [CIBA §4].
    fn no_sign_in(&self, problems: &mut Problems) {
        let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
        for (pointer, present) in [
            ("/redirect_uris", some(&self.redirect_uris)),
            ("/post_logout_redirect_uris", some(&self.post_logout_redirect_uris)),
            ("/backchannel_logout_uri", self.backchannel_logout_uri.is_some()),
            ("/backchannel_logout_session_required", self.backchannel_logout_session_required == Some(true)),
            ("/frontchannel_logout_uri", self.frontchannel_logout_uri.is_some()),
            ("/frontchannel_logout_session_required", self.frontchannel_logout_session_required == Some(true)),
            ("/response_types", some(&self.response_types)),
            ("/redirectless", self.redirectless == Some(true)),
            ("/cookieless", self.cookieless == Some(true)),
            ("/sign_on_policy", self.sign_on_policy.is_some()),
            ("/implied_consent", self.implied_consent == Some(true)),
            ("/require_pkce", self.require_pkce == Some(true)),
            ("/require_pushed_authorization_requests", self.require_pushed_authorization_requests == Some(true)),
            ("/require_signed_request_object", self.require_signed_request_object == Some(true)),
            ("/request_object_signing_alg", self.request_object_signing_alg.is_some()),
            ("/request_uris", some(&self.request_uris)),
            ("/authorization_details_types", some(&self.authorization_details_types)),
            ("/authorization_signed_response_alg", self.authorization_signed_response_alg.is_some()),
            ("/authorization_encrypted_response_alg", self.authorization_encrypted_response_alg.is_some()),
            ("/authorization_encrypted_response_enc", self.authorization_encrypted_response_enc.is_some()),
        ] {
            if present {
                problems.add(pointer, FieldCode::NotAllowed, "Only with the authorization_code or the implicit grant.");
            }
        }
    }

    fn redirect_uris(&self, problems: &mut Problems) -> Vec<RedirectUri> {
        if self.redirect_uris.as_ref().is_none_or(Vec::is_empty) {
            problems.add(
                "/redirect_uris",
                FieldCode::Required,
                "Who signs people in needs somewhere for them to come back to.",
            );
        }
        addresses("/redirect_uris", self.redirect_uris.as_deref(), problems)
    }

    fn response_types(&self, grants: &BTreeSet<GrantType>, problems: &mut Problems) -> Vec<ResponseType> {
        let Some(given) = &self.response_types else {
            if !grants.contains(&GrantType::AuthorizationCode) {
                problems.add("/response_types", FieldCode::Required, "Without authorization_code, code is no default.");
            }
            return vec![ResponseType::Code];
        };
        if given.is_empty() {
            problems.add("/response_types", FieldCode::Required, "Who signs people in needs an answer.");
        }
        let mut parsed = Vec::new();
        for (at, text) in given.iter().enumerate() {
            let mut problem = |code, detail| problems.add_to(format!("/response_types/{at}"), code, detail);
            match ResponseType::of(text) {
                None => problem(FieldCode::Invalid, ANSWERS),
                Some(kind) if parsed.contains(&kind) => problem(FieldCode::Invalid, "It is there twice."),
                // [RFC 7591 §2.1] one goes with the other.
                Some(kind) if !GrantType::of(kind).all(|grant| grants.contains(&grant)) => problem(
                    FieldCode::NotAllowed,
                    "code needs the authorization_code grant, id_token and token the implicit one.",
                ),
                // [RFC 9449 §5.2, RFC 8705 §3.4] what comes through the browser is bound to nothing.
                Some(kind) if kind.has_token() && self.binds_tokens() => {
                    problem(
                        FieldCode::NotAllowed,
                        "No token where access tokens are always bound to a key or certificate.",
                    );
                }
                Some(kind) => parsed.push(kind),
            }
        }
        parsed
    }
}

/// Addresses that a browser may be sent to. `pointer`: where they stand.
fn addresses(pointer: &'static str, given: Option<&[String]>, problems: &mut Problems) -> Vec<RedirectUri> {
    let given = given.unwrap_or_default();
    if given.len() > MOST_REDIRECT_URIS {
        problems.add(pointer, FieldCode::TooLong, "At most 20.");
        return Vec::new();
    }
    let mut parsed: Vec<RedirectUri> = Vec::new();
    for (at, text) in given.iter().enumerate() {
        match RedirectUri::parse(text) {
            Ok(uri) if parsed.contains(&uri) => {
                problems.add_to(format!("{pointer}/{at}"), FieldCode::Invalid, "It is there twice.");
            }
            Ok(uri) => parsed.push(uri),
            Err(why) => problems.add_to(format!("{pointer}/{at}"), FieldCode::Invalid, why),
        }
    }
    parsed
}
