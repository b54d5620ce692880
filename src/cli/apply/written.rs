//! Clients and people as the file has them: what is compared is what is written.

use std::fmt::Write as _;

use super::parts::{Kind, settings_fields};
use super::sign_on::There;
use crate::domain::client::{
    AccessTokenFormat, Authentication, Backchannel, Client, Delivery, GrantType, KeySource, Logout, LogoutUri,
    NumberMatching, Pages, Requests, SignIn,
};
use crate::domain::user::{Status, User};
use crate::protocol::client_certificate::CertificateSubject;
use crate::protocol::encryption::Encryption;
use crate::protocol::redirect_uri::RedirectUri;
use crate::usecase::admin::client_metadata::subject_type;
use crate::usecase::certificates::{OF_AN_AUTHORITY, SELF_SIGNED};

/// Names and values, as TOML writes them.
pub(super) type Fields = Vec<(&'static str, String)>;

pub(super) fn user_fields(user: &User) -> Fields {
    fields_of_user(user.name.as_deref(), user.email.as_deref(), user.email_verified, user.status)
}

pub(super) fn fields_of_user(name: Option<&str>, email: Option<&str>, email_verified: bool, status: Status) -> Fields {
    let mut fields = Vec::new();
    fields.extend(name.map(|name| ("name", quoted(name))));
    fields.extend(email.map(|email| ("email", quoted(email))));
    fields.push(("email_verified", email_verified.to_string()));
    fields.push((
        "status",
        quoted(match status {
            Status::Active => "active",
            Status::Locked => "locked",
            Status::Disabled => "disabled",
        }),
    ));
    fields
}

pub(super) fn client_fields(client: &Client) -> Fields {
    let mut fields = vec![("name", quoted(&client.name)), ("disabled", client.disabled.to_string())];
    let Pages { client_uri, logo_uri, policy_uri, tos_uri } = client.read_about();
    let pages = [("client_uri", client_uri), ("logo_uri", logo_uri), ("policy_uri", policy_uri), ("tos_uri", tos_uri)];
    fields.extend(pages.into_iter().filter_map(|(name, uri)| Some((name, quoted(&uri?)))));
    match &client.authentication {
        Authentication::None => fields.push(("auth", quoted("none"))),
        Authentication::ClientSecretBasic(_) => fields.push(("auth", quoted("client_secret_basic"))),
        Authentication::ClientSecretPost(_) => fields.push(("auth", quoted("client_secret_post"))),
        Authentication::PrivateKeyJwt { alg, .. } => {
            fields.push(("auth", quoted("private_key_jwt")));
            fields.extend(alg.map(|alg| ("auth_alg", quoted(alg.as_str()))));
        }
        Authentication::TlsClientAuth(subject) => {
            fields.push(("auth", quoted(OF_AN_AUTHORITY)));
            fields.push(match subject {
                CertificateSubject::SubjectDn(name) => ("tls_client_auth_subject_dn", quoted(name.as_str())),
                CertificateSubject::SanDns(name) => ("tls_client_auth_san_dns", quoted(name)),
                CertificateSubject::SanUri(uri) => ("tls_client_auth_san_uri", quoted(uri)),
                CertificateSubject::SanIp(address) => ("tls_client_auth_san_ip", quoted(&address.to_string())),
                CertificateSubject::SanEmail(email) => ("tls_client_auth_san_email", quoted(email)),
            });
        }
        Authentication::SelfSignedTlsClientAuth { .. } => fields.push(("auth", quoted(SELF_SIGNED))),
    }
    fields.extend(client.keys().map(|keys| match keys {
        KeySource::Jwks(set) => ("jwks", quoted(&set.to_string())),
        KeySource::JwksUri(uri) => ("jwks_uri", quoted(uri)),
    }));
    let grants = client.grants.iter().map(|grant| match grant {
        GrantType::AuthorizationCode => "authorization_code",
        GrantType::Implicit => "implicit",
        GrantType::Ciba => "ciba",
        GrantType::RefreshToken => "refresh_token",
        GrantType::ClientCredentials => "client_credentials",
        GrantType::DeviceCode => "device_code",
        GrantType::TokenExchange => "token_exchange",
    });
    fields.push(("grants", list(grants)));
    fields.push(("scope", quoted(&client.scope.to_string())));
    fields.push(("id_token_alg", quoted(client.id_token_signed_response_alg.as_str())));
    fields.push((
        "access_token",
        quoted(match client.access_token_format {
            AccessTokenFormat::Jwt => "jwt",
            AccessTokenFormat::Opaque => "opaque",
        }),
    ));
    let servers = [("resources", &client.resources), ("protected_resources", &client.protected_resources)];
    let named = servers.into_iter().filter(|(_, uris)| !uris.is_empty());
    fields.extend(named.map(|(name, uris)| (name, list(uris.iter().map(String::as_str)))));
    fields.extend(client.userinfo_signed_response_alg.map(|alg| ("userinfo_alg", quoted(alg.as_str()))));
    fields.extend(client.introspection_signed_response_alg.map(|alg| ("introspection_alg", quoted(alg.as_str()))));
    fields.push(("dpop_bound_access_tokens", client.dpop_bound_access_tokens.to_string()));
    let bound = client.tls_client_certificate_bound_access_tokens;
    fields.push(("tls_client_certificate_bound_access_tokens", bound.to_string()));
    if let Some(exchange) = &client.token_exchange {
        fields.push(("token_exchange_audiences", list(exchange.audiences.iter().map(String::as_str))));
        fields.push(("token_exchange_impersonation", exchange.impersonation.to_string()));
    }
    fields.extend(client.security_profile.map(|profile| ("security_profile", quoted(profile.as_str()))));
    fields.extend(client.may_act.as_ref().map(|actor| ("may_act", quoted(actor.as_str()))));
    if let Some(sector) = &client.pairwise {
        fields.push(("subject_type", quoted(subject_type(client))));
        fields.extend(sector.uri.as_ref().map(|uri| ("sector_identifier_uri", quoted(uri))));
    }
    if let Some(sign_in) = &client.sign_in {
        fields.push(("redirect_uris", list(sign_in.redirect_uris.iter().map(RedirectUri::as_str))));
        fields.push((
            "post_logout_redirect_uris",
            list(sign_in.post_logout_redirect_uris.iter().map(RedirectUri::as_str)),
        ));
        let Logout { backchannel, frontchannel } = &sign_in.logout;
        if let Some(LogoutUri { uri, session_required }) = backchannel {
            fields.push(("backchannel_logout_uri", quoted(uri)));
            fields.push(("backchannel_logout_session_required", session_required.to_string()));
        }
        if let Some(LogoutUri { uri, session_required }) = frontchannel {
            fields.push(("frontchannel_logout_uri", quoted(uri)));
            fields.push(("frontchannel_logout_session_required", session_required.to_string()));
        }
        fields.push(("response_types", list(sign_in.response_types.iter().map(|kind| kind.as_str()))));
        fields.push(("redirectless", sign_in.redirectless.to_string()));
        fields.push(("cookieless", sign_in.cookieless.to_string()));
        fields.extend(sign_in.policy.as_ref().map(|policy| ("sign_on_policy", quoted(policy.as_str()))));
        fields.push(("implied_consent", sign_in.implied_consent.to_string()));
        fields.push(("require_pkce", sign_in.require_pkce.to_string()));
        fields.extend(request_fields(sign_in));
    }
    fields.extend(client.backchannel.iter().flat_map(backchannel_fields));
    fields
}

/// How it asks people, and is told.
fn backchannel_fields(backchannel: &Backchannel) -> Fields {
    let mut fields = Vec::new();
    fields.extend(backchannel.number_matching.map(|matching| {
        (
            "number_matching",
            quoted(match matching {
                NumberMatching::Pick => "pick",
                NumberMatching::Type => "type",
            }),
        )
    }));
    if let Delivery::Ping { endpoint } = &backchannel.delivery {
        fields.push(("backchannel_token_delivery_mode", quoted(backchannel.delivery.as_str())));
        fields.push(("backchannel_client_notification_endpoint", quoted(endpoint)));
    }
    fields.push(("long_poll", backchannel.long_poll.to_string()));
    fields.extend(backchannel.request_signing_alg.map(|alg| ("ciba_request_alg", quoted(alg.as_str()))));
    fields.push(("backchannel_user_code_parameter", backchannel.user_code.to_string()));
    fields.push(("require_hint_token", backchannel.require_hint_token.to_string()));
    fields
}

/// How its requests come, and its answers go.
fn request_fields(sign_in: &SignIn) -> Fields {
    let Requests { pushed, signed, signing_alg, keys: _, uris, details } = &sign_in.requests;
    let mut fields = vec![
        ("require_pushed_authorization_requests", pushed.to_string()),
        ("require_signed_request_object", signed.to_string()),
        ("request_uris", list(uris.iter().map(String::as_str))),
        ("authorization_details_types", list(details.iter().map(String::as_str))),
    ];
    fields.extend(signing_alg.map(|alg| ("request_object_signing_alg", quoted(alg.as_str()))));
    let answers = sign_in.authorization_signed_response_alg;
    fields.extend(answers.map(|alg| ("authorization_signed_response_alg", quoted(alg.as_str()))));
    if let Some(Encryption { alg, enc }) = sign_in.authorization_encrypted_response {
        fields.push(("authorization_encrypted_response_alg", quoted(alg.as_str())));
        fields.push(("authorization_encrypted_response_enc", quoted(enc.as_str())));
    }
    fields
}

pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

pub(super) fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", texts.map(quoted).collect::<Vec<_>>().join(", "))
}

