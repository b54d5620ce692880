//! A browser: it keeps cookies, follows what leads to our own pages, and presses buttons.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use url::Url;

use super::{Answer, Client, Inner, World, enc};

pub(crate) const AUTHORIZE: &str = "/as/authorization.oauth2";
pub(crate) const FLOWS: &str = "/pf-ws/authn/flows/";
pub(crate) const CALLBACK: &str = "https://shop.example/cb";
pub(crate) const LOGOUT: &str = "/idp/init_logout.openid";
/// Where a relying party has people sent who were signed out.
pub(crate) const SIGNED_OUT: &str = "https://shop.example/bye?from=nod";

/// [RFC 7636 B]
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[derive(Clone)]
pub(crate) struct Browser {
    world: Arc<Inner>,
    pub(crate) cookies: BTreeMap<String, String>,
    node: usize,
}

/// Where a browser has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Below the issuer.
    pub(crate) path: String,
    pub(crate) answer: Answer,
}

/// What a relying party finds in its callback.
#[derive(Clone, Debug)]
pub(crate) struct Callback(pub(crate) BTreeMap<String, String>);

impl World {
    pub(crate) fn browser(&self) -> Browser {
        Browser { world: Arc::clone(&self.inner), cookies: BTreeMap::new(), node: 0 }
    }
}

impl Browser {
    /// The same browser, after a restart of the server.
    pub(crate) fn in_world(self, world: &World) -> Self {
        Self { world: Arc::clone(&world.inner), ..self }
    }

