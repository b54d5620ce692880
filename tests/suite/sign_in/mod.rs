//! The ordinary sign-in: the authorization endpoint, the flow API, our own pages.

mod accounts;
mod application_settings;
mod applications;
mod attacks;
mod backchannel_logout;
mod codes;
pub(crate) mod cookieless;
pub(crate) mod device_grant;
pub(crate) mod every_state;
pub(crate) mod flow_api;
mod flow_life;
mod frontchannel_logout;
pub(crate) mod invariants;
mod jarm;
mod jarm_encryption;
mod languages;
mod late_forms;
mod limits;
mod logos;
mod modes;
mod oidc_core_3_3_hybrid;
mod oidc_core_3_code;
mod oidc_core_5_5_claims;
mod pages;
mod pairwise;
pub(crate) mod passkeys;
mod password_change;
mod policies;
mod races;
mod recovery;
mod recovery_means;
mod rfc7636_pkce;
mod rfc8707_resources;
mod rfc9101_request_objects;
pub(crate) mod rfc9126_pushed_requests;
mod rfc9396_details;
mod rp_initiated_logout;
mod session_management;
mod step_up;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::admin::robot::Robot;
use crate::world::{AUTHORIZE, Answer, Browser, Client, FLOWS, Person, World, asked};

/// A relying party, a person with a password, and nobody else.
pub(crate) async fn shop_and_alice(world: &World) -> (Client, Person) {
    (world.client("shop").signs_in().refresh().await, world.user("alice").with_password(PASSWORD).await)
}

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(super) const APPLICATIONS: &str = "/admin/v1/authentication-applications";
pub(super) const POLICIES: &str = "/admin/v1/policies";
pub(super) const SETTINGS: &str = "/admin/v1/sign-on-settings";

/// The origin of an authentication application.
pub(crate) const LOGIN: &str = "https://login.shop.example";

/// Registers an application, which is at `/in` of its origin.
pub(crate) async fn application(admin: &Robot<'_>, id: &str, origin: &str) {
    let answer = admin.post(APPLICATIONS, &json!({ "id": id, "url": format!("{origin}/in?brand=shop") })).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// A policy that asks for the name first.
pub(super) fn name_first(id: &str) -> Value {
    let steps = json!([{ "id": "name", "source": "identifier" }, { "id": "password", "source": "password" }]);
    json!({ "id": id, "steps": steps })
}

pub(super) async fn policy(admin: &Robot<'_>, policy: &Value) {
    let answer = admin.post(POLICIES, policy).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

pub(super) async fn settings(admin: &Robot<'_>, patch: &Value) {
    admin.patch(SETTINGS, patch).await.ok();
}

impl Browser {
    /// Sent off by a client, to an application: where it is, and the flow that it is told.
    pub(super) async fn sent_to_application(&mut self, client: &Client, fields: &[(&str, &str)]) -> (String, String) {
        let answer = self.get(&format!("{AUTHORIZE}?{}", asked(client, fields))).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        let location = answer.header("location").unwrap();
        let (at, flow) = location.split_once("flowId=").unwrap_or_else(|| panic!("no flow in {location}"));
        (at.to_owned(), flow.to_owned())
    }

    /// A call by a page of this origin.
    pub(super) fn sent_by_page(&self, origin: &str, method: Method, flow: &str) -> RequestBuilder {
        let request = self.request(method, &format!("{FLOWS}{flow}"));
        request.header("origin", origin).header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "cors")
    }

    /// An action by a page of this origin.
    pub(super) async fn act_from(&mut self, origin: &str, flow: &str, action: &str, body: &Value) -> Answer {
        let request = self.sent_by_page(origin, Method::POST, flow).header("x-xsrf-header", "nod");
        let kind = format!("application/vnd.pingidentity.{action}+json");
        self.send(request.header("content-type", kind).body(body.to_string())).await
    }
}

/// A refusal of the flow API.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, code: &str, detail: Option<&str>) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["code"], code, "{body}");
    assert!(body["message"].is_string() && body["userMessage"].is_string(), "{body}");
    assert_eq!(body["details"][0]["code"].as_str(), detail, "{body}");
}

/// What can be done now.
pub(crate) fn links(state: &Value) -> Vec<&str> {
    let mut links: Vec<_> = state["_links"].as_object().unwrap().keys().map(String::as_str).collect();
    links.sort_unstable();
    links
}
