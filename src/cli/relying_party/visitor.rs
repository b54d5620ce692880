//! Somebody of dev mode with a browser, for `--auto`: reads our own pages, and says yes to everything. It is no
//! browser for others' pages.

use std::collections::BTreeMap;

use reqwest::RequestBuilder;
use reqwest::header::{COOKIE, SET_COOKIE};
use url::Url;

use crate::cli::exchange::{Answer, Http, PROMPT, Unanswered, send};
use crate::cli::exit::Exit;
use crate::cli::terminal::safe;

/// Pages and redirects of one way, at most.
const LONGEST: usize = 20;

/// What is pressed, where it is there. None of them twice: it did not help.
const BUTTONS: [&str; 4] = ["sign_in", "allow", "connect", "continue"];

pub(super) struct Visitor {
    http: Http,
    issuer: String,
    /// Whose password is their user name.
    username: String,
    cookies: BTreeMap<String, String>,
}

/// Where the way ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// Somewhere else: nobody has gone there yet.
    Away(Url),
    /// A page of the provider that asks for nothing.
    Here,
}

/// What stops somebody on the way.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error("{0}")]
    Stuck(String),
}

impl From<Stopped> for Exit {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Unanswered(error) => Self::unreachable(error.to_string()),
            Stopped::Stuck(why) => Self::failed(why),
        }
    }
}

impl Visitor {
    pub(super) const fn new(http: Http, issuer: String, username: String) -> Self {
        Self { http, issuer, username, cookies: BTreeMap::new() }
    }

    /// Opens an address, and goes on to where nothing is left to do.
    pub(super) async fn open(&mut self, url: &str) -> Result<Arrived, Stopped> {
        let mut at = Url::parse(url).map_err(|_| self.stuck("that is no address"))?;
        let mut pressed = Vec::new();
        let mut sent: Option<Vec<(String, String)>> = None;
        for _ in 0..LONGEST {
            if !self.is_ours(&at) {
                return Ok(Arrived::Away(at));
            }
            let request = match sent.take() {
                None => self.http.get(at.as_str()),
                Some(form) => self.http.post(at.as_str()).form(&form),
            };
            let answer = self.send(request).await?;
            let page = String::from_utf8_lossy(answer.body()).into_owned();
            if let Some(next) = onward(&answer, &page) {
                at = at.join(&next).map_err(|_| self.stuck("it is sent to no address"))?;
                continue;
            }
            if answer.status != 200 {
                return Err(self.stuck(&format!("the page at {} is a {}", safe(at.path()), answer.status)));
            }
            let Some(form) = Form::of(&page) else { return Ok(Arrived::Here) };
            let button = BUTTONS.into_iter().find(|button| form.has_button(button));
            let Some(button) = button.filter(|button| !pressed.contains(button)) else {
                return Err(self.stuck(&format!("nothing to press on the page at {}", safe(at.path()))));
            };
            pressed.push(button);
            sent = Some(form.filled(button, &self.username));
            at = at.join(&form.action).map_err(|_| self.stuck("its form goes to no address"))?;
        }
        Err(self.stuck("the way does not end"))
    }

    fn stuck(&self, why: &str) -> Stopped {
        Stopped::Stuck(format!("{} gets no further: {why}", self.username))
    }

    /// Cookies and passwords are for the provider alone.
    fn is_ours(&self, url: &Url) -> bool {
        Url::parse(&self.issuer).is_ok_and(|issuer| issuer.origin() == url.origin())
    }

