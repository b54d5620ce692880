//! Who may use dev mode. Any page in the browser next to it may try.

use reqwest::Method;

use super::{dev_mode, post};
use crate::world::{Answer, World};

const STATE_CHANGING: [&str; 10] = [
    "/dev/clock",
    "/dev/shop/requests",
    "/dev/shop/cancel",
    "/dev/phones/phone",
    "/dev/inbox/ping",
    "/dev/scenarios/deny",
    "/dev/scenarios/too-slow",
    "/dev/wire/clear",
    "/dev/wire/messages/1/replay",
    "/dev/pairing-keys?user=alice",
];

async fn with(world: &World, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = world.request(method, path).body("seconds=60");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.header("content-type", "application/x-www-form-urlencoded")).await
}

fn host(world: &World) -> String {
    world.address().to_string()
}

#[tokio::test]
async fn security_other_origins_change_nothing() {
    let world = dev_mode().await;
    let before = world.parts().clock.now();
    let port = world.address().port();
    let elsewhere: Vec<Vec<(&str, String)>> = vec![
        vec![("origin", "https://evil.example".to_owned())],
        vec![("origin", "null".to_owned())],
        vec![("origin", format!("https://{}", host(&world)))],
        // Another server on this machine.
        vec![("origin", format!("http://127.0.0.1:{}", port.wrapping_add(1)))],
        // The same server by its other name is another origin, too.
        vec![("origin", format!("http://localhost:{port}"))],
        vec![("sec-fetch-site", "cross-site".to_owned())],
        vec![("sec-fetch-site", "same-site".to_owned())],
        vec![("sec-fetch-site", "none".to_owned())],
        vec![("origin", format!("http://{}", host(&world))), ("sec-fetch-site", "cross-site".to_owned())],
        vec![("origin", "https://evil.example".to_owned()), ("sec-fetch-site", "same-origin".to_owned())],
    ];
    for path in STATE_CHANGING {
        for headers in &elsewhere {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = with(&world, Method::POST, path, &headers).await;
            assert_eq!(answer.status, 403, "{path} {headers:?} {}", answer.text());
            answer.refused(403, "forbidden");
        }
    }
    assert_eq!(world.parts().clock.now(), before);
    assert!(!world.get("/").await.text().contains("Number to match"), "nothing was asked");
}

#[tokio::test]
async fn security_a_name_that_was_made_to_lead_here_gets_nothing() {
    let world = dev_mode().await;
    let paths =
        ["/", "/dev", "/dev/wire", "/dev/clock", "/dev/events", "/dev/pages", "/dev/number?user=alice&notification=x"];
    for name in ["evil.example", "evil.example:8080", "localhost.evil.example", "192.0.2.1"] {
        for path in paths {
            with(&world, Method::GET, path, &[("host", name)]).await.refused(403, "forbidden");
        }
        for path in STATE_CHANGING {
            // Its own origin is of no help to it.
            let origin = format!("http://{name}");
            let headers = [("host", name), ("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
            with(&world, Method::POST, path, &headers).await.refused(403, "forbidden");
        }
    }
}

#[tokio::test]
async fn its_own_pages_and_programs_on_this_machine_may() {
    let world = dev_mode().await;
    let origin = format!("http://{}", host(&world));
    let own = [("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
    with(&world, Method::POST, "/dev/clock", &own).await.ok();
    with(&world, Method::POST, "/dev/clock", &[]).await.ok();
    for name in ["localhost", "localhost:8080", "[::1]:8080", "127.0.0.1"] {
        with(&world, Method::POST, "/dev/clock", &[("host", name)]).await.ok();
        assert_eq!(with(&world, Method::GET, "/", &[("host", name)]).await.status, 200);
    }
    assert_eq!(post(&world, "/dev/pairing-keys?user=alice").await.status, 201);
}
