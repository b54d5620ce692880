//! `nod completions` and `nod man`: the command line, written down for shells and for `man`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::cli::exit::Exit;
use crate::cli::terminal::{print, say};

/// Completion for a shell
#[derive(Args)]
#[command(after_long_help = "Examples:
  nod completions bash > ~/.local/share/bash-completion/completions/nod
  nod completions zsh > \"${fpath[1]}/_nod\"
  nod completions fish > ~/.config/fish/completions/nod.fish")]
pub(super) struct Completions {
    /// For which shell
    shell: Shell,
}

/// Manual pages
#[derive(Args)]
#[command(after_long_help = "Examples:
  nod man | man -l -
  nod man /usr/local/share/man/man1")]
pub(super) struct ManPages {
    /// Where to write the pages of all commands; without it, the first one is printed
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(super) fn completions(arguments: &Completions) {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "nod", &mut script);
    print(&String::from_utf8_lossy(&script));
}

pub(super) fn man(arguments: &ManPages) -> Result<(), Exit> {
    let mut command = Cli::command();
    command.build();
    let Some(directory) = &arguments.directory else {
        print(&page(command)?);
        return Ok(());
    };
    fs::create_dir_all(directory)?;
    let written = write_all(&command, directory)?;
    say(&format!("{written} pages written to {}", directory.display()));
    Ok(())
}

/// `nod-client-create.1` and the like.
fn write_all(command: &Command, directory: &Path) -> Result<usize, Exit> {
    let mut written = 1;
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set()) {
        written += write_all(inner, directory)?;
    }
    let name = Man::new(command.clone()).get_filename();
    fs::write(directory.join(name), page(command.clone())?)?;
    Ok(written)
}

fn page(command: Command) -> Result<String, io::Error> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
