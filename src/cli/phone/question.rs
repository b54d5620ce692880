//! A question on the screen, and what the person typed about it.

use std::io::{self, Write};

use nod_device::{DenyReason, Kind, NewDevice, NewDeviceChoice, Notification, NumberMatching, Timestamp};

use crate::cli::terminal::{Ink, Terminal, safe};

/// Seven characters for the time, then what happened: all that follows is aligned to it.
const INDENT: &str = "          ";

/// `12:04:01`, in UTC.
pub(super) fn clock(at: Timestamp) -> String {
    let seconds = at.seconds().rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// All that the decision will vouch for is shown.
pub(super) fn show<W: Write>(
    notification: &Notification,
    now: Timestamp,
    terminal: &mut Terminal<W>,
) -> io::Result<()> {
    let title = terminal.paint(Ink::Strong, &safe(&notification.title));
    terminal.line(format!("{}  question    {title}", clock(now)))?;
    for line in notification.body.lines() {
        // Indented, so that a body does not pass for a line of ours.
        terminal.line(format!("{INDENT}            {}", safe(line)))?;
    }
    let context = &notification.client_context;
    let row = |name: &str, value: &str| format!("{INDENT}{name:<10}  {}", safe(value));
    terminal.line(row("asks", &format!("{} ({})", context.client_name, context.client_id)))?;
    if let Some(message) = &context.binding_message {
        terminal.line(row("message", message))?;
    }
    terminal.line(row("scope", &context.scope))?;
    if let Some(acr) = &context.acr {
        terminal.line(row("level", acr))?;
    }
    if let Some(NewDevice { model, os, application }) = &notification.new_device {
        let said: Vec<&str> = [model, os, application].into_iter().flatten().map(String::as_str).collect();
        terminal.line(row("device", &said.join(", ")))?;
    }
    match &notification.number_matching {
        None => {}
        Some(NumberMatching::SelectNumber { options }) => {
            let options: Vec<_> = options.iter().zip(1..).map(|(option, n)| format!("{n}) {option}")).collect();
            terminal.line(row("number", &options.join("   ")))?;
        }
        Some(NumberMatching::EnterManually) => terminal.line(row("number", "the one on the asker's screen"))?,
        Some(NumberMatching::Unknown) => terminal.line(row("number", "in a way that this version does not know"))?,
    }
    terminal.line(row("expires", &format!("in {} s", notification.expires_at.since(now).as_secs())))?;
    match notification.kind {
        Kind::Authentication | Kind::ApproveNewDevice => Ok(()),
        Kind::Unknown => terminal.line(row("kind", "unknown to this version: it can only be denied")),
    }
}

/// What can be typed.
pub(super) fn prompt(notification: &Notification) -> String {
    let approve = match &notification.number_matching {
        None => "a approves",
        Some(NumberMatching::SelectNumber { .. }) => "the number (or its place, 1-3) approves",
        Some(NumberMatching::EnterManually) => "the number approves",
        Some(NumberMatching::Unknown) => "it can only be denied",
    };
    if notification.kind == Kind::ApproveNewDevice {
        let trusts = approve.replace("approves", "trusts it");
        return format!(
            "{INDENT}> {trusts} · o in front of that lets it in once · d denies · b blocks · r reports · q quits"
        );
    }
    format!("{INDENT}> {approve} · d denies · r reports that you did not ask for this · q quits")
}

/// A line that the person typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Approve(Option<u32>),
    Deny(DenyReason),
    Choose(NewDeviceChoice, Option<u32>),
    Quit,
    Nothing,
    /// And why.
    Unclear(&'static str),
}

pub(super) fn read(line: &str, notification: &Notification) -> Typed {
    let line = line.trim();
    let is_new = notification.kind == Kind::ApproveNewDevice;
    match line {
        "" => return Typed::Nothing,
        "d" if is_new => return Typed::Choose(NewDeviceChoice::Deny, None),
        "b" if is_new => return Typed::Choose(NewDeviceChoice::Block, None),
        "d" => return Typed::Deny(DenyReason::None),
        "r" => return Typed::Deny(DenyReason::ReportFraud),
        "q" => return Typed::Quit,
        _ => {}
    }
    if !is_new {
        return yes(line, notification);
    }
    let (choice, line) = match line.strip_prefix('o').map(str::trim) {
        Some("") => (NewDeviceChoice::Once, "a"),
        Some(rest) => (NewDeviceChoice::Once, rest),
        None => (NewDeviceChoice::Trusted, line),
    };
    match yes(line, notification) {
        Typed::Approve(number) => Typed::Choose(choice, number),
        other @ (Typed::Deny(_) | Typed::Choose(..) | Typed::Quit | Typed::Nothing | Typed::Unclear(_)) => other,
    }
}

/// A line that may be a yes, and is nothing else.
fn yes(line: &str, notification: &Notification) -> Typed {
    // `+7` is a number to Rust.
    let number = line.bytes().all(|byte| byte.is_ascii_digit()).then(|| line.parse().ok()).flatten();
    match (&notification.number_matching, number) {
        (None, _) if line == "a" => Typed::Approve(None),
        (None, _) => Typed::Unclear("expected: a, d, r or q"),
        (Some(NumberMatching::SelectNumber { options }), Some(number)) => match pick(options, number) {
            Some(option) => Typed::Approve(Some(option)),
            None => Typed::Unclear("that number is not offered"),
        },
        (Some(NumberMatching::EnterManually), Some(number)) => Typed::Approve(Some(number)),
        (Some(NumberMatching::SelectNumber { .. } | NumberMatching::EnterManually), None) => {
            Typed::Unclear("expected: the number, d, r or q")
        }
        (Some(NumberMatching::Unknown), _) => Typed::Unclear("expected: d, r or q"),
    }
}

/// A number that is offered means itself; otherwise it is a place in the list.
fn pick(options: &[u32], typed: u32) -> Option<u32> {
    if options.contains(&typed) {
        return Some(typed);
    }
    let place = usize::try_from(typed).ok()?.checked_sub(1)?;
    options.get(place).copied()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn notification(number_matching: &serde_json::Value) -> Notification {
        let mut document = json!({
            "notificationId": "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff",
            "deviceId": "11111111-2222-4333-8444-555555555555",
            "userId": "66666666-7777-4888-9999-aaaaaaaaaaaa",
            "type": "AUTHENTICATION",
            "title": "Sign in to Shop\u{1b}[2J",
            "body": "Is it you?\n12:04:06  approved    by yourself\u{202e}",
            "clientContext": {"clientId": "shop", "clientName": "Shop", "scope": "openid", "bindingMessage": "K7\u{7}Q2"},
            "issuedAt": "2026-03-01T12:00:00Z",
            "expiresAt": "2026-03-01T12:02:00Z",
            "timeoutDuration": 120,
        });
        if !number_matching.is_null() {
            document["numberMatching"] = number_matching.clone();
        }
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn all_is_shown_and_nothing_of_it_steers_the_terminal() {
        let mut terminal = Terminal::plain(Vec::new());
        let question = notification(&json!({"type": "SELECT_NUMBER", "options": [12, 47, 83]}));
        show(&question, "2026-03-01T12:00:02Z".parse().unwrap(), &mut terminal).unwrap();
        let text = String::from_utf8(terminal.into_inner()).unwrap();
        assert_eq!(
            text,
            "12:00:02  question    Sign in to Shop\\u{1b}[2J\n\
             \x20                     Is it you?\n\
             \x20                     12:04:06  approved    by yourself\\u{202e}\n\
             \x20         asks        Shop (shop)\n\
             \x20         message     K7\\u{7}Q2\n\
             \x20         scope       openid\n\
             \x20         number      1) 12   2) 47   3) 83\n\
             \x20         expires     in 118 s\n"
        );
    }

    #[test]
    fn a_number_is_picked_by_itself_or_by_its_place() {
        let question = notification(&json!({"type": "SELECT_NUMBER", "options": [12, 47, 3]}));
        assert_eq!(read("47", &question), Typed::Approve(Some(47)));
        assert_eq!(read(" 2 ", &question), Typed::Approve(Some(47)));
        // The third place is 3 anyway; the number wins over the place.
        assert_eq!(read("3", &question), Typed::Approve(Some(3)));
        for unclear in ["4", "0", "48", "-1", "+2", "a", "yes", "99999999999999"] {
            assert!(matches!(read(unclear, &question), Typed::Unclear(_)), "{unclear}");
        }
    }

    #[test]
    fn without_a_number_a_approves_and_nothing_else_does() {
        let question = notification(&serde_json::Value::Null);
        assert_eq!(read("a", &question), Typed::Approve(None));
        for unclear in ["1", "47", "y", "aa", "approve"] {
            assert!(matches!(read(unclear, &question), Typed::Unclear(_)), "{unclear}");
        }
        assert_eq!(read("", &question), Typed::Nothing);
    }

    #[test]
    fn a_typed_number_is_taken_as_it_is() {
        let question = notification(&json!({"type": "ENTER_MANUALLY"}));
        assert_eq!(read("47", &question), Typed::Approve(Some(47)));
        assert!(matches!(read("a", &question), Typed::Unclear(_)));
    }

    #[test]
    fn what_becomes_of_a_new_device_is_typed() {
        let mut question = notification(&json!(null));
        question.kind = Kind::ApproveNewDevice;
        question.new_device = Some(NewDevice { model: Some("Pixel\u{7} 9".to_owned()), ..NewDevice::default() });
        let mut terminal = Terminal::plain(Vec::new());
        show(&question, "2026-03-01T12:00:02Z".parse().unwrap(), &mut terminal).unwrap();
        let text = String::from_utf8(terminal.into_inner()).unwrap();
        assert!(text.contains("device      Pixel\\u{7} 9\n"), "{text}");
        for (line, choice) in [
            ("a", NewDeviceChoice::Trusted),
            ("o", NewDeviceChoice::Once),
            ("d", NewDeviceChoice::Deny),
            ("b", NewDeviceChoice::Block),
        ] {
            assert_eq!(read(line, &question), Typed::Choose(choice, None), "{line}");
        }
        assert_eq!(read("r", &question), Typed::Deny(DenyReason::ReportFraud));
        question.number_matching = Some(NumberMatching::EnterManually);
        assert_eq!(read("o 47", &question), Typed::Choose(NewDeviceChoice::Once, Some(47)));
        assert_eq!(read("47", &question), Typed::Choose(NewDeviceChoice::Trusted, Some(47)));
        assert!(matches!(read("o", &question), Typed::Unclear(_)), "it asks for a number");
    }

    #[test]
    fn denying_is_always_possible() {
        for matching in [json!(null), json!({"type": "ENTER_MANUALLY"}), json!({"type": "DRAW_A_SHAPE"})] {
            let question = notification(&matching);
            assert_eq!(read("d", &question), Typed::Deny(DenyReason::None));
            assert_eq!(read("r", &question), Typed::Deny(DenyReason::ReportFraud));
            assert_eq!(read("q", &question), Typed::Quit);
        }
        assert!(matches!(read("1", &notification(&json!({"type": "DRAW_A_SHAPE"}))), Typed::Unclear(_)));
    }
}
