//! RFC 7636: whoever redeems a code is whoever asked for it.

use nod::secret::sha256;

use super::{PASSWORD, shop_and_alice};
use crate::world::{CHALLENGE, VERIFIER, World, b64};

/// What a client would send that has this for a verifier.
fn challenge(verifier: &str) -> String {
    b64(&sha256(verifier.as_bytes()))
}

#[tokio::test]
async fn security_21_no_half_of_it_goes_without_the_other() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let spa = world.client("spa").signs_in().public().await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await.get("code");
    for (what, fields) in [
        ("plain", [("code_challenge", VERIFIER), ("code_challenge_method", "plain")]),
        ("plain, which is what no method means", [("code_challenge", VERIFIER), ("code_challenge_method", "")]),
        ("no method", [("code_challenge", CHALLENGE), ("code_challenge_method", "")]),
        ("a method in other letters", [("code_challenge", CHALLENGE), ("code_challenge_method", "s256")]),
        ("a method that there is not", [("code_challenge", CHALLENGE), ("code_challenge_method", "S512")]),
        ("a method alone", [("code_challenge", ""), ("code_challenge_method", "S256")]),
        ("no challenge", [("code_challenge", "x"), ("code_challenge_method", "S256")]),
    ] {
        for client in [&shop, &spa] {
            let watch = world.watch().await;
            browser.authorize(client, &fields).await.expect_err(what).error("invalid_request");
            watch.only_a_refusal(what).await;
        }
    }
    let none = [("code_challenge", ""), ("code_challenge_method", "")];
    browser.authorize(&spa, &none).await.unwrap_err().error("invalid_request");

    // A challenge was sent: nobody redeems the code without its verifier.
    let code = browser.authorize(&shop, &[]).await.unwrap_err().get("code").to_owned();
    shop.redeem_with(&code, &[("code_verifier", "")]).await.refused(400, "invalid_grant");
    // None was sent, or somebody took it away on the way [RFC 9700 §4.8.2]: a verifier tells.
    let code = browser.authorize(&shop, &none).await.unwrap_err().get("code").to_owned();
    shop.redeem(&code).await.refused(400, "invalid_grant");
    // Where neither was there, this client needs neither.
    let code = browser.authorize(&shop, &none).await.unwrap_err().get("code").to_owned();
    shop.redeem_with(&code, &[("code_verifier", "")]).await.tokens();
}

#[tokio::test]
async fn security_22_a_wrong_verifier_spoils_the_code() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await.get("code");
    for wrong in ["a".repeat(43), VERIFIER.to_uppercase(), format!("{VERIFIER}x"), CHALLENGE.to_owned()] {
        let code = browser.authorize(&shop, &[]).await.unwrap_err().get("code").to_owned();
        shop.redeem_with(&code, &[("code_verifier", &wrong)]).await.refused(400, "invalid_grant");
        // Who guesses has one try, and then nobody has another.
        shop.redeem(&code).await.refused(400, "invalid_grant");
    }
    // What is no verifier is none, be its hash the challenge.
    for malformed in ["a".repeat(42), "a".repeat(129), format!("{}+/=", "a".repeat(50)), format!("{} ", "a".repeat(50))]
    {
        let fields = [("code_challenge", &*challenge(&malformed))];
        let code = browser.authorize(&shop, &fields).await.unwrap_err().get("code").to_owned();
        let refused = shop.redeem_with(&code, &[("code_verifier", &malformed)]).await;
        refused.refused(400, "invalid_grant");
    }
    for longest in ["a".repeat(43), "~".repeat(128)] {
        let fields = [("code_challenge", &*challenge(&longest))];
        let code = browser.authorize(&shop, &fields).await.unwrap_err().get("code").to_owned();
        shop.redeem_with(&code, &[("code_verifier", &longest)]).await.tokens();
    }
}

/// [RFC 9700 §4.5] a code that was stolen is brought to the client by the thief, in a sign-in of the thief's own.
#[tokio::test]
async fn security_23_the_code_of_one_sign_in_is_worth_nothing_in_another() {
    const OTHER: &str = "the-verifier-of-another-sign-in-of-the-same-client";
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    world.user("bob").with_password(PASSWORD).await;
    let stolen = world.browser().log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
    let mut thief = world.browser();
    let page = thief.authorize(&shop, &[("code_challenge", &challenge(OTHER))]).await.unwrap();
    let own = thief.sign_in(&page, "bob", PASSWORD).await.unwrap_err().get("code").to_owned();
    // The client redeems what it is brought with the verifier of the sign-in that it thinks it is in.
    shop.redeem_with(&stolen, &[("code_verifier", OTHER)]).await.refused(400, "invalid_grant");
    shop.redeem_with(&own, &[("code_verifier", OTHER)]).await.tokens();
    shop.redeem(&stolen).await.refused(400, "invalid_grant");
}
