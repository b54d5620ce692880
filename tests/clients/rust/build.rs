//! Makes the client from the document, as text in `OUT_DIR`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use progenitor_impl::{GenerationSettings, Generator};

fn main() -> Result<(), Box<dyn Error>> {
    let document = Path::new(&env::var("NOD_DOCUMENTS")?).join("nod.json");
    println!("cargo::rerun-if-changed={}", document.display());
    println!("cargo::rerun-if-changed=build.rs");
    // Progenitor makes types of `application/json` alone. Problems are JSON, and read as such.
    let text = fs::read_to_string(document)?.replace("application/problem+json", "application/json");
    let spec: openapiv3::OpenAPI = serde_json::from_str(&text)?;
    let tokens = Generator::new(&GenerationSettings::default()).generate_tokens(&spec)?;
    let text = prettyplease::unparse(&syn::parse2(tokens)?);
    fs::write(Path::new(&env::var("OUT_DIR")?).join("nod.rs"), text)?;
    Ok(())
}
