//! Our cookies: who acts in a flow, and who is signed in [RFC 6265].

use std::time::Duration;

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::domain::mfa_policy::RememberMe;
use crate::protocol::id::{BrowserKey, RememberedKey, SessionToken};
use crate::protocol::session_state::BrowserState;
use crate::usecase::sign_in::known_devices::{KnownDevice, LONGEST, REMEMBERED};
use crate::usecase::sign_in::{Browser, SignedIn};

const KEY: &str = "nod-flow";
const SESSION: &str = "nod-session";
/// Who has signed in there before.
const DEVICE: &str = "nod-device";
/// Who is not asked for a second factor there.
const REMEMBERED_BY: &str = "nod-remembered";
const STATE: &str = "nod-browser-state";

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// How cookies are named and sent here.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    secure: bool,
    /// A page of ours tells others' pages whether somebody else is signed in.
    telling: bool,
}

impl Cookies {
    /// `__Host-` keeps other hosts below the same domain from planting one; browsers refuse it without
    /// TLS, which only dev mode is.
    pub fn new(issuer: &str) -> Self {
        Self { secure: issuer.starts_with("https://"), telling: false }
    }

    #[must_use]
    pub const fn telling(self, telling: bool) -> Self {
        Self { telling, ..self }
    }

    pub const fn is_telling(self) -> bool {
        self.telling
    }

    /// What the cookie is called by which that page knows.
    pub fn browser_state(self) -> String {
        self.name(STATE)
    }

    fn name(self, name: &str) -> String {
        if self.secure { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// What the cookie of a flow is called.
    pub fn flow(self) -> String {
        self.name(KEY)
    }

    pub fn browser(self, headers: &HeaderMap) -> Browser {
        Browser {
            key: self.get(headers, KEY).map(|value| BrowserKey::presented(&value)),
            session: self.get(headers, SESSION).map(|value| SessionToken::presented(&value)),
            device: self.get(headers, DEVICE).and_then(|value| KnownDevice::presented(&value)),
            remembered: self.get(headers, REMEMBERED_BY).map(|value| RememberedKey::presented(&value)),
        }
    }

    /// Two cookies of one name are somebody's attempt to have us read the other one: neither counts.
    fn get(self, headers: &HeaderMap, name: &str) -> Option<String> {
        let name = self.name(name);
        let pairs = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut found = pairs
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(given, _)| *given == name)
            .map(|(_, value)| value);
        match (found.next(), found.next()) {
            (Some(one), None) => Some(one.to_owned()).filter(|value| (1..=LONGEST).contains(&value.len())),
            (Some(_) | None, _) => None,
        }
    }

    pub fn set_key(self, headers: &mut HeaderMap, key: &BrowserKey) {
        self.set(headers, KEY, key.expose());
    }

    pub fn set_session(self, headers: &mut HeaderMap, signed_in: &SignedIn) {
        self.set(headers, SESSION, signed_in.session.expose());
        // It outlives the window: it lets nobody in.
        self.set_for(headers, DEVICE, &signed_in.device.text(), Some(REMEMBERED));
        self.tell(headers, &signed_in.session);
    }

    /// For as long as any policy may say: for how long it counts, and for whom, is kept here.
    pub fn set_remembered(self, headers: &mut HeaderMap, key: &RememberedKey) {
        let lasts = Duration::from_secs(u64::from(*RememberMe::LIFETIME.end()));
        self.set_for(headers, REMEMBERED_BY, key.expose(), Some(lasts));
    }

    /// For a script, in frames of other sites too: the one cookie without fences. Where there is no TLS, everybody is on
    /// this machine, and so on one site.
    pub fn tell(self, headers: &mut HeaderMap, session: &SessionToken) {
        if self.telling {
            self.append_state(headers, BrowserState::of(session).as_str(), "");
        }
    }

    fn append_state(self, headers: &mut HeaderMap, value: &str, more: &str) {
        let site = if self.secure { "SameSite=None; Secure" } else { "SameSite=Lax" };
        let cookie = format!("{}={value}; Path=/; {site}{more}", self.name(STATE));
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }

    /// Sessions end on the server; a cookie that outlives its browser window would only be found by others.
    fn set(self, headers: &mut HeaderMap, name: &str, value: &str) {
        self.set_for(headers, name, value, None);
    }

    fn set_for(self, headers: &mut HeaderMap, name: &str, value: &str, lasts: Option<Duration>) {
        let secure = if self.secure { "; Secure" } else { "" };
        let lasts = lasts.map_or_else(String::new, |lasts| format!("; Max-Age={}", lasts.as_secs()));
        let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{lasts}{secure}", self.name(name));
        if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
            cookie.set_sensitive(true);
            headers.append(header::SET_COOKIE, cookie);
        }
    }

    /// Leaves nothing of whoever was signed in: neither the session, nor the flows that this browser has
    /// begun, in one of which its person may already have proved who they are.
    pub fn forget(self, headers: &mut HeaderMap) {
        let secure = if self.secure { "; Secure" } else { "" };
        for name in [SESSION, KEY] {
            let cookie = format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}", self.name(name));
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                headers.append(header::SET_COOKIE, cookie);
            }
        }
        if self.telling {
            self.append_state(headers, "", "; Max-Age=0");
        }
        headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\", \"storage\""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, line.parse().unwrap());
        }
        Cookies::new("https://op.example").browser(&headers).session.map(|token| token.expose().clone())
    }

    #[test]
    fn security_139_only_our_own_cookie_counts() {
        assert_eq!(session(&["a=b; __Host-nod-session=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(session(&["nod-session=x"]), None, "one that another host may have planted");
        assert_eq!(session(&["__Host-nod-session=x; __Host-nod-session=y"]), None);
        assert_eq!(session(&["__Host-nod-session=x", "__Host-nod-session=y"]), None);
        assert_eq!(session(&["__Host-nod-session="]), None);
        assert_eq!(session(&[&format!("__Host-nod-session={}", "x".repeat(300))]), None);
    }

    #[test]
    fn security_5_5_a_cookie_is_fenced() {
        let mut headers = HeaderMap::new();
        let device = KnownDevice::presented("").unwrap();
        let signed_in = SignedIn { session: SessionToken::presented("x"), device };
        Cookies::new("https://op.example").set_session(&mut headers, &signed_in);
        let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
        assert_eq!(
            cookies,
            [
                "__Host-nod-session=x; Path=/; HttpOnly; SameSite=Lax; Secure",
                "__Host-nod-device=; Path=/; HttpOnly; SameSite=Lax; Max-Age=15552000; Secure",
            ]
        );
        let mut headers = HeaderMap::new();
        Cookies::new("http://localhost:8080").set_key(&mut headers, &BrowserKey::presented("x"));
        assert_eq!(headers.get(header::SET_COOKIE).unwrap(), "nod-flow=x; Path=/; HttpOnly; SameSite=Lax");
    }
}
