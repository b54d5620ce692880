//! A client that administers, and what its answers have in common.

use nod::domain::client::GrantType;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::world::{Answer, Client, World};

pub(crate) struct Robot<'w> {
    world: &'w World,
    pub(crate) client: Client,
    pub(crate) token: String,
    node: usize,
}

impl World {
    /// A client with these administrative scopes, and a token with all of them.
    pub(crate) async fn robot(&self, id: &str, scope: &str) -> Robot<'_> {
        let registered = self.client(id).grants([GrantType::ClientCredentials]).scope(scope);
        let client = registered.registered(|client| client.backchannel = None).await;
        let token = fetch(&client, None).await;
        Robot { world: self, client, token, node: 0 }
    }

    pub(crate) async fn admin(&self) -> Robot<'_> {
        self.robot("root", "nod:admin").await
    }

    /// The same client with a fresh token.
    pub(crate) async fn admin_again<'w>(&'w self, robot: &Robot<'w>) -> Robot<'w> {
        let token = fetch(&robot.client, None).await;
        Robot { world: self, client: robot.client.clone(), token, node: robot.node }
    }

    /// A call with any token, or with none.
    pub(crate) async fn admin_call(&self, method: Method, path: &str, token: Option<&str>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Answer::of(request).await
    }
}

async fn fetch(client: &Client, scope: Option<&str>) -> String {
    let mut fields = vec![("grant_type", "client_credentials")];
    fields.extend(scope.map(|scope| ("scope", scope)));
    let json = client.token(&fields).await.ok();
    json["access_token"].as_str().expect("an access token").to_owned()
}

impl Robot<'_> {
    pub(crate) fn at(mut self, node: usize) -> Self {
        self.node = node;
        self
    }

    /// The same caller at another node.
    pub(crate) fn also_at(&self, node: usize) -> Self {
        Self { world: self.world, client: self.client.clone(), token: self.token.clone(), node }
    }

    /// The same client with a token for less.
    pub(crate) async fn only(&self, scope: &str) -> Self {
        let token = fetch(&self.client, Some(scope)).await;
        Self { world: self.world, client: self.client.clone(), token, node: self.node }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.world.at(self.node).request(method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.guarded(Answer::of(self.request(Method::POST, path).json(body)).await)
    }

    /// An action without a body.
    pub(crate) async fn act(&self, path: &str) -> Answer {
        self.guarded(Answer::of(self.request(Method::POST, path)).await)
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// What was shown once is never to be found again.
    pub(crate) fn guarded(&self, answer: Answer) -> Answer {
        if matches!(answer.status, 200 | 201) {
            let json = answer.json();
            for name in ["client_secret", "key", "secret"] {
                if let Some(secret) = json[name].as_str() {
                    self.world.guard(secret);
                }
            }
        }
        answer
    }
}

/// A person as the admin API names them.
pub(crate) fn usr(person: &crate::world::Person) -> String {
    nod::protocol::public_id::encode(nod::protocol::public_id::Kind::User, person.id.uuid())
}

/// Where it was made.
#[track_caller]
pub(crate) fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("location").expect("Location").to_owned()
}
