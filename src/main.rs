//! The `nod` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    nod::cli::main()
}
