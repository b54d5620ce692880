//! Asking before something is taken away.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;

use crate::cli::exit::Exit;

/// For every command that takes something away.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct Sure {
    /// Do not ask first
    #[arg(long)]
    yes: bool,
}

impl Sure {
    /// Goes on where `--yes` was said, or at a terminal where somebody types yes. `what` is a sentence that
    /// says what goes.
    pub(super) fn that(self, what: &str) -> Result<(), Exit> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(Exit::usage(format!("{what}. Nothing was changed: say --yes")));
        }
        asked(what)
    }
}

/// Somebody at the terminal. The question is no part of the output, which may go elsewhere.
pub(super) fn asked(what: &str) -> Result<(), Exit> {
    let mut question = io::stderr();
    write!(question, "{what}. Go on? Type yes: ")?;
    question.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Exit::failed("nothing was changed")) }
}
