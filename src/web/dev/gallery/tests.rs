use super::*;
use crate::web::sign_in::Address;
use crate::words::Locale;

fn site() -> Site {
    let link = || Some("/help?a=1&b=2".to_owned());
    let brand = "Nod \"<&>'".to_owned();
    Site { brand, logo: link(), base: "/nod".to_owned(), help: link(), privacy: link(), terms: link() }
}

/// Whoever chooses names and texts to do harm.
fn hostile() -> Cast {
    let evil = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}\u{2069}\u{2066}";
    let long = format!("{evil}{}", "Wörterbuch\u{301}".repeat(200));
    Cast {
        shop: long.clone(),
        host: evil.to_owned(),
        alice: long.clone(),
        text: long.clone(),
        typed: evil.to_owned(),
        elsewhere: Address::parse("https://shop.example/cb?\"><script>alert(1)</script>&state='x'"),
    }
}

async fn drawn(sample: &Sample, around: &Around<'_>) -> (Vec<(String, String)>, String) {
    let response = (sample.render)(around);
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (headers, response.into_body().into_string().await.unwrap())
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> &'h str {
    headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

#[tokio::test]
async fn every_page_is_said_in_every_language() {
    let (words, site) = (Words::new(Locale::KNOWN), site());
    let samples = sample::all(&Cast::friendly("http://localhost:8080"));
    assert!(samples.all.len() > 70, "{}", samples.all.len());
    for sample in &samples.all {
        for locale in Locale::KNOWN {
            let around = Around { site: &site, words: &words, locale: *locale, here: Some("/here?a=b") };
            let (_, text) = drawn(sample, &around).await;
            let place = format!("{}/{} {}", sample.page, sample.state, locale.tag());
            let (lang, dir) = (locale.tag(), locale.direction());
            assert!(text.contains(&format!("<html lang=\"{lang}\" dir=\"{dir}\">")), "{place}");
            assert!(text.contains(&format!("/here?a=b&#38;ui_locales={lang}")), "{place}: {text}");
            assert_eq!(text.matches("<h1>").count(), 1, "{place}");
            assert_eq!(text.matches("<bdi").count(), text.matches("</bdi>").count(), "{place}");
            assert!(text.len() < 9000, "{place}: {}", text.len());
            let told = text.contains("role=\"alert\"") || sample.page == "error";
            let error = words.say(*locale, crate::words::Message::ErrorTitle(""));
            assert_eq!(text.contains(&format!("<title>{}", error.trim())), told, "{place}");
            // English that no pseudo-locale changed was not said by `Words`.
            if *locale == Locale::Accented {
                for english in [">Sign in<", ">Cancel<", ">Continue<", ">Help<", "the "] {
                    assert!(!text.contains(english), "{place} has {english}");
                }
            }
        }
    }
}

#[tokio::test]
async fn security_nothing_that_others_chose_is_markup() {
    let (words, site) = (Words::new(&[]), site());
    for sample in &sample::all(&hostile()).all {
        for locale in [Locale::En, Locale::Ar] {
            let around = Around { site: &site, words: &words, locale, here: Some("/here?\"><script>") };
            let (headers, text) = drawn(sample, &around).await;
            let place = format!("{}/{}", sample.page, sample.state);
            for markup in ["<script>", "<img src=x", "</title><", "\"'>"] {
                assert!(!text.contains(markup), "{place} has {markup}: {text}");
            }
            // A value that is sent back to us stays what it was; all that is read has lost its tricks.
            let read: String =
                text.split("value=\"").map(|part| part.split_once('"').map_or(part, |(_, rest)| rest)).collect();
            assert!(!read.contains(['\u{202e}', '\u{2066}', '\u{2069}']), "{place}");
            assert!(text.len() < 12_000, "{place}: {}", text.len());
            for (name, value) in headers {
                assert!(!value.contains(['<', '"', '\'']) || name == "content-security-policy", "{name}: {value}");
            }
        }
    }
}

#[tokio::test]
async fn security_every_page_is_fenced_in() {
    let (words, site) = (Words::new(&[]), site());
    for sample in &sample::all(&hostile()).all {
        let around = Around { site: &site, words: &words, locale: Locale::En, here: None };
        let (headers, text) = drawn(sample, &around).await;
        let policy = header(&headers, "content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.split("; ").any(|one| one == part), "{}: {policy}", sample.page);
        }
        let forms = policy.split("; ").find(|part| part.starts_with("form-action")).unwrap();
        let expected = match sample.page {
            "form-post" => "form-action 'self' https://shop.example https:",
            _ => "form-action 'self'",
        };
        assert_eq!(forms, expected, "{}", sample.page);
        let frames = policy.contains("frame-src https://shop.example");
        assert_eq!(frames, text.contains("<iframe"), "{}", sample.page);
        assert_eq!(header(&headers, "x-frame-options"), "DENY");
        assert_eq!(header(&headers, "cache-control"), "no-store", "{}", sample.page);
        assert!(header(&headers, "permissions-policy").contains("camera=()"));
        let referrer = match sample.page {
            "hop" => "no-referrer",
            "form-post" => "strict-origin",
            _ => "same-origin",
        };
        assert_eq!(header(&headers, "referrer-policy"), referrer, "{}", sample.page);
        for inline in ["<style", " style=", " onclick", " onload"] {
            assert!(!text.contains(inline), "{} has {inline}", sample.page);
        }
        let scripts = text.matches("<script").count();
        let scripted = ["id=\"passkey\"", "id=\"silent\"", "type=\"password\""].iter().any(|part| text.contains(part));
        let scripted = scripted || sample.page == "form-post";
        assert_eq!(scripts, usize::from(scripted), "{}", sample.page);
    }
}

/// Every form is complete: where it goes, what it carries along, a button that says what was meant.
#[tokio::test]
async fn every_form_can_be_sent_without_a_script() {
    let (words, site) = (Words::new(&[]), site());
    for sample in &sample::all(&Cast::friendly("http://localhost:8080")).all {
        let around = Around { site: &site, words: &words, locale: Locale::En, here: None };
        let (headers, text) = drawn(sample, &around).await;
        let place = format!("{}/{}", sample.page, sample.state);
        if sample.state == "slow-down" || sample.state == "busy" {
            assert_eq!(header(&headers, "retry-after"), "30", "{place}");
        }
        if !text.contains("<form") || sample.page == "form-post" {
            continue;
        }
        assert!(text.contains("<form method=\"post\" action=\"/dev/pages/sent\""), "{place}");
        assert!(text.contains("name=\"csrf\"") && text.contains("name=\"flow\""), "{place}");
        // Those that a script has to show do nothing without it.
        let buttons = text.matches("<button").count() - text.matches("data-reveals").count();
        assert_eq!(buttons, text.matches("name=\"action\"").count(), "{place}");
        // A button lays out its children: text beside a `<bdi>` would lose the space between them.
        for button in text.split("class=\"btn").skip(1).filter_map(|rest| rest.split_once('>')?.1.split("</").next()) {
            assert!(!button.contains("<bdi>") || button.trim_start().starts_with("<span"), "{place}: {button}");
        }
        for field in text.split("<input id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(text.contains(&format!("<label for=\"{field}\"")), "{place}: {field}");
        }
        for target in text.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(text.contains(&format!("id=\"{target}\"")), "{place}: {target}");
        }
        for named in text.split("aria-describedby=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            for id in named.split_whitespace() {
                assert!(text.contains(&format!("id=\"{id}\"")), "{place}: {id}");
            }
        }
        assert!(text.contains("10 minutes"), "{place}");
    }
}