    pub(crate) fn at(&self, node: usize) -> Self {
        Self { node, ..self.clone() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.world.request(self.node, method, path);
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }

    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Answer {
        let answer = Answer::of(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            // Scripts of our own read this one, in frames of other sites.
            let fences: &[&str] =
                if name.ends_with("nod-browser-state") { &["Path=/"] } else { &["HttpOnly", "SameSite=Lax", "Path=/"] };
            for fence in fences {
                assert!(attributes.contains(fence), "{name}: {attributes}");
            }
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.world.guard(value);
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// As a link on a relying party's page: to where our pages end, or to its own callback.
    pub(crate) async fn open(&mut self, path: &str) -> Result<Page, Callback> {
        let mut path = path.to_owned();
        for _ in 0..5 {
            let answer = self.get(&path).await;
            match self.onward(&answer) {
                Some(Ok(next)) => path = next,
                Some(Err(callback)) => return Err(callback),
                None => return Ok(Page { path, answer }),
            }
        }
        panic!("a redirect that does not end: {path}");
    }

    /// Where an answer sends a browser by itself.
    fn onward(&self, answer: &Answer) -> Option<Result<String, Callback>> {
        let location = if (300..400).contains(&answer.status) {
            assert_eq!(answer.status, 303, "[RFC 9700 §4.12]");
            answer.header("location").unwrap().to_owned()
        } else {
            let text = answer.text();
            let (_, hop) = text.split_once("http-equiv=\"refresh\" content=\"0;url=")?;
            hop.split_once('"').unwrap().0.replace("&amp;", "&").replace("&#38;", "&")
        };
        Some(match location.strip_prefix(&self.world.issuer) {
            Some(own) => Ok(own.to_owned()),
            None => Err(Callback::of(&location)),
        })
    }

    /// The request of a client, with what a test adds or replaces.
    pub(crate) async fn authorize(&mut self, client: &Client, fields: &[(&str, &str)]) -> Result<Page, Callback> {
        self.open(&format!("{AUTHORIZE}?{}", asked(client, fields))).await
    }

    /// Presses a button of a page's form.
    pub(crate) async fn press(&mut self, page: &Page, button: &str, fields: &[(&str, &str)]) -> Result<Page, Callback> {
        let mark = page.field("csrf").unwrap_or_default();
        let mut all = vec![("csrf", mark.as_str()), ("action", button)];
        let again = page.field("again");
        all.extend(again.as_deref().map(|again| ("again", again)));
        all.extend(fields);
        let target = page.target(&self.world.issuer);
        let request = self.request(Method::POST, &target);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(enc(&all));
        let answer = self.send(request).await;
        match self.onward(&answer) {
            Some(Ok(next)) => Box::pin(self.open(&next)).await,
            Some(Err(callback)) => Err(callback),
            None => Ok(Page { path: target, answer }),
        }
    }

    /// The request of a relying party that wants its person signed out. An empty value leaves a parameter out.
    pub(crate) fn log_out_at(fields: &[(&str, &str)]) -> String {
        let fields: Vec<_> = fields.iter().filter(|(_, value)| !value.is_empty()).copied().collect();
        format!("{LOGOUT}?{}", enc(&fields))
    }

    pub(crate) async fn log_out(&mut self, fields: &[(&str, &str)]) -> Result<Page, Callback> {
        self.open(&Self::log_out_at(fields)).await
    }

    /// Signs in on the page that is open, and lets the client have all it asks for.
    pub(crate) async fn sign_in(&mut self, page: &Page, username: &str, password: &str) -> Result<Page, Callback> {
        match self.press(page, "sign_in", &[("username", username), ("password", password)]).await {
            Ok(page) if page.answer.text().contains("value=\"allow\"") => {
                let scopes = page.boxes();
                let ticked: Vec<(&str, &str)> = scopes.iter().map(|name| (name.as_str(), "on")).collect();
                self.press(&page, "allow", &ticked).await
            }
            other => other,
        }
    }

    /// From the client's request to its callback.
    pub(crate) async fn log_in(&mut self, client: &Client, username: &str, password: &str) -> Callback {
        match self.authorize(client, &[]).await {
            Ok(page) => self.sign_in(&page, username, password).await.expect_err("back at the client"),
            Err(callback) => callback,
        }
    }

    /// One action of the flow API.
    pub(crate) async fn act(&mut self, flow: &str, action: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, &format!("{FLOWS}{flow}")).header("x-xsrf-header", "nod");
        let kind = format!("application/vnd.pingidentity.{action}+json");
        self.send(request.header("content-type", kind).body(body.to_string())).await
    }

    /// A flow without a browser, at its first state.
    pub(crate) async fn flow(&mut self, client: &Client, fields: &[(&str, &str)]) -> Value {
        let mut all = vec![("response_mode", "pi.flow")];
        all.extend(fields);
        let answer = self.get(&format!("{AUTHORIZE}?{}", asked(client, &all))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    pub(crate) async fn password(&mut self, flow: &str, username: &str, password: &str) -> Answer {
        self.act(flow, "checkUsernamePassword", &json!({ "username": username, "password": password })).await
    }
}

/// The query of an authorization request. An empty value leaves a parameter out.
pub(crate) fn asked(client: &Client, fields: &[(&str, &str)]) -> String {
    let usual = [
        ("client_id", client.id.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("state", "a state"),
        ("nonce", "a nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let replaced = |name: &str| fields.iter().any(|(other, _)| *other == name);
    let all = usual.iter().filter(|(name, _)| !replaced(name)).chain(fields).filter(|(_, value)| !value.is_empty());
    enc(&all.copied().collect::<Vec<_>>())
}

impl Page {
    /// The value of a field in the form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let text = self.answer.text();
        let (_, rest) = text.split_once(&format!("name=\"{name}\" value=\""))?;
        Some(rest.split_once('"').unwrap().0.to_owned())
    }

    /// Where its form goes, below the issuer.
    fn target(&self, issuer: &str) -> String {
        let text = self.answer.text();
        let action = text.split_once("action=\"").map(|(_, rest)| rest.split_once('"').unwrap().0.to_owned());
        action.and_then(|action| action.strip_prefix(issuer).map(str::to_owned)).unwrap_or_else(|| self.path.clone())
    }

    /// The names of its boxes.
    fn boxes(&self) -> Vec<String> {
        let text = self.answer.text();
        let boxes = text.split("type=\"checkbox\" name=\"").skip(1);
        boxes.map(|rest| rest.split_once('"').unwrap().0.to_owned()).collect()
    }

    #[track_caller]
    pub(crate) fn has(&self, text: &str) -> &Self {
        assert!(self.answer.text().contains(text), "no {text:?} in {}", self.answer.text());
        self
    }

    pub(crate) fn flow(&self) -> &str {
        self.path.strip_prefix("/sign-in/").expect("a page of a flow")
    }
}

impl Callback {
    pub(crate) fn of(location: &str) -> Self {
        let url = Url::parse(location).unwrap();
        let known = [CALLBACK, SIGNED_OUT].iter().any(|known| location.starts_with(known));
        assert!(known || url.host_str() == Some("localhost"), "{location}");
        let carried = url.fragment().or(url.query()).unwrap_or_default();
        let pairs = url::form_urlencoded::parse(carried.as_bytes());
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    #[track_caller]
    pub(crate) fn error(&self, code: &str) -> &Self {
        assert_eq!(self.get("error"), code, "{self:?}");
        assert!(!self.0.contains_key("code"), "[RFC 6749 §4.1.2.1] {self:?}");
        self
    }
}

impl Client {
    /// Redeems a code.
    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        self.redeem_with(code, &[]).await
    }

    pub(crate) async fn redeem_with(&self, code: &str, fields: &[(&str, &str)]) -> Answer {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let replaced = |name: &str| fields.iter().any(|(other, _)| *other == name);
        let all = usual.iter().filter(|(name, _)| !replaced(name)).chain(fields);
        let all: Vec<_> = all.filter(|(_, value)| !value.is_empty()).copied().collect();
        self.post(super::TOKEN, &all).await
    }
}
