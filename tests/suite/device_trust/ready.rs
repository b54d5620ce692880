//! What `mfa-readiness` says is missing leads to no ticket [flows.md F2].

use super::{PAIRING, PASSWORD, Scene, Value, authenticate, claims, json, usual};
use crate::admin::robot::Robot;
use crate::world::Phone;

const READINESS: &str = "/admin/v1/native-applications/shop-app/mfa-readiness";

impl Scene {
    /// Whether somebody who signs in by the app is offered to have it as a device: in the flow, or in the ID token.
    async fn offers(&self, phone: &Phone) -> bool {
        let mut browser = self.world.browser();
        let first = browser.flow(&self.shop, &[]).await;
        let id = first["id"].as_str().unwrap();
        let mut state = browser.password(id, "alice", PASSWORD).await.ok();
        if state["status"] == "AUTHENTICATION_REQUIRED" {
            state = authenticate(&mut browser, id, &phone.payload(|_| {})).await.json();
        }
        if state["status"] == "MFA_COMPLETED" {
            state = browser.act(id, "continueAuthentication", &json!({})).await.ok();
        }
        let Some(code) = state["authorizeResponse"]["code"].as_str() else {
            let ticket = state.to_string().contains("\"ticket\"");
            assert_eq!(state["status"] == PAIRING, ticket, "{state}");
            return ticket;
        };
        claims(&self.shop.redeem(code).await.ok()).get("device_enrollment").is_some()
    }
}

async fn findings(admin: &Robot<'_>) -> Vec<String> {
    let answer = admin.get(READINESS).await.ok();
    let findings = answer["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn t2_13_what_is_missing_leads_to_no_ticket() {
    let scene = Scene::of(usual()).await;
    let phone = scene.world.phone();
    let admin = scene.world.robot("operator", "nod:admin").await;
    let steps = |when: Value| {
        json!([
            { "id": "password", "source": "password" },
            { "id": "mfa", "source": "mfa", "mfa_policy": "mfa", "when": when },
        ])
    };
    let password = json!([{ "id": "password", "source": "password" }]);
    let silent = json!([{ "application": "shop-app", "device_authorization": true }]);
    let (mfa, both) = ("/admin/v1/mfa-policies/mfa", "/admin/v1/policies/both");
    let (settings, app) = ("/admin/v1/sign-on-settings", "/admin/v1/native-applications/shop-app");
    assert!(scene.offers(&phone).await, "nothing is missing");
    for (code, path, broken, mended) in [
        (
            "auto_enrollment_missing",
            mfa,
            json!({ "applications": silent }),
            json!({ "applications": usual()["applications"] }),
        ),
        ("no_devices_blocked", mfa, json!({ "no_devices_mode": "block" }), json!({ "no_devices_mode": "bypass" })),
        ("mfa_step_missing", both, json!({ "steps": password }), json!({ "steps": steps(json!([])) })),
        (
            "mfa_step_unreachable",
            both,
            json!({ "steps": steps(json!([{ "clients": ["other"] }])) }),
            json!({ "steps": steps(json!([])) }),
        ),
        (
            "sign_on_policy_not_assigned",
            settings,
            json!({ "default_policy": null }),
            json!({ "default_policy": "both" }),
        ),
        ("policies_disabled", settings, json!({ "policies_disabled": true }), json!({ "policies_disabled": false })),
        (
            "package_name_missing",
            app,
            json!({ "package_name": null, "bundle_id": "com.example.shop-2" }),
            json!({ "package_name": "com.example.shop", "bundle_id": null }),
        ),
    ] {
        assert!(!findings(&admin).await.iter().any(|one| one == code), "{code} before");
        admin.patch(path, &broken).await.ok();
        let found = findings(&admin).await;
        assert!(found.iter().any(|one| one == code), "{code}: {found:?}");
        assert!(!scene.offers(&phone).await, "{code}");
        admin.patch(path, &mended).await.ok();
        assert!(scene.offers(&phone).await, "{code} is mended");
    }
}