/// By a button that says whether it is, and is not there without a script.
#[tokio::test]
async fn every_field_for_a_password_can_be_shown() {
    let (words, site) = (Words::new(&[]), site());
    let mut fields = 0;
    for sample in &sample::all(&Cast::friendly("http://localhost:8080")).all {
        for locale in Locale::KNOWN {
            let around = Around { site: &site, words: &words, locale: *locale, here: None };
            let (_, text) = drawn(sample, &around).await;
            let place = format!("{}/{} {}", sample.page, sample.state, locale.tag());
            let label = words.say(*locale, crate::words::Message::ShowPassword);
            for field in text
                .split("<input id=\"")
                .skip(1)
                .filter(|rest| rest.split_once('>').is_some_and(|(field, _)| field.contains("type=\"password\"")))
            {
                let id = field.split('"').next().unwrap();
                let button = format!(
                    "<button type=\"button\" class=\"btn link small reveal\" data-reveals=\"{id}\" aria-controls=\"{id}\" \
                     aria-pressed=\"false\" hidden>{label}</button>"
                );
                assert!(text.contains(&button) && text.contains("/reveal.js\""), "{place}: {id}");
                // What is shown is read by no spelling checker.
                assert!(field.split('>').next().unwrap().contains("spellcheck=\"false\""), "{place}: {id}");
                fields += 1;
            }
        }
    }
    assert!(fields > 20 * Locale::KNOWN.len(), "{fields}");
}
