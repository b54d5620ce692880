//! Texts and calls: whoever sends them is set up as a whole, and is called over TLS.

use url::Url;

use super::{Code, Problem, Values};

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    ["sms", "voice"].iter().filter_map(|section| whole(section, values).or_else(|| address(section, values))).collect()
}

fn whole(section: &str, values: &Values) -> Option<Problem> {
    let set = |field: &str| values.entry(&format!("{section}.{field}")).is_some();
    let secret = if set("secret") || set("secret_file") { None } else { Some("secret") };
    let half = |there: &str, missing: &str| {
        let (there, missing) = (format!("{section}.{there}"), format!("{section}.{missing}"));
        let problem = Problem::new(Code::Texts, format!("{there} is set and {missing} is not"));
        problem.at(values.origin(&there)).help(format!("set {missing} too, or not {there}"))
    };
    let first_missing = |needed: &[&'static str]| needed.iter().copied().find(|field| !set(field));
    let sender: Option<String> = values.get(&format!("{section}.sender"));
    match sender.as_deref() {
        Some("webhook") if set("account") => {
            let problem = Problem::new(Code::Texts, format!("{section}.account is of no use to a webhook"));
            Some(problem.at(values.origin(&format!("{section}.account"))).help("take it away, or set twilio"))
        }
        Some("webhook") => first_missing(&["url"]).or(secret).map(|missing| half("sender", missing)),
        Some("twilio") => first_missing(&["account", "from"]).or(secret).map(|missing| half("sender", missing)),
        // What is no sender is told elsewhere.
        Some(_) => None,
        None if set("sender") => None,
        None => {
            let useless = ["url", "account", "secret", "secret_file", "from"].into_iter().find(|field| set(field));
            useless.map(|there| half(there, "sender"))
        }
    }
}

fn address(section: &str, values: &Values) -> Option<Problem> {
    let key = format!("{section}.url");
    let text: String = values.get(&key)?;
    let good = Url::parse(&text).is_ok_and(|url| {
        url.scheme() == "https" && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
    });
    let problem = || Problem::new(Code::Texts, format!("{key} is no https address"));
    (!good).then(|| problem().at(values.origin(&key)).help("codes and numbers go there; there is no override"))
}
