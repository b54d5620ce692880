//! `/docs`: the API for people. What the pages say is what the document says; how they are for people, a
//! browser tells (tests/browser).

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::world::{Answer, World};

/// What `/docs/start` shows must compile.
#[path = "../../src/web/docs/start/ask.rs"]
#[expect(dead_code, reason = "it is a program, and nobody calls its main here")]
mod ask;

async fn page(world: &World, path: &str) -> Answer {
    Answer::of(world.request(Method::GET, path).header("accept", "text/html")).await
}

/// Everything that an attribute of a page has as its value.
fn values(page: &str, attribute: &str) -> Vec<String> {
    let begin = format!(" {attribute}=\"");
    page.split(&begin).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

async fn document(world: &World) -> Value {
    world.get("/openapi.json").await.json()
}

/// Every page that the overview leads to, and the overview.
async fn all_pages(world: &World) -> Vec<(String, String)> {
    let mut pages: Vec<(String, String)> = Vec::new();
    let mut open: Vec<String> = vec!["/docs".to_owned()];
    while let Some(path) = open.pop() {
        if pages.iter().any(|(known, _)| *known == path) {
            continue;
        }
        let answer = page(world, &path).await;
        assert_eq!(answer.status, 200, "{path}");
        let text = answer.text();
        for link in values(&text, "href") {
            let link = link.split('#').next().unwrap().to_owned();
            if link.starts_with("/docs") {
                open.push(link);
            }
        }
        pages.push((path, text));
    }
    pages
}

#[tokio::test]
async fn every_operation_and_every_schema_has_its_place() {
    let world = World::start().await;
    let (document, pages) = (document(&world).await, all_pages(&world).await);
    let mut expected = BTreeSet::new();
    for (_, item) in document["paths"].as_object().unwrap() {
        expected.extend(item.as_object().unwrap().values().map(|one| one["operationId"].as_str().unwrap().to_owned()));
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    expected.extend(schemas.keys().map(|name| format!("schema-{name}")));
    let there: BTreeSet<String> = pages.iter().flat_map(|(_, text)| values(text, "id")).collect();
    let missing: Vec<_> = expected.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?}");

    let (_, ciba) = pages.iter().find(|(path, _)| path == "/docs/api/ciba").unwrap();
    for part in ["/as/bc-auth.ciba", "login_hint", "Exactly one hint is required.", "400, 401, 403", "invalid_client"] {
        assert!(ciba.contains(part), "{part}");
    }
}

#[tokio::test]
async fn every_link_leads_somewhere() {
    let world = World::start().await;
    let pages = all_pages(&world).await;
    assert!(pages.len() > 30, "{}", pages.len());
    for (path, text) in &pages {
        for link in values(text, "href").into_iter().chain(values(text, "src")).chain(values(text, "action")) {
            let (to, place) = link.split_once('#').unwrap_or((&link, ""));
            assert!(to.is_empty() || to.starts_with('/'), "{path} leads elsewhere: {link}");
            if let Some((_, there)) = pages.iter().find(|(known, _)| known == if to.is_empty() { path } else { to }) {
                let found = place.is_empty() || values(there, "id").iter().any(|id| id == place);
                assert!(found, "{path}: nothing at {link}");
            } else {
                assert_eq!(world.get(to).await.status, 200, "{path}: {link}");
            }
        }
        let ids = values(text, "id");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{path}: an id is there twice");
    }
}

#[tokio::test]
async fn every_page_is_fenced_in() {
    let world = World::start().await;
    for path in ["/docs", "/docs?q=token", "/docs/start", "/docs/errors", "/docs/errors/not_found", "/docs/api/device"]
    {
        let page = page(&world, path).await;
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.split("; ").any(|one| one == part), "{path} {part}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        let text = page.text();
        for inline in ["<style", " style=", "<script>", "javascript:", " onclick", " onload"] {
            assert!(!text.contains(inline), "{path} has {inline}");
        }
    }
    // What is looked for is shown, and is text.
    let typed = page(&world, "/docs?q=%22%3E%3Cscript%3E").await.text();
    assert!(!typed.contains("\"><script>"), "{typed}");
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let world = World::start().await;
    for path in ["/docs", "/docs/api/ciba", "/docs/start"] {
        let first = page(&world, path).await;
        assert_eq!((first.status, first.header("cache-control")), (200, Some("no-cache")), "{path}");
        let tag = first.header("etag").unwrap();
        for known in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = Answer::of(world.request(Method::GET, path).header("if-none-match", &known)).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{path} {known}");
            assert_eq!(again.header("etag"), Some(tag), "{path}");
        }
        let other = Answer::of(world.request(Method::GET, path).header("if-none-match", "\"other\"")).await;
        assert_eq!((other.status, &other.body), (200, &first.body), "{path}");
    }
    assert_ne!(page(&world, "/docs?q=a").await.header("etag"), page(&world, "/docs?q=b").await.header("etag"));
}

