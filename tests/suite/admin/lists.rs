//! What all lists share.

use serde_json::{Value, json};

use super::robot::Robot;
use crate::world::{World, seconds};

/// The identifiers in a list, and whether there is more.
async fn listed(admin: &Robot<'_>, list: &str, query: &str) -> (Vec<Value>, Option<String>) {
    let page = admin.get(&format!("{list}?{query}")).await.ok();
    let name = if list.ends_with("/clients") { "client_id" } else { "id" };
    let ids = page["items"].as_array().unwrap().iter().map(|item| item[name].clone()).collect();
    (ids, page["next_cursor"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn product_2_3_a_list_ends_where_somebody_wants_nothing_older() {
    let world = World::start().await;
    let admin = world.admin().await;
    let steps = json!([{ "id": "password", "source": "password" }]);
    let lists: [(&str, [Value; 3]); 4] = [
        ("/admin/v1/clients", ["a", "b", "c"].map(|id| json!({ "client_id": id }))),
        ("/admin/v1/users", ["alice", "bob", "anybody"].map(|name| json!({ "username": name }))),
        ("/admin/v1/policies", ["a", "b", "c"].map(|id| json!({ "id": id, "steps": steps }))),
        (
            "/admin/v1/authentication-applications",
            ["a", "b", "c"].map(|id| json!({ "id": id, "url": format!("https://{id}.shop.example/in") })),
        ),
    ];
    // At 08:00:00, :10 and :20.
    for n in 0..3 {
        for (list, bodies) in &lists {
            let answer = admin.post(list, &bodies[n]).await;
            assert_eq!(answer.status, 201, "{list}: {}", answer.text());
        }
        world.clock.advance(seconds(10));
    }
    for (list, _) in &lists {
        let (all, _) = listed(&admin, list, "limit=200").await;
        assert!(all.len() >= 3, "{list}: {all:?}");
        let since = |at: &str, more: &str| format!("created_after=2027-01-15T08:00:{at}Z{more}");
        let (last, next) = listed(&admin, list, &since("15", "")).await;
        assert_eq!((last.as_slice(), next), (&all[..1], None), "{list}");
        let (two, next) = listed(&admin, list, &since("10", "")).await;
        assert_eq!((two.as_slice(), next), (&all[..2], None), "{list}: those of that very moment, too");
        assert_eq!(listed(&admin, list, &since("25", "")).await, (vec![], None), "{list}");
        // In parts: the cursor belongs to the list that begins then.
        let (first, next) = listed(&admin, list, &since("10", "&limit=1")).await;
        let next = next.expect("a second part");
        assert_eq!(first, all[..1], "{list}");
        let (second, _) = listed(&admin, list, &since("10", &format!("&limit=1&cursor={next}"))).await;
        assert_eq!(second, all[1..2], "{list}");
        let whole = admin.get(&format!("{list}?limit=1&cursor={next}")).await;
        whole.admin_problem(400, "invalid_cursor");
        admin.get(&format!("{list}?created_after=yesterday")).await.admin_problem(400, "invalid_request");
    }
}
