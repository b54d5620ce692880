//! A server that is not in dev mode has nothing of it.

use reqwest::Method;

use crate::world::{Answer, World};

/// What dev mode adds, and what some other server might have.
const ADDRESSES: [(Method, &str); 28] = [
    (Method::GET, "/"),
    (Method::GET, "/dev/number?user=alice&notification=x"),
    (Method::POST, "/dev/pairing-keys?user=alice"),
    (Method::GET, "/dev"),
    (Method::GET, "/dev/wire"),
    (Method::GET, "/dev/wire/01a21439-664e-74a3-aaf2-d821fab71a56"),
    (Method::POST, "/dev/wire/clear"),
    (Method::POST, "/dev/wire/messages/1/replay"),
    (Method::GET, "/dev/clock"),
    (Method::POST, "/dev/clock"),
    (Method::GET, "/dev/events"),
    (Method::GET, "/dev/inbox"),
    (Method::POST, "/dev/inbox/ping"),
    (Method::GET, "/dev/pages"),
    (Method::GET, "/dev/pages/sign-in/fresh"),
    (Method::POST, "/dev/pages/sent"),
    (Method::GET, "/dev/pages/nowhere"),
    (Method::POST, "/dev/pages/nowhere"),
    (Method::GET, "/dev/scenarios"),
    (Method::POST, "/dev/scenarios/deny"),
    (Method::POST, "/dev/shop/requests"),
    (Method::POST, "/dev/shop/cancel"),
    (Method::POST, "/dev/phones/phone"),
    (Method::GET, "/health/live"),
    (Method::GET, "/health/ready"),
    (Method::GET, "/metrics"),
    (Method::GET, "/debug"),
    (Method::GET, "/.env"),
];

#[tokio::test]
async fn security_70_what_dev_mode_adds_is_not_here() {
    let world = World::start().await;
    let _alice = world.user("alice").with_phone().await;
    for (method, path) in ADDRESSES {
        let answer = Answer::of(world.request(method, path)).await;
        answer.refused(404, "not_found");
    }
}

/// Whether an address is one of a route, whose names begin with a colon.
fn is_of(address: &str, route: &str) -> bool {
    let address = address.split('?').next().unwrap();
    let (parts, names) = (address.split('/'), route.split('/'));
    parts.clone().count() == names.clone().count()
        && parts.zip(names).all(|(part, name)| name.starts_with(':') || part == name)
}

/// A page that is added there is looked for here.
#[test]
fn security_70_each_route_of_dev_mode_is_looked_for() {
    let source = include_str!("../../../src/web/dev/mod.rs");
    let routes: Vec<(&str, bool)> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix(".at(\"")?.split_once('"'))
        .flat_map(|(route, rest)| {
            let methods = [(rest.contains("get("), false), (rest.contains("post("), true)];
            methods.into_iter().filter(|(is, _)| *is).map(move |(_, post)| (route, post))
        })
        .collect();
    assert!(routes.len() > 15, "{routes:?}");
    for (route, post) in routes {
        let method = if post { Method::POST } else { Method::GET };
        let looked_for = ADDRESSES.iter().any(|(known, address)| *known == method && is_of(address, route));
        assert!(looked_for, "{method} {route}");
    }
}
