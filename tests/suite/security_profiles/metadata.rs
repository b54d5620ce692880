//! What the server says of itself where it holds everybody to a profile.

use nod::domain::profile::Profile;
use serde_json::{Value, json};

use super::{FAPI, Held};
use crate::world::{DISCOVERY, World};

async fn metadata(profile: Profile) -> Value {
    let world = Held::ByServer.world(profile).start().await;
    world.get(DISCOVERY).await.json()
}

#[tokio::test]
async fn fapi2_5_3_2_1_the_metadata_say_what_is_allowed_and_nothing_else() {
    for profile in FAPI {
        let metadata = metadata(profile).await;
        for name in [
            "token_endpoint_auth_methods_supported",
            "revocation_endpoint_auth_methods_supported",
            "introspection_endpoint_auth_methods_supported",
        ] {
            let methods: Vec<_> = metadata[name].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            assert!(methods.contains(&"private_key_jwt"), "{profile} {methods:?}");
            let weak = |method: &&str| method.starts_with("client_secret") || *method == "none";
            assert!(!methods.iter().any(weak), "{profile} {methods:?}");
        }
        for (name, value) in metadata.as_object().unwrap().iter().filter(|(name, _)| name.contains("_alg_values_")) {
            let all: Vec<_> = value.as_array().unwrap().iter().filter_map(Value::as_str).collect();
            if name.contains("_encryption_") {
                // [FAPI 1 Advanced §8.6.1]
                assert!(!all.is_empty() && !all.contains(&"RSA1_5"), "{profile} {name}");
                continue;
            }
            assert!(all.contains(&"ES256") && all.contains(&"PS256"), "{profile} {name}");
            assert!(!all.contains(&"RS256") && !all.contains(&"none"), "{profile} {name}");
            assert!(profile != Profile::FapiCiba || !all.contains(&"EdDSA"), "{name}");
        }
        // [FAPI 1 Advanced §5.2.2] has hybrid answers; no access token comes through a browser.
        let with_id_token = json!(["code", "id_token", "code id_token"]);
        let types = if profile == Profile::FapiCiba { with_id_token } else { json!(["code"]) };
        assert_eq!(metadata["response_types_supported"], types, "{profile}");
        let implicit = metadata["grant_types_supported"].as_array().unwrap().contains(&json!("implicit"));
        assert_eq!(implicit, profile == Profile::FapiCiba, "{profile}");
        let (pushed, signed) = (profile != Profile::FapiCiba, profile != Profile::Fapi2Security);
        assert_eq!(metadata["require_pushed_authorization_requests"], pushed, "{profile}");
        assert_eq!(metadata.get("require_signed_request_object"), signed.then_some(&json!(true)), "{profile}");
        let modes = metadata["response_modes_supported"].as_array().unwrap();
        let jwt = |mode: &Value| mode.as_str().unwrap().ends_with("jwt");
        assert_eq!(modes.iter().all(jwt), profile == Profile::Fapi2MessageSigning, "{profile}");
    }
}

#[tokio::test]
async fn oauth21_takes_nothing_away_that_it_allows() {
    let plain = World::start().await.get(DISCOVERY).await.json();
    let metadata = metadata(Profile::OAuth21).await;
    let names: Vec<_> = plain.as_object().unwrap().keys().collect();
    assert!(names.into_iter().eq(metadata.as_object().unwrap().keys()));
    for name in ["token_endpoint_auth_methods_supported", "id_token_signing_alg_values_supported"] {
        assert_eq!(metadata[name], plain[name]);
    }
    for kind in metadata["response_types_supported"].as_array().unwrap() {
        assert!(!kind.as_str().unwrap().split(' ').any(|word| word == "token"), "{kind}");
    }
}
