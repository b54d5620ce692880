//! A client, in lines for people and as JSON.

use super::certificate;
use crate::cli::terminal::{safe, say};
use crate::domain::client::{Backchannel, Client, NumberMatching, Pages, Requests, SignIn};
use crate::protocol::algorithm::Algorithm;
use crate::protocol::encryption::Encryption;
use crate::usecase::admin::client_metadata::method;

fn status(client: &Client) -> &'static str {
    if client.disabled { "disabled" } else { "active" }
}

pub(super) fn object(client: &Client) -> serde_json::Value {
    let grants: Vec<_> = client.grants.iter().map(|grant| grant.as_str()).collect();
    serde_json::json!({
        "id": client.id,
        "status": status(client),
        "auth": method(&client.authentication),
        "name": client.name,
        "grants": grants,
        "scope": client.scope.to_string(),
        "created_at": client.created_at.to_string(),
    })
}

pub(super) fn line(client: &Client) {
    let status = status(client);
    say(&format!("{:<20}  {status:<8}  {:<20}  {}", client.id, method(&client.authentication), safe(&client.name)));
}

fn show_requests(sign_in: &SignIn) {
    let Requests { pushed, signed, signing_alg, uris, details, .. } = &sign_in.requests;
    let alg = signing_alg.map_or("any", Algorithm::as_str);
    say(&format!("requests      pushed required {pushed}, signed required {signed}, with {alg}"));
    for uri in uris {
        say(&format!("request uri   {}", safe(uri)));
    }
    for kind in details {
        say(&format!("details       {}", safe(kind)));
    }
    if let Some(Encryption { alg, enc }) = sign_in.authorization_encrypted_response {
        say(&format!("answers       as JWTs are encrypted by {}, with {}", alg.as_str(), enc.as_str()));
    }
}

pub(super) fn show(client: &Client) {
    line(client);
    let grants: Vec<_> = client.grants.iter().map(|grant| grant.as_str()).collect();
    say(&format!("grants        {}", grants.join(" ")));
    say(&format!("scope         {}", client.scope));
    if let Some(profile) = client.security_profile {
        say(&format!("profile       {profile}"));
    }
    let Pages { client_uri, logo_uri, policy_uri, tos_uri } = client.read_about();
    for (name, uri) in [("page", client_uri), ("logo", logo_uri), ("policy page", policy_uri), ("terms", tos_uri)] {
        if let Some(uri) = uri {
            say(&format!("{name:<14}{}", safe(&uri)));
        }
    }
    say(&format!("id token      {}", client.id_token_signed_response_alg));
    for uri in &client.resources {
        say(&format!("resource      {}", safe(uri)));
    }
    for uri in &client.protected_resources {
        say(&format!("it is         {}", safe(uri)));
    }
    if let Some(alg) = client.userinfo_signed_response_alg {
        say(&format!("userinfo      {alg}"));
    }
    if let Some(alg) = client.introspection_signed_response_alg {
        say(&format!("introspection {alg}"));
    }
    if client.dpop_bound_access_tokens {
        say("access token  always with a DPoP proof");
    }
    certificate::show(client);
    if let Some(exchange) = &client.token_exchange {
        let audiences = if exchange.audiences.is_empty() { "none".to_owned() } else { exchange.audiences.join(" ") };
        say(&format!("exchange      audiences {}, impersonation {}", safe(&audiences), exchange.impersonation));
    }
    if let Some(actor) = &client.may_act {
        say(&format!("may act       {}", safe(actor.as_str())));
    }
    if let Some(sign_in) = &client.sign_in {
        for uri in &sign_in.redirect_uris {
            say(&format!("redirect uri  {}", safe(uri.as_str())));
        }
        for uri in &sign_in.post_logout_redirect_uris {
            say(&format!("after logout  {}", safe(uri.as_str())));
        }
        for (channel, logout) in
            [("is called", &sign_in.logout.backchannel), ("is framed", &sign_in.logout.frontchannel)]
        {
            if let Some(logout) = logout {
                say(&format!("at logout     {channel}: {}", safe(&logout.uri)));
            }
        }
        let kinds: Vec<_> = sign_in.response_types.iter().map(|kind| kind.as_str()).collect();
        if let Some(policy) = &sign_in.policy {
            say(&format!("policy        {policy}"));
        }
        let SignIn { redirectless, implied_consent, require_pkce, .. } = sign_in;
        say(&format!(
            "sign-in       {}, pkce required {require_pkce}, redirectless {redirectless}, implied consent {implied_consent}",
            kinds.join(", ")
        ));
        show_requests(sign_in);
    }
    if let Some(sector) = &client.pairwise {
        say(&format!("people        pairwise, in the sector {}", safe(&sector.host)));
    }
    if let Some(backchannel) = &client.backchannel {
        let matching = match backchannel.number_matching {
            None => "off",
            Some(NumberMatching::Pick) => "pick",
            Some(NumberMatching::Type) => "type",
        };
        let (mode, long_poll) = (backchannel.delivery.as_str(), backchannel.long_poll);
        say(&format!("backchannel   {mode}, number matching {matching}, long poll {long_poll}"));
        if let Some(endpoint) = backchannel.delivery.endpoint() {
            say(&format!("pinged at     {}", safe(endpoint)));
        }
        if let Some(alg) = backchannel.request_signing_alg {
            say(&format!("questions     signed with {alg}"));
        }
        let Backchannel { user_code, require_hint_token, .. } = backchannel;
        say(&format!("asks          with a user code {user_code}, by hint tokens alone {require_hint_token}"));
    }
    if let Some(registered) = &client.registered {
        say(&format!(
            "registered    by itself{}",
            if registered.invited { ", with an initial access token" } else { "" }
        ));
    }
    say(&format!("created       {}", client.created_at));
}
