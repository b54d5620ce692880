//! Whoever lets in a new device is told that it is one, in whichever way they are asked: a code that is read out to a
//! stranger is worth more than a sign-in then [flows.md F10; security.md 1.14].

use super::new_device::{payload_of, policy};
use super::step_up_message::{NUMBER, here};
use super::{PASSWORD, Scene, json};
use crate::sign_in::rfc9126_pushed_requests::{bring, push, request_uri};
use crate::world::{Browser, Page, Phone, World, seconds};

/// What our pages say then.
pub(super) const NOTE: &str = "This lets in a device that you have not used here before";
/// And what is said on the telephone.
const SAID: &str = "It lets in a device that is new here.";

impl Scene {
    /// Our own page for alice, once she has given her password: in a web view of an app, or in a browser.
    pub(super) async fn page(&self, new: Option<&Phone>) -> (Browser, Page) {
        let mut browser = self.world.browser();
        let page = match new {
            Some(new) => {
                let pushed = push(&self.shop, &[("mobilePayload", &payload_of(new, "Pixel 9"))]).await;
                bring(&mut browser, &self.shop, &request_uri(&pushed)).await
            }
            None => browser.authorize(&self.shop, &[]).await,
        };
        let page = browser.sign_in(&page.expect("a page"), "alice", PASSWORD).await.expect("somebody is asked");
        (browser, page)
    }
}

fn says_nothing(page: &Page) {
    assert!(!page.answer.text().contains(NOTE), "{}", page.answer.text());
}

#[tokio::test]
async fn f10_a_text_a_call_and_the_page_of_its_code_say_that_a_new_device_is_let_in() {
    for channel in ["sms", "voice"] {
        let mut mfa = policy();
        mfa[channel] = json!({ "enabled": true });
        let scene = Scene::with_places(here().start().await, mfa, &[(channel, NUMBER)]).await;
        let (_, page) = scene.page(None).await;
        says_nothing(&page);
        let texts = scene.world.texts();
        assert!(texts.len() == 1 && !texts[0].text.says.contains(SAID), "{texts:?}");
        scene.world.clock.advance(seconds(30));
        let (_, page) = scene.page(Some(&scene.world.phone())).await;
        page.has(NOTE);
        let texts = scene.world.texts();
        assert!(texts.len() == 2 && texts[0].text.says.contains(SAID), "{texts:?}");
    }
}

#[tokio::test]
async fn f10_the_choice_of_a_way_and_a_question_that_nobody_answered_say_that_a_new_device_is_let_in() {
    let mut mfa = policy();
    mfa["email"] = json!({ "enabled": true });
    let scene = Scene::in_world(World::with().letters().start().await, mfa).await;
    scene.trusted().await;
    scene.address("alice", "alice@home.example").await;
    let new = scene.world.phone();
    for by in [None, Some(&new)] {
        let (mut browser, page) = scene.page(by).await;
        let choice = browser.open(&format!("/sign-in/{}?method=device", page.flow())).await.unwrap();
        choice.has("How do you want to confirm that it is you?");
        scene.world.clock.advance(seconds(41));
        let late = browser.press(&page, "poll", &[]).await.unwrap();
        late.has("You did not answer in time");
        if by.is_some() {
            page.has("whether this device is yours");
            choice.has(NOTE);
            late.has(NOTE);
        } else {
            says_nothing(&choice);
            says_nothing(&late);
        }
    }
}
