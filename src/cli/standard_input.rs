//! Secrets that a command is given: never on its command line, which everybody on the machine can read.

use std::io::Read as _;

use crate::cli::exit::Exit;
use crate::secret::Secret;

/// All of standard input, but for the end of its last line.
pub(super) fn secret() -> Result<Secret<String>, Exit> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| Exit::failed(error.to_string()))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
