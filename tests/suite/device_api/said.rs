//! What a phone says of itself.

use serde_json::json;

use crate::world::World;

/// [security.md case 114] How it knew its person is kept with its decision, as it was said. Tokens tell what the server
/// knows: that a key of a trusted device signed, and that somebody answered.
#[tokio::test]
async fn security_114_what_a_phone_says_of_its_person_is_in_no_token() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let phone = alice.phone();
    for said in [json!(["fpt", "face", "hwk", "mfa"]), json!(["pin"]), json!([])] {
        let asked = shop.ask(&alice).await;
        let question = phone.question().await;
        let crafted = phone.craft_approval(&question, None).said("amr", said.clone());
        assert_eq!(phone.send(&crafted).await.ok(), json!({"status": "APPROVED"}), "{said}");
        let tokens = shop.poll(&asked).await.tokens();
        for token in [&tokens.id_token, &tokens.access_token] {
            let (_, claims) = world.verified(token).await;
            assert_eq!(claims["amr"], json!(["pop", "swk", "user"]), "{said}");
            assert_eq!(claims["acr"], "urn:nod:acr:device", "{said}");
        }
    }
}
