//! `nod openapi`: the document of the API, as it is committed under `openapi/`.

use crate::cli::exit::Exit;
use crate::cli::terminal::say;

pub(super) fn run() -> Result<(), Exit> {
    say(&crate::app::openapi());
    Ok(())
}
