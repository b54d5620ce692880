//! Nobody gives more than they have.

use nod::protocol::scope::Scope;
use serde_json::json;

use crate::world::{Backing, World};

const CLIENTS: &str = "/admin/v1/clients";

fn wants(id: &str, scope: &str) -> serde_json::Value {
    json!({ "client_id": id, "grant_types": ["client_credentials"], "scope": scope })
}

#[tokio::test]
async fn nobody_registers_a_client_with_more_rights_than_their_own() {
    let world = World::start().await;
    let robot = world.robot("robot", "nod:clients:write nod:users:read").await;
    for scope in ["nod:admin", "nod:users:write", "nod:clients:read nod:keys:read", "orders nod:audit:read"] {
        let watch = world.watch().await;
        robot.post(CLIENTS, &wants("new", scope)).await.admin_problem(403, "scope_not_grantable");
        watch.only_a_refusal(scope).await;
    }
    assert_eq!(robot.post(CLIENTS, &wants("equal", "nod:clients:write nod:users:read orders")).await.status, 201);
    assert_eq!(robot.post(CLIENTS, &wants("less", "nod:clients:read")).await.status, 201);
    let more = json!({ "scope": "nod:clients:read nod:keys:read" });
    robot.patch("/admin/v1/clients/less", &more).await.admin_problem(403, "scope_not_grantable");
    let same = json!({ "scope": "nod:users:read" });
    assert_eq!(robot.patch("/admin/v1/clients/less", &same).await.status, 200);
    let own = json!({ "scope": "nod:admin" });
    robot.patch("/admin/v1/clients/robot", &own).await.admin_problem(403, "scope_not_grantable");
    // A token for less gives less.
    let narrow = robot.only("nod:clients:write").await;
    narrow.post(CLIENTS, &wants("narrow", "nod:users:read")).await.admin_problem(403, "scope_not_grantable");
}

#[tokio::test]
async fn nobody_takes_a_client_with_more_rights_into_their_hands() {
    let world = World::start().await;
    let admin = world.admin().await;
    let robot = world.robot("robot", "nod:clients:write").await;
    let watch = world.watch().await;
    let root = "/admin/v1/clients/root";
    robot.act(&format!("{root}/rotate-secret")).await.admin_problem(403, "scope_not_grantable");
    for patch in [
        json!({ "scope": "orders" }),
        json!({ "disabled": true }),
        json!({ "client_name": "mine" }),
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://example.com/jwks" }),
    ] {
        robot.patch(root, &patch).await.admin_problem(403, "scope_not_grantable");
    }
    robot.delete(root).await.admin_problem(403, "scope_not_grantable");
    watch.nothing_changed("attempts at the administrator").await;
    assert_eq!(robot.get(root).await.status, 200, "to read is no harm");
    assert_eq!(admin.act("/admin/v1/clients/robot/rotate-secret").await.status, 200);
}

/// A right that is taken away on one node is not given on another one a moment later, whatever that
/// one remembers.
#[tokio::test]
async fn a_right_that_was_just_lost_is_not_given() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = World::with().backing(backing).nodes(2).start().await;
        for round in 0..6 {
            let id = format!("robot-{round}");
            let robot = world.robot(&id, "nod:clients:write nod:keys:write").await.at(1);
            // The other node remembers the robot as it was.
            assert_eq!(robot.get("/admin/v1/clients?limit=1").await.status, 200);
            let new = wants(&format!("new-{round}"), "nod:keys:write");
            let cut = robot.client.update(|client| client.scope = Scope::parse("nod:clients:write").unwrap());
            let grow = robot.post(CLIENTS, &new);
            if round < 3 {
                let ((), grown) = tokio::join!(cut, grow);
                // Which of both was first, nobody can say.
                assert!(matches!(grown.status, 201 | 403), "{}", grown.text());
            } else {
                cut.await;
                grow.await.admin_problem(403, "scope_not_grantable");
            }
        }
    }
}
