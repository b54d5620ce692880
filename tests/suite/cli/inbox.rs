//! What the client `shop-ping` of dev mode is told, where everybody can read it.

use super::start_screen::{FORM, basic, exchange, json};
use super::*;

const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";

/// Asks as `shop-ping`, has Alice approve, reads the ping, and comes for the tokens.
fn asks_is_told_and_comes(dev: &Dev) {
    let port = dev.issuer.rsplit(':').next().unwrap().parse().unwrap();
    let authorization = basic("shop-ping:shop-ping-secret");
    let headers = [FORM, ("authorization", authorization.as_str())];
    let phone = dev.listening(&["--auto", "approve", "--once"]);
    let form = format!("scope=openid&login_hint=alice&client_notification_token={TOKEN}");
    let (status, answer) = exchange(port, "POST", "/as/bc-auth.ciba", &headers, &form);
    assert_eq!(status, 200, "{answer}");
    let id = json(&answer)["auth_req_id"].as_str().unwrap().to_owned();
    phone.ends_with(0);

    let deadline = Instant::now() + PATIENCE;
    let pings = loop {
        let (_, inbox) = exchange(port, "GET", "/dev/inbox", &[("accept", "application/json")], "");
        let pings = json(&inbox)["pings"].as_array().unwrap().clone();
        if !pings.is_empty() {
            break pings;
        }
        assert!(Instant::now() < deadline, "no ping: {}", dev.nod.as_ref().unwrap().output.text());
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(pings.len(), 1, "{pings:?}");
    assert_eq!(pings[0]["auth_req_id"], id.as_str());
    assert_eq!(pings[0]["client_notification_token"], TOKEN);

    let form = format!("grant_type=urn:openid:params:grant-type:ciba&auth_req_id={id}");
    let (status, answer) = exchange(port, "POST", "/as/token.oauth2", &headers, &form);
    assert!(status == 200 && answer.contains("\"id_token\""), "{answer}");
}

#[test]
fn ciba_10_2_the_ping_client_is_told_in_the_inbox_on_whatever_port() {
    let mut dev = Dev::start();
    asks_is_told_and_comes(&dev);
    // The data of before, on another port.
    dev.nod = None;
    dev.run(free_port());
    asks_is_told_and_comes(&dev);
}

#[test]
fn ciba_10_2_whoever_gave_the_ping_client_another_address_keeps_it() {
    let mut dev = Dev::start();
    let data = dev.data();
    let client = |arguments: &[&str]| {
        let here = ["--data-dir", data.to_str().unwrap()];
        Nod::start(&[&["client"], arguments, &here].concat()).ends_with(0)
    };
    let own = "http://localhost:3000/callback";
    client(&["update", "shop-ping", "--notification-endpoint", own]);
    dev.nod = None;
    dev.run(free_port());
    let shown = client(&["show", "shop-ping"]);
    assert!(shown.contains(own) && !shown.contains("/dev/inbox"), "{shown}");
}