/// All pages have them, those of dev mode and of sign-in too.
#[tokio::test]
async fn assets_are_kept_for_as_long_as_they_are_what_they_were() {
    let world = World::start().await;
    let text = page(&world, "/docs").await.text();
    let mut assets = values(&text, "href");
    assets.extend(values(&text, "src"));
    assets.retain(|link| link.starts_with("/assets/"));
    assert!(assets.len() >= 4, "{assets:?}");
    for path in &assets {
        let asset = world.get(path).await;
        let kept = "public, max-age=31536000, immutable";
        assert_eq!((asset.status, asset.header("cache-control")), (200, Some(kept)), "{path}");
        let kind = match path.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!(asset.header("content-type"), Some(kind), "{path}");

        // Of another version: what there is, but not to be kept.
        let name = path.rsplit('/').next().unwrap();
        let other = world.get(&format!("/assets/0123456789abcdef/{name}")).await;
        assert_eq!((other.status, other.header("cache-control")), (200, Some("no-cache")), "{path}");
        assert_eq!(other.body, asset.body);
        let tag = other.header("etag").unwrap();
        let again = Answer::of(world.request(Method::GET, path).header("if-none-match", tag)).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");

        let answer = Answer::of(world.request(Method::POST, path)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{path}");
    }
    for missing in ["", "nod.css", "x/none.css", "x/nod", "x/..%2fpage.rs", "x/%2e%2e%2fpage.rs", "x/y/nod.css"] {
        world.get(&format!("/assets/{missing}")).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn the_list_is_searched_for_all_words() {
    let world = World::start().await;
    let found = async |query: &str| page(&world, &format!("/docs?q={query}")).await.text();
    let text = found("ROTATE+key").await;
    for (part, there) in [("#rotateKeys\"", true), ("#rotateDeviceKey\"", true), ("#rotateClientSecret\"", false)] {
        assert_eq!(text.contains(part), there, "{part}: {text}");
    }
    assert!(found("precondition").await.contains("/docs/errors/precondition_failed"));
    assert!(found("tokenresp").await.contains("#schema-TokenResponse"));
    assert!(found("no-such-thing").await.contains(">0 found<"));
    // Longer than any name: cut, and answered.
    assert_eq!(page(&world, &format!("/docs?q={}", "x".repeat(5000))).await.status, 200);
    assert_eq!(page(&world, "/docs?q=%ff%00").await.status, 200);
}

#[tokio::test]
async fn elsewhere_there_is_nothing() {
    let world = World::start().await;
    for path in
        ["/docs/nothing", "/docs/api", "/docs/api/nothing", "/docs/api/ciba/more", "/docs/assets/nod.css", "/docsx"]
    {
        assert_eq!(page(&world, path).await.status, 404, "{path}");
        world.get(path).await.refused(404, "not_found");
    }
    assert!(page(&world, "/docs/nothing").await.text().contains("No such page"));
    for path in ["/docs", "/docs/start"] {
        let answer = Answer::of(world.request(Method::POST, path)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{path}");
        let head = world.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), 200);
    }
}

/// In dev mode the programs run as they are; elsewhere nobody is told dev mode's secrets.
#[tokio::test]
async fn the_programs_have_this_servers_address() {
    let world = World::start().await;
    let text = page(&world, "/docs/start").await.text();
    assert!(!text.contains("shop-secret") && !text.contains("localhost:8080"), "{text}");
    assert_eq!(text.matches("CLIENT_SECRET").count(), 5, "{text}");
    let issuer = world.get(crate::world::DISCOVERY).await.json()["issuer"].as_str().unwrap().to_owned();
    // Twice among the facts, once in each program.
    assert_eq!(text.matches(&issuer).count(), 7, "{text}");
    assert!(!text.contains("href=\"/\""), "there is no demo");

    let dev = World::with().dev_mode().start().await;
    let text = page(&dev, "/docs/start").await.text();
    assert!(text.contains("shop-secret") && text.contains("href=\"/\""), "{text}");
    assert!(page(&dev, "/").await.text().contains("href=\"/docs\""), "the demo leads there");
    assert!(!page(&dev, "/dev/wire").await.text().contains("/docs/start</"), "reading is not on the wire");
}
