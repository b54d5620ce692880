//! The documents about the server itself. They are served before any API is asked, so no type describes
//! them.

use serde_json::{Value, json};

use super::{components, object};
use crate::http::discovery::path;

pub(super) fn add(document: &mut Value) {
    let operations = [
        (path::DISCOVERY, "getProviderMetadata", "Read the provider metadata", "OpenID Connect", "ProviderMetadata"),
        (path::AUTHORIZATION_SERVER, "getServerMetadata", "Read the server metadata", "OAuth", "ProviderMetadata"),
        (path::JWKS, "getKeySet", "Read the signing keys", "OpenID Connect", "KeySet"),
    ];
    let says = |path: &str| match path {
        path::DISCOVERY => "The addresses of all endpoints, and what each of them can do [OIDC Discovery §4].",
        path::AUTHORIZATION_SERVER => "The same document, for those who know OAuth alone [RFC 8414 §3].",
        _ => {
            "The public keys that ID tokens and access tokens are verified with [RFC 7517 §5]. One that signs soon \
              is there before it does."
        }
    };
    if let Some(paths) = object(document, "paths") {
        for (path, id, summary, tag, schema) in operations {
            let operation = json!({
                "operationId": id,
                "summary": summary,
                "description": says(path),
                "tags": [tag],
                "responses": {"200": {
                    "description": "The document. It may be kept as long as Cache-Control says.",
                    "content": {"application/json": {
                        "schema": {"$ref": format!("#/components/schemas/{schema}")},
                    }},
                }},
            });
            paths.insert(path.to_owned(), json!({ "get": operation }));
        }
    }
    if let Some(schemas) = components(document, "schemas") {
        let texts = json!({"type": "array", "items": {"type": "string"}});
        let address = json!({"type": "string"});
        let metadata = json!({
            "type": "object",
            "description": "Members are those of OIDC Discovery §3, RFC 8414 §2 and CIBA §4; there may be more.",
            "required": ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported",
                         "subject_types_supported", "id_token_signing_alg_values_supported"],
            "properties": {
                "issuer": {"type": "string", "description": "Byte for byte the `iss` of ID tokens."},
                "authorization_endpoint": address,
                "token_endpoint": address,
                "userinfo_endpoint": address,
                "jwks_uri": address,
                "backchannel_authentication_endpoint": address,
                "device_authorization_endpoint": address,
                "revocation_endpoint": address,
                "introspection_endpoint": address,
                "end_session_endpoint": address,
                "registration_endpoint": address,
                "check_session_iframe": address,
                "scopes_supported": texts,
                "grant_types_supported": texts,
                "response_types_supported": texts,
                "subject_types_supported": texts,
                "id_token_signing_alg_values_supported": texts,
                "token_endpoint_auth_methods_supported": texts,
                "backchannel_token_delivery_modes_supported": texts,
            },
            "additionalProperties": true,
        });
        let keys = json!({
            "type": "object",
            "description": "A JWK Set [RFC 7517 §5].",
            "required": ["keys"],
            "properties": {"keys": {"type": "array", "items": {"$ref": "#/components/schemas/PublicKey"}}},
        });
        let key = json!({
            "type": "object",
            "description": "A public key [RFC 7517 §4, RFC 7518 §6].",
            "required": ["kty", "kid", "use", "alg"],
            "properties": {
                "kty": {"type": "string", "description": "`EC`, `RSA` or `OKP`."},
                "kid": {"type": "string"},
                "use": {"type": "string", "description": "`sig`; `enc` of the one that mobile payloads are encrypted for."},
                "alg": {"type": "string"},
                "crv": {"type": "string"},
                "x": {"type": "string"},
                "y": {"type": "string"},
                "n": {"type": "string"},
                "e": {"type": "string"},
            },
        });
        schemas.extend(
            [("ProviderMetadata", metadata), ("KeySet", keys), ("PublicKey", key)]
                .map(|(name, schema)| (name.to_owned(), schema)),
        );
    }
}