    async fn send(&mut self, request: RequestBuilder) -> Result<Answer, Unanswered> {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) };
        let answer = send(request, PROMPT).await?;
        for cookie in answer.all(SET_COOKIE.as_str()) {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

/// Where an answer leads by itself: by a redirect, or by a page that is only passed.
fn onward(answer: &Answer, page: &str) -> Option<String> {
    if (300..400).contains(&answer.status) {
        return answer.header("location").map(str::to_owned);
    }
    let (_, rest) = page.split_once("http-equiv=\"refresh\" content=\"0;url=")?;
    Some(plain(rest.split_once('"')?.0))
}

/// A form as our pages write it: each attribute in double quotes, and always in the same order.
struct Form {
    action: String,
    text: String,
}

impl Form {
    /// The first one of the page.
    fn of(page: &str) -> Option<Self> {
        let (_, rest) = page.split_once("<form method=\"post\" action=\"")?;
        let (action, rest) = rest.split_once('"')?;
        let (text, _) = rest.split_once("</form>")?;
        Some(Self { action: plain(action), text: text.to_owned() })
    }

    fn has_button(&self, button: &str) -> bool {
        self.text.contains(&format!("name=\"action\" value=\"{button}\""))
    }

    fn filled(&self, button: &str, username: &str) -> Vec<(String, String)> {
        let mut all = vec![("action".to_owned(), button.to_owned())];
        for tag in self.text.split("<input ").skip(1) {
            let tag = tag.split('>').next().unwrap_or_default();
            let tag = format!(" {tag}");
            let attribute = |name: &str| {
                let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
                Some(plain(rest.split_once('"')?.0))
            };
            let Some(name) = attribute("name") else { continue };
            let value = match name.as_str() {
                "username" | "password" => username.to_owned(),
                _ => attribute("value").unwrap_or_default(),
            };
            all.push((name, value));
        }
        all
    }
}

/// An attribute's text, without what HTML puts in the place of its own signs.
fn plain(text: &str) -> String {
    let signs = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&"), ("&amp;", "&")];
    signs.iter().fold(text.to_owned(), |text, (written, sign)| text.replace(written, sign))
}

#[cfg(test)]
mod tests {
    use nod_device::Issuer;

    use super::*;
    use crate::cli::relying_party::double::{Answer as Scripted, Double, Received};

    const CREDENTIALS: &str = "<form method=\"post\" action=\"/sign-in/x\" class=\"stack\">\
         <input type=\"hidden\" name=\"csrf\" value=\"a&#38;b\">\
         <input id=\"username\" name=\"username\" type=\"text\" value=\"\">\
         <input id=\"password\" name=\"password\" type=\"password\">\
         <button class=\"btn go\" name=\"action\" value=\"sign_in\">Sign in</button></form>";
    const CONSENT: &str = "<form method=\"post\" action=\"/sign-in/x\">\
         <input type=\"checkbox\" name=\"scope:profile\" value=\"on\" checked>\
         <button name=\"action\" value=\"cancel\">No</button><button name=\"action\" value=\"allow\">Yes</button></form>";

    fn html(text: &str) -> Scripted {
        Scripted::new(200, "text/html", text)
    }

    async fn visit(
        answer: impl Fn(&Received, usize) -> Scripted + Send + Sync + 'static,
    ) -> (Double, String, BTreeMap<String, String>) {
        let double = Double::start(answer).await;
        let http = Http::new(&Issuer::parse(&double.issuer).unwrap()).unwrap();
        let mut visitor = Visitor::new(http, double.issuer.clone(), "alice".to_owned());
        let arrived = visitor.open(&format!("{}/authorize?a=b", double.issuer)).await;
        let told = match arrived {
            Ok(Arrived::Away(url)) => url.to_string(),
            Ok(Arrived::Here) => "here".to_owned(),
            Err(stopped) => stopped.to_string(),
        };
        (double, told, visitor.cookies)
    }

    #[tokio::test]
    async fn somebody_signs_in_agrees_and_comes_back() {
        let (double, told, cookies) = visit(|_, number| match number {
            0 => Scripted { status: 303, ..Scripted::default() }
                .header("location", "/sign-in/x")
                .header("set-cookie", "nod-flow=1; HttpOnly")
                .header("set-cookie", "gone=2; Path=/"),
            1 => html(CREDENTIALS),
            2 => html(CONSENT).header("set-cookie", "gone=; Max-Age=0"),
            _ => html("<meta http-equiv=\"refresh\" content=\"0;url=http://127.0.0.1:9/callback?code=c&#38;state=s\">"),
        })
        .await;
        assert_eq!(told, "http://127.0.0.1:9/callback?code=c&state=s");
        assert_eq!(cookies.into_iter().collect::<Vec<_>>(), [("nod-flow".to_owned(), "1".to_owned())]);
        let sent: Vec<_> = double.received();
        let body = |at: usize| String::from_utf8_lossy(&sent[at].body).into_owned();
        assert_eq!(sent[1].header("cookie"), Some("gone=2; nod-flow=1"));
        assert_eq!(body(2), "action=sign_in&csrf=a%26b&username=alice&password=alice");
        assert_eq!(body(3), "action=allow&scope%3Aprofile=on");
        assert_eq!(sent.len(), 4, "the address of the relying party is its own affair");
    }

    #[tokio::test]
    async fn a_page_that_comes_back_is_the_end_of_it() {
        let (double, told, _) = visit(|_, _| html(CREDENTIALS)).await;
        assert!(told.contains("nothing to press"), "{told}");
        assert_eq!(double.received().len(), 2, "a password is tried once");
        let (_, told, _) = visit(|_, _| Scripted { status: 303, ..Scripted::default() }.header("location", "/x")).await;
        assert!(told.contains("does not end"), "{told}");
        let (_, told, _) = visit(|_, _| Scripted::new(500, "text/html", "Trouble")).await;
        assert!(told.contains("/authorize is a 500"), "{told}");
        let (_, told, _) = visit(|_, _| html("Your device is connected")).await;
        assert_eq!(told, "here");
    }
}
