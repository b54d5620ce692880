//! What a command prints for a person: lines, in colour where that is welcome, and never with text
//! of others that could steer the terminal.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;

use clap::ValueEnum;

use crate::config::environment;

/// Standard output, or in tests a buffer.
#[derive(Debug)]
pub(super) struct Terminal<W> {
    out: W,
    colour: bool,
}

/// `--color`, once for the process.
static CHOSEN: OnceLock<Colour> = OnceLock::new();

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    Auto,
    Always,
    Never,
}

impl Colour {
    pub(super) fn choose(self) {
        // There is one command line.
        let _ = CHOSEN.set(self);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Good,
    Bad,
    Strong,
    Faint,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Strong => "1",
            Self::Faint => "2",
        }
    }
}

impl Terminal<io::Stdout> {
    /// In colour as `--color` says; without it on a terminal, unless `NO_COLOR` says no (<https://no-color.org>).
    pub(super) fn stdout() -> Self {
        let out = io::stdout();
        let colour = match CHOSEN.get().copied().unwrap_or(Colour::Auto) {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                let unwanted = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
                let dumb = environment("TERM").is_some_and(|value| value == "dumb");
                out.is_terminal() && !unwanted && !dumb
            }
        };
        Self { out, colour }
    }
}

impl<W: Write> Terminal<W> {
    #[cfg(test)]
    pub(super) const fn plain(out: W) -> Self {
        Self { out, colour: false }
    }

    /// One line, at once: whoever reads a pipe sees it when it happens.
    pub(super) fn line(&mut self, text: impl fmt::Display) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    pub(super) fn paint(&self, ink: Ink, text: &str) -> String {
        if self.colour { format!("\x1b[{}m{text}\x1b[0m", ink.code()) } else { text.to_owned() }
    }

    #[cfg(test)]
    pub(super) fn into_inner(self) -> W {
        self.out
    }
}

/// One line of a command that prints in no colour.
pub(super) fn say(line: &str) {
    print(&format!("{line}\n"));
}

/// What a command was asked for. Whoever stopped reading it (`| head`) has seen enough.
pub(super) fn print(text: &str) {
    let mut out = io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A stranger's text on one line. What moves the cursor, changes colours or titles, reverses the
/// reading direction or cannot be seen is written as its code.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, c) in text.chars().enumerate() {
        if index == LONGEST {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_invisible(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Characters; no text that we print needs more.
const LONGEST: usize = 2000;

/// Format characters: zero width, or steering the direction of what follows [Unicode UAX #9].
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_text_does_not_steer_the_terminal() {
        assert_eq!(safe("Shop\x1b[2J\x1b]0;owned\x07"), "Shop\\u{1b}[2J\\u{1b}]0;owned\\u{7}");
        assert_eq!(safe("pay\r\nto\tbob\u{9b}31m\u{7f}"), "pay\\r\\nto\\tbob\\u{9b}31m\\u{7f}");
        assert_eq!(safe("1\u{202e}00\u{200b}"), "1\\u{202e}00\\u{200b}");
        assert_eq!(safe("Zahlung über 250 €, 支払い 👍🏽"), "Zahlung über 250 €, 支払い 👍🏽");
    }

    #[test]
    fn an_endless_text_ends() {
        assert_eq!(safe(&"a".repeat(LONGEST + 5)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn without_colour_there_are_no_escapes() {
        let terminal = Terminal::plain(Vec::new());
        assert_eq!(terminal.paint(Ink::Good, "✓"), "✓");
        let coloured = Terminal { out: Vec::<u8>::new(), colour: true };
        assert_eq!(coloured.paint(Ink::Good, "✓"), "\x1b[32m✓\x1b[0m");
    }
}
