//! Dev mode: its scenarios, its pages, and who may use them.

mod absent;
mod guard;
mod pages;
mod scenarios;
mod tokens;
mod wire;

use std::sync::Arc;

use nod::app::{Texts, TextsBy};
use nod::domain::client::NumberMatching;
use nod::protocol::phone_number::Reach;
use reqwest::Method;

use crate::world::{Answer, World};

/// What `nod dev` seeds: alice without a phone yet, and the shop.
async fn dev_mode() -> World {
    let with_texts = World::with().dev_mode().generous().settings(|settings| {
        settings.sms = Texts { by: TextsBy::DevInbox, reach: Reach::Everywhere, per_day: 1000 };
    });
    let world = with_texts.start().await;
    person(&world, "alice").await;
    let shop = world.client("shop").secret("shop-secret").scope("openid profile email");
    shop.number_matching(NumberMatching::Pick).await;
    world
}

/// Somebody whose password is their name, which is no secret here.
async fn person(world: &World, name: &'static str) {
    world.user(name).await;
    let (directory, set) = (Arc::clone(&world.parts().directory), Arc::clone(&world.parts().set_password));
    let seeded = async move {
        let user = directory.user_by_username(name).await.unwrap().unwrap();
        set.seed(&user, name).await.unwrap()
    };
    assert!(world.among_servers(seeded).await, "{name} has a password");
}

/// A page, as a browser has it.
async fn page(world: &World, path: &str) -> Answer {
    Answer::of(world.request(Method::GET, path).header("accept", "text/html")).await
}

/// The last message of this name on a page of the inspector, as markup.
fn last<'p>(page: &'p str, what: &str) -> Option<&'p str> {
    let named = format!("<span class=\"what\">{what}</span>");
    page.rsplit("<li class=\"message ").find(|message| message.contains(&named))
}

async fn post(world: &World, path: &str) -> Answer {
    Answer::of(world.request(Method::POST, path)).await
}

async fn post_form(world: &World, path: &str, body: &str) -> Answer {
    let request = world.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
    Answer::of(request.body(body.to_owned())).await
}
