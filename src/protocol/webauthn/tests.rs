//! What is ours: who the relying party is, what is asked, and what is kept. What the library verifies is shown on
//! the whole server (`tests/suite/sign_in/passkeys.rs`, `tests/suite/account.rs`).

use super::*;

#[test]
fn webauthn_5_1_2_the_relying_party_is_the_host_of_the_issuer() {
    let party = RelyingParty::of_issuer("https://op.example/tenant").unwrap();
    assert_eq!((party.id(), party.origin()), ("op.example", "https://op.example"));
    for origin in ["https://op.example", "https://op.example:8443", "https://login.op.example"] {
        assert!(party.admits(origin) && party.of_page(origin).is_ok(), "{origin}");
    }
    for origin in [
        "https://evil.example",
        "https://noop.example",
        "https://example",
        "http://op.example",
        "op.example",
        "null",
        "",
    ] {
        assert!(!party.admits(origin), "{origin}");
        assert_eq!(party.of_page(origin).err(), Some(Unproved::Origin), "{origin}");
    }
    assert!(RelyingParty::of_issuer("http://localhost:8080").unwrap().admits("http://localhost:3000"));
    for none in ["https://192.0.2.1", "https://[2001:db8::1]", "http://op.example", "no address"] {
        assert!(RelyingParty::of_issuer(none).is_none(), "{none}");
    }
}

#[test]
fn options_are_what_browsers_read() {
    let party = RelyingParty::of_issuer("https://op.example").unwrap();
    let known = [CredentialId::new(vec![1, 2, 3])];
    let one = json!([{ "type": "public-key", "id": "AQID" }]);
    let options = party.ask(&known).unwrap().options();
    assert_eq!(options["allowCredentials"], one);
    assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("op.example"), &json!("required")));
    assert_eq!(options["timeout"], 300_000);
    assert_eq!(party.ask(&[]).unwrap().options()["allowCredentials"], json!([]));
    let owner = Owner { handle: Uuid::from_bytes([7; 16]), username: "alice", name: "Alice" };
    let options = party.ask_for_new(owner, &known).unwrap().options();
    assert_eq!(
        (&options["rp"]["id"], &options["user"]),
        (&json!("op.example"), &json!({ "id": "BwcHBwcHBwcHBwcHBwcHBw", "name": "alice", "displayName": "Alice" }))
    );
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!((&options["attestation"], &options["excludeCredentials"]), (&json!("none"), &one));
    let members = options.as_object().unwrap().values();
    assert!(members.into_iter().all(|value| !value.is_null()), "no member is null: {options}");
}

/// [WebAuthn §13.4.3]
#[test]
fn no_two_challenges_are_the_same() {
    let party = RelyingParty::of_issuer("https://op.example").unwrap();
    let challenge = || party.ask(&[]).unwrap().options()["challenge"].as_str().unwrap().to_owned();
    let (one, other) = (challenge(), challenge());
    assert_ne!(one, other);
    assert!(URL_SAFE_NO_PAD.decode(&one).unwrap().len() >= 16, "{one}");
}
