//! Letters to people: a server for them is set up as a whole, and no secret goes to it in the clear.

use std::net::IpAddr;

use super::{Code, Problem, Values};

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    [whole, in_clear].iter().filter_map(|rule| rule(values)).collect()
}

fn whole(values: &Values) -> Option<Problem> {
    let set = |key: &str| values.entry(key).is_some();
    let password = ["mail.password", "mail.password_file"].into_iter().find(|key| set(key));
    let half = |there: &str, missing: &str| {
        let problem = Problem::new(Code::Mail, format!("{there} is set and {missing} is not"));
        Some(problem.at(values.origin(there)).help(format!("set {missing} too, or not {there}")))
    };
    match (set("mail.host"), set("mail.from"), set("mail.username"), password) {
        (true, false, _, _) => return half("mail.host", "mail.from"),
        (false, true, _, _) => return half("mail.from", "mail.host"),
        (_, _, true, None) => return half("mail.username", "mail.password"),
        (_, _, false, Some(password)) => return half(password, "mail.username"),
        (true, true, _, _) | (false, false, _, _) => {}
    }
    let port: u32 = values.get("mail.port")?;
    let problem = || Problem::new(Code::Mail, "mail.port is no port").at(values.origin("mail.port"));
    (port > u32::from(u16::MAX)).then(|| problem().help("587, 465 or 25 are usual"))
}

/// What letters have in them opens accounts.
fn in_clear(values: &Values) -> Option<Problem> {
    let (host, security): (String, String) = (values.get("mail.host")?, values.get("mail.security")?);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let problem = || Problem::new(Code::Mail, "mail.security is none, and the server is on another machine");
    let help = "use starttls or tls, or a server on this machine; there is no override";
    (security == "none" && !here).then(|| problem().at(values.origin("mail.security")).help(help))
}
