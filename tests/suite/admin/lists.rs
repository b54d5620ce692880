//! What all lists share.

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::robot::{Robot, location, usr};
use super::webhooks::at_home;
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

/// How many items a list has, over its parts, which do not tell unasked.
async fn counted(admin: &Robot<'_>, list: &str, filter: &str) -> u64 {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let page = admin.get(&format!("{list}?limit=2{filter}{cursor}")).await.ok();
        assert!(page.get("total").is_none(), "{list}: {page}");
        count += u64::try_from(page["items"].as_array().unwrap().len()).unwrap();
        let Some(next) = page["next_cursor"].as_str() else { return count };
        cursor = format!("&cursor={next}");
    }
}

/// One of each kind.
async fn one_of_each(admin: &Robot<'_>, receiver: &Receiver, alice: &str, name: &str) {
    let steps = json!([{ "id": "password", "source": "password" }]);
    for (list, body) in [
        ("webhooks", json!({ "url": receiver.url(), "event_types": ["client.created"] })),
        ("clients", json!({ "client_id": name, "redirect_uris": ["https://app.example/callback"] })),
        ("initial-access-tokens", json!({})),
        ("users", json!({ "username": name })),
        ("policies", json!({ "id": name, "steps": steps })),
        ("authentication-applications", json!({ "id": name, "url": format!("https://{name}.example/in") })),
        ("native-applications", json!({ "id": name, "client": name, "bundle_id": format!("com.example.{name}") })),
        ("mfa-policies", json!({ "id": name })),
    ] {
        location(&admin.post(&format!("/admin/v1/{list}"), &body).await);
    }
    location(&admin.act(&format!("/admin/v1/users/{alice}/pairing-keys")).await);
}

#[tokio::test]
async fn product_2_3_a_list_tells_how_many_there_are_to_whoever_asks() {
    let world = at_home().generous().start().await;
    let (admin, shop, receiver) = (world.admin().await, world.client("shop").await, Receiver::start());
    let alice = world.user("alice").with_phone().await;
    one_of_each(&admin, &receiver, &usr(&alice), "one").await;
    shop.ask(&alice).await;
    // What is told of it is written down before time goes on.
    receiver.gets(1).await;
    world.clock.advance(seconds(10));
    world.user("bob").with_phone().await;
    one_of_each(&admin, &receiver, &usr(&alice), "two").await;
    shop.ask(&alice).await;
    receiver.gets(3).await;

    let hooks = admin.get("/admin/v1/webhooks").await.ok();
    let deliveries = format!("/admin/v1/webhooks/{}/deliveries", hooks["items"][1]["id"].as_str().unwrap());
    let mut lists: Vec<String> = [
        "clients",
        "initial-access-tokens",
        "users",
        "devices",
        "pairing-keys",
        "requests",
        "audit",
        "webhooks",
        "policies",
        "authentication-applications",
        "native-applications",
        "mfa-policies",
    ]
    .map(|list| format!("/admin/v1/{list}"))
    .to_vec();
    lists.push(deliveries.clone());
    super::until("both requests and deliveries", async || {
        let (asked, told) = (counted(&admin, &lists[5], "").await, counted(&admin, &deliveries, "").await);
        (asked == 2 && told == 2).then_some(())
    })
    .await;

    let total = async |list: &str, filter: &str| {
        let page = admin.get(&format!("{list}?count=true&limit=1{filter}")).await.ok();
        page["total"].as_u64().unwrap_or_else(|| panic!("{list}: {page}"))
    };
    for list in &lists {
        let (all, late) = (total(list, "").await, total(list, "&created_after=2027-01-15T08:00:05Z").await);
        // The trail may still grow: what was read and asked here is written down a moment later.
        super::until(&format!("{list} is counted as it is"), async || {
            (total(list, "").await == counted(&admin, list, "").await).then_some(())
        })
        .await;
        assert!(0 < late && late < all, "{list}: {late} of {all}");
        super::until(&format!("{list} is counted from a time on"), async || {
            let since = "&created_after=2027-01-15T08:00:05Z";
            (total(list, since).await == counted(&admin, list, since).await).then_some(())
        })
        .await;
        assert_eq!(total(list, "&created_after=2027-01-15T08:00:55Z").await, 0, "{list}");
        assert!(admin.get(&format!("{list}?count=false")).await.ok().get("total").is_none(), "{list}");
        admin.get(&format!("{list}?count=perhaps")).await.admin_problem(400, "invalid_request");
    }
    let keys = admin.get("/admin/v1/keys?count=true").await.ok();
    assert_eq!(keys["total"], json!(keys["items"].as_array().unwrap().len()));

    // Of what is filtered, only that is counted.
    let of_alice = format!("&user_id={}", usr(&alice));
    let by_sub = format!("&sub={}", alice.id);
    let locked_by_sub = format!("{by_sub}&status=locked");
    for (list, filter, count) in [
        ("users", "&username=alice", 1),
        ("users", "&username=nobody", 0),
        ("users", by_sub.as_str(), 1),
        ("users", locked_by_sub.as_str(), 0),
        ("users", "&status=locked", 0),
        ("devices", of_alice.as_str(), 1),
        ("devices", "&status=blocked", 0),
        ("pairing-keys", of_alice.as_str(), 2),
        ("requests", of_alice.as_str(), 2),
        ("requests", "&client_id=bank", 0),
        ("audit", "&type=policy.created&result=done", 2),
    ] {
        let list = format!("/admin/v1/{list}");
        assert_eq!(total(&list, filter).await, count, "{list} {filter}");
        assert_eq!(counted(&admin, &list, filter).await, count, "{list} {filter}");
    }
    assert_eq!(total(&format!("/admin/v1/users/{}/devices", usr(&alice)), "").await, 1);
    super::until("all of them delivered", async || (total(&deliveries, "&state=delivered").await == 2).then_some(()))
        .await;
    assert_eq!(total(&deliveries, "&state=failed").await, 0);
}
