//! In which language our pages and the flow API speak to people.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::flow_api::{app, id};
use super::{refused, shop_and_alice};
use crate::world::{AUTHORIZE, Answer, Browser, FLOWS, World, asked};

const LANGUAGES: [&str; 6] = ["en", "de", "es", "fr", "ja", "ar"];

/// An action of somebody whose browser speaks a language.
async fn act(browser: &mut Browser, flow: &str, action: &str, body: &Value, language: &str) -> Answer {
    let request = browser.request(Method::POST, &format!("{FLOWS}{flow}?action={action}"));
    let request = request.header("x-xsrf-header", "nod").header("accept-language", language);
    browser.send(request.json(body)).await
}

async fn look(browser: &mut Browser, flow: &str, language: &str) -> Answer {
    let request = browser.request(Method::GET, &format!("{FLOWS}{flow}")).header("accept-language", language);
    browser.send(request).await
}

/// The words for the person, of the whole and of its details.
fn told(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let details = body["details"].as_array().cloned().unwrap_or_default();
    let all = [body].into_iter().chain(details);
    all.map(|one| one["userMessage"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn t15_3_the_person_is_told_in_their_own_language() {
    let world = World::start().await;
    let (app, _alice) = app(&world).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await).to_owned();
    let mut read: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for language in LANGUAGES {
        let missing = act(&mut phone, &flow, "checkUsernamePassword", &json!({}), language).await;
        refused(&missing, 400, "VALIDATION_ERROR", Some("FIELD_REQUIRED"));
        let not_now = act(&mut phone, &flow, "grantConsent", &json!({}), language).await;
        refused(&not_now, 400, "INVALID_ACTION_ID", None);
        let no_flow = act(&mut phone, "none", "cancel", &json!({}), language).await;
        refused(&no_flow, 404, "FLOW_NOT_FOUND", None);
        for text in [missing, not_now, no_flow].iter().flat_map(told) {
            read.entry(text).or_default().push(language);
        }
    }
    // Each is said in one language alone, and each language says as much.
    let of = |language| read.values().filter(|languages| **languages == [language]).count();
    assert_eq!(LANGUAGES.map(of), [5; 6], "{read:#?}");
    // The nearest one, of those that the browser names; English for nobody knows whom.
    let cancelled = act(&mut phone, &flow, "cancel", &json!({}), "tlh, de-AT;q=0.9, fr;q=0.1").await;
    assert!(told(&cancelled)[0].starts_with("Sie haben sich nicht angemeldet."), "{}", cancelled.text());
    assert!(told(&look(&mut phone, &flow, "tlh").await)[0].starts_with("You did not sign in."));
}

#[tokio::test]
async fn oidcc_3_1_2_1_what_the_client_wishes_for_goes_before_the_browser() {
    let world = World::with().letters().start().await;
    let (app, _alice) = app(&world).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[("ui_locales", "tlh fr-CA")]).await).to_owned();
    let plain = id(&phone.flow(&app, &[]).await).to_owned();
    let french = act(&mut phone, &plain, "checkUsernamePassword", &json!({}), "fr").await;
    let wished = act(&mut phone, &flow, "checkUsernamePassword", &json!({}), "de").await;
    assert_eq!(told(&wished), told(&french));
    // Of what another browser began, nothing is told.
    let mut stranger = world.browser();
    let seen = act(&mut stranger, &flow, "cancel", &json!({}), "de").await;
    assert_eq!(told(&seen), told(&act(&mut stranger, "none", "cancel", &json!({}), "de").await));
    assert!(told(&act(&mut phone, &flow, "cancel", &json!({}), "de").await)[0].starts_with("Vous "));
    assert!(told(&look(&mut phone, &flow, "de").await)[0].starts_with("Vous "));

    // Beside a sign-in, and in the letter.
    let page = phone.open("/ext/pwdreset/Identify?ui_locales=ja").await.unwrap();
    let flow = page.flow().to_owned();
    act(&mut phone, &flow, "checkAccountRecoveryUsername", &json!({ "username": "alice" }), "de").await.ok();
    let wrong = act(&mut phone, &flow, "checkRecoveryCode", &json!({ "recoveryCode": "0" }), "de").await;
    refused(&wrong, 400, "VALIDATION_ERROR", Some("INVALID_OTP"));
    assert!(told(&wrong)[1].contains("コード"), "{}", wrong.text());
    assert_eq!(world.letters(1).await[0].letter.language, "ja");
    world.nothing_waits().await;
}

/// A proxy takes the path of the issuer off: what is in a page has to begin with it.
#[tokio::test]
async fn links_to_other_languages_begin_with_the_path_of_the_issuer() {
    let world = World::with().settings(|settings| settings.issuer.push_str("/id")).start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let issuer = format!("{}/id", world.issuer());
    let mut browser = world.browser();
    for (path, button) in [
        (format!("{AUTHORIZE}?{}", asked(&shop, &[])), "name=\"password\""),
        ("/ext/pwdchange/Identify".to_owned(), "name=\"password\""),
    ] {
        let sent = browser.get(&path).await;
        let at = sent.header("location").unwrap().strip_prefix(&issuer).unwrap().to_owned();
        let page = browser.get(&at).await.text();
        assert!(page.contains(button), "{page}");
        let link = format!("href=\"/id{at}?ui_locales=de\"");
        assert!(page.contains(&link), "no {link} in {page}");
    }
}
