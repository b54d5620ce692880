//! Codes by text: sent, brought, and cut in between.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use nod::protocol::id::UserId;
use nod::protocol::public_id::{self, Kind};
use rcgen::CertificateParams;
use serde_json::{Value, json};

use super::{PINGED_AGAIN, SIGABRT, Stores};
use crate::admin::receiver::Receiver;
use crate::nodes::{Answer, Node, Site, request, send, until};
use crate::world::Authority;

/// Somebody who gets codes by text, a server that has them asked for one, and whose one node dies at `place`.
struct Codes {
    site: Site,
    node: Node,
    provider: Receiver,
    token: String,
    alice: UserId,
}

impl Codes {
    async fn new((sql, pending): Stores<'_>, place: &str) -> Self {
        let authority = Authority::new("the provider's");
        let identity = authority.issues(&CertificateParams::new(["127.0.0.1".to_owned()]).unwrap());
        let provider = Receiver::over_tls(&identity);
        let mut site = Site::new(sql, pending).await.patient().may_call_home(&authority);
        let sms = format!(
            "\ndanger.readable_secrets = true\nsms.sender = \"webhook\"\nsms.url = \"{}\"\nsms.countries = [\"DE\"]\n\
             sms.secret = \"whsec_c2VjcmV0LW9mLXRoZS1wcm92aWRlci0wMQ==\"\n",
            provider.url()
        );
        site.settings.push_str(&sms);
        let server = site.server("server", "nod:admin nod:device-authentications").await;
        let alice = site.person("alice").await;
        let node = site.node_that_dies_at(place).await;
        let token = server.token(node.public).await;
        let codes = Self { site, node, provider, token, alice };
        let policy = json!({ "id": "mfa", "sms": { "enabled": true } });
        let number = json!({ "type": "sms", "target": "+49 151 23456789" });
        let numbers = format!("/admin/v1/users/{}/otp-devices", public_id::encode(Kind::User, alice.uuid()));
        for (path, body) in [("/admin/v1/mfa-policies", policy), (numbers.as_str(), number)] {
            codes.sends(&codes.post(path, "application/json", &body)).await.is(201, "");
        }
        codes
    }

    fn post(&self, path: &str, kind: &str, body: &Value) -> Vec<u8> {
        let bearer = format!("Bearer {}", self.token);
        request("POST", path, &[("Authorization", bearer.as_str())], Some((kind, body.to_string().as_bytes())))
    }

    fn begin(&self) -> Vec<u8> {
        let wanted = json!({ "user": { "id": self.alice.uuid() }, "policy": { "id": "mfa" } });
        self.post("/deviceAuthentications", "application/json", &wanted)
    }

    fn check(&self, id: &str, code: &str) -> Vec<u8> {
        let kind = "application/vnd.pingidentity.otp.check+json";
        self.post(&format!("/deviceAuthentications/{id}"), kind, &json!({ "otp": code }))
    }

    async fn sends(&self, request: &[u8]) -> Answer {
        send(self.node.public, request).await.expect("an answer")
    }

    async fn begins(&self) -> String {
        let begun = self.sends(&self.begin()).await;
        assert_eq!((begun.status, begun.text("status")), (201, "OTP_REQUIRED"), "{begun:?}");
        begun.text("id").to_owned()
    }

    /// The node dies of the request, and is started again.
    async fn is_cut_by(&mut self, request: &[u8]) {
        let answer = send(self.node.public, request).await;
        assert!(answer.is_err(), "the node went on: {answer:?}");
        let status = self.node.ends(Duration::from_secs(10)).await;
        assert_eq!(status.signal(), Some(SIGABRT), "{status}");
        self.node = self.site.node().await;
    }

    /// As the provider has them: each once, however often it was told.
    async fn messages(&self) -> Vec<(String, String)> {
        until("a message", PINGED_AGAIN, || async { (!self.provider.received().is_empty()).then_some(()) }).await;
        let left = "SELECT COUNT(*) FROM outbox WHERE kind = 'text'";
        until("nothing to be sent", PINGED_AGAIN, || async {
            (self.site.facts.count(left, []).await == 0).then_some(())
        })
        .await;
        let text = |json: &Value| json["text"].as_str().expect("a text").to_owned();
        let told = self.provider.received();
        let mut told: Vec<_> = told.iter().map(|one| (one.idempotency_key.clone(), text(&one.json()))).collect();
        told.dedup();
        told
    }
}

/// Cut while somebody brings the code that they were sent, who brings it again. `left`: how many tries a wrong one leaves.
pub(super) async fn while_checking_a_code(stores: Stores<'_>, place: &str, left: u32) {
    let mut codes = Codes::new(stores, place).await;
    let id = codes.begins().await;
    let messages = codes.messages().await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    let text = messages[0].1.as_str();
    let said = text.rsplit_once('#').map_or(text, |(_, code)| code);
    let code: String = said.chars().filter(char::is_ascii_digit).collect();
    codes.is_cut_by(&codes.check(&id, &code)).await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    let refused = codes.sends(&codes.check(&id, wrong)).await;
    refused.is(400, "INVALID_DATA");
    assert_eq!(refused.body["details"][0]["attemptsRemaining"], left, "{refused:?}");
    let done = codes.sends(&codes.check(&id, &code)).await;
    assert_eq!((done.status, done.text("status")), (200, "COMPLETED"), "{done:?}");
    codes.sends(&codes.check(&id, &code)).await.is(400, "INVALID_REQUEST");
}

/// Cut while a code is sent. It goes out once, and whoever did not hear of it asks again.
pub(super) async fn while_sending_a_code(stores: Stores<'_>, place: &str) {
    let mut codes = Codes::new(stores, place).await;
    codes.is_cut_by(&codes.begin()).await;
    assert_eq!(codes.messages().await.len(), 1);
    codes.begins().await;
}
