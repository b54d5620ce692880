//! Printing for people.

/// Text from elsewhere must not steer the terminal.
pub(super) fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[expect(clippy::print_stdout, reason = "what a command is asked for")]
pub(super) fn say(line: &str) {
    println!("{line}");
}
