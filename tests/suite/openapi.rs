//! The committed description of the API is the one that the code gives.

use std::path::Path;
use std::process::Command;

#[test]
fn the_committed_document_is_what_nod_openapi_prints() {
    let printed = Command::new(env!("CARGO_BIN_EXE_nod")).arg("openapi").output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/nod.json");
    let committed = std::fs::read(&file).unwrap();
    assert!(printed.stdout == committed, "{} is stale: run `cargo run -- openapi > openapi/nod.json`", file.display());
    let document: serde_json::Value = serde_json::from_slice(&committed).unwrap();
    for path in ["/as/bc-auth.ciba", "/as/token.oauth2", "/idp/userinfo.openid"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}
