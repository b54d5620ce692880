//! The vectors of the specification [WebAuthn 3 §16], and the rules one by one.

use proptest::prelude::*;

use super::*;

#[test]
fn webauthn_5_1_2_the_relying_party_is_the_host_of_the_issuer() {
    let party = RelyingParty::of_issuer("https://op.example/tenant").unwrap();
    assert_eq!((party.id(), party.origin()), ("op.example", "https://op.example"));
    for origin in ["https://op.example", "https://op.example:8443", "https://login.op.example"] {
        assert!(party.admits(origin), "{origin}");
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
    }
    assert!(RelyingParty::of_issuer("http://localhost:8080").unwrap().admits("http://localhost:3000"));
    for none in ["https://192.0.2.1", "https://[2001:db8::1]", "http://op.example", "no address"] {
        assert_eq!(RelyingParty::of_issuer(none), None, "{none}");
    }
}

#[test]
fn options_are_what_browsers_read() {
    let party = RelyingParty::of_issuer("https://op.example").unwrap();
    let challenge = Challenge::new([7; 32]);
    let known = [CredentialId::new(vec![1, 2, 3])];
    let options = request_options(&party, challenge, &known);
    assert_eq!(options["allowCredentials"], json!([{ "type": "public-key", "id": "AQID" }]));
    assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("op.example"), &json!("required")));
    let owner = Owner { handle: b"\0", username: "alice", name: "Alice" };
    let options = creation_options(&party, challenge, owner, &known);
    assert_eq!(options["challenge"], json!("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"));
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["excludeCredentials"], json!([{ "type": "public-key", "id": "AQID" }]));
}

proptest! {
    #[test]
    fn any_bytes_are_a_key_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
        let _ = PublicKey::parse(&bytes);
        let _ = AuthenticatorData::parse(&bytes);
        let _ = attested(&bytes);
    }
}
