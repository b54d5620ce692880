//! Our pages in other languages.

use super::shop_and_alice;
use crate::world::{AUTHORIZE, World, asked};

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