/// The file that declares what there is.
pub(super) fn written(clients: &[Client], people: &[User], sign_on: &There) -> String {
    let mut text = String::from("# Written by `nod export`, for `nod apply -f`.\n");
    let (ours, own): (Vec<&Client>, Vec<&Client>) = clients.iter().partition(|client| client.registered.is_none());
    if !own.is_empty() {
        let _ = writeln!(text, "# Not here, and left alone: clients that registered themselves, {}.", own.len());
    }
    // Nothing of a kind is said too: with --prune, the rest would be deleted.
    for (kind, empty) in [
        ("application", sign_on.applications.is_empty()),
        ("policy", sign_on.policies.is_empty()),
        ("native_application", sign_on.native_applications.is_empty()),
        ("mfa_policy", sign_on.mfa_policies.is_empty()),
        ("client", ours.is_empty()),
        ("user", people.is_empty()),
    ] {
        if empty {
            let _ = writeln!(text, "{kind} = []");
        }
    }
    text.push_str("\n[sign_on]\n");
    lines(&mut text, settings_fields(&sign_on.settings));
    tables(&mut text, &sign_on.applications);
    tables(&mut text, &sign_on.policies);
    tables(&mut text, &sign_on.native_applications);
    tables(&mut text, &sign_on.mfa_policies);
    for client in ours {
        let _ = write!(text, "\n[[client]]\nid = {}\n", quoted(client.id.as_str()));
        lines(&mut text, client_fields(client));
        if client.authentication.secrets().is_some() {
            text.push_str("# secret = \"env:NAME\"    # or file:PATH; as it is when left out\n");
        }
    }
    for user in people {
        let _ = write!(text, "\n[[user]]\nid = \"{}\"\nusername = {}\n", user.id, quoted(&user.username));
        lines(&mut text, user_fields(user));
    }
    text
}

/// One table of a file.
pub(super) fn table<P: Kind>(part: &P) -> String {
    let mut text = String::new();
    tables(&mut text, std::slice::from_ref(part));
    text.trim_start().to_owned()
}

fn tables<P: Kind>(text: &mut String, parts: &[P]) {
    for part in parts {
        let _ = write!(text, "\n[[{}]]\nid = {}\n", P::KEY, quoted(P::text(part.id())));
        lines(text, part.fields());
    }
}

fn lines(text: &mut String, fields: Fields) {
    for (name, value) in fields {
        let _ = writeln!(text, "{name} = {value}");
    }
}
