//! Somebody is locked, or a device is nobody's any more, while it says yes and the client comes for the tokens.

use std::net::SocketAddr;
use std::time::Duration;

use nod::domain::authentication_request::{Asker, AuthenticationRequest};
use nod::domain::user::Status;
use nod::protocol::id::{AuthReqId, DeviceId};
use nod::store::ephemeral::Lifetime;
use nod_device::Call;

use super::{Question, Stage, at_once, codes};
use crate::backends::Redis;
use crate::nodes::{Answer, Pending, Phone, Site, Sql, polled_to_the_end, send, until};

/// Fewer than elsewhere: each round takes until both nodes know, and a network pairs twenty phones a minute.
const CROWDS: [(usize, usize); 4] = [(2, 5), (4, 3), (16, 2), (64, 1)];

/// Says [reliability.md]: within a second, on all nodes.
const KNOWN: Duration = Duration::from_secs(2);

impl Stage {
    /// A phone that both nodes know, of somebody with nothing else.
    async fn phone_of(&self, name: &str, round: usize) -> Phone {
        let person = self.site.person(name).await;
        let phone = Phone::pair(self.at(round), &self.site.pairing_key(person).await).await;
        for at in self.at {
            until("a known phone", KNOWN, || async {
                (phone.sends(at, &phone.me()).await.status == 200).then_some(())
            })
            .await;
        }
        phone
    }

    /// So many polls, on both nodes, and what goes with them.
    fn polls(&self, question: &Question, crowd: usize, more: Vec<(SocketAddr, Vec<u8>)>) -> Vec<(SocketAddr, Vec<u8>)> {
        more.into_iter().chain((0..crowd).map(|n| (self.at(n), self.shop.poll(&question.id)))).collect()
    }

    /// What the nodes said is what is written down; and whoever has not come by now gets nothing.
    async fn is_worth_nothing(&self, question: &Question, (yes, polls): (bool, &[Answer]), round: usize) {
        let won: Vec<&Answer> = polls.iter().filter(|answer| answer.status == 200).collect();
        assert!(won.len() <= 1 && (yes || won.is_empty()), "{:?}", codes(polls));
        let decision = self.site.facts.decision(question.request).await;
        assert_eq!(decision.as_deref(), yes.then_some("approved"), "what stands, and what the phone was told");
        if let Some(won) = won.first() {
            let refresh = self.shop.refresh(won.text("refresh_token"));
            send(self.at(round), &refresh).await.expect("an answer").is(400, "invalid_grant");
        } else if yes {
            let within = Duration::from_secs(7);
            polled_to_the_end(&self.shop, self.at(round), &question.id, within).await.is(400, "access_denied");
        }
        let live = self.site.facts.live_grants(question.request).await;
        assert_eq!(live, i64::try_from(won.len()).expect("a few"), "grants of {:?}", codes(polls));
    }
}

/// R10: a person is locked while they say yes, and while the client polls. Once the nodes know, there are no tokens, and
/// those that came before are renewed no more.
pub(super) async fn r10(stage: &Stage) {
    let phone = stage.phone_of("carol", 0).await;
    // One that nobody answers: where it is shown, a node takes her for somebody who may.
    stage.shop.asks(stage.at(0), "carol", &[("requested_expiry", "300")]).await;
    let is_locked = |locked: bool| {
        let phone = &phone;
        async move {
            for at in stage.at {
                let known = || async { (phone.pending(at).await.is_empty() == locked).then_some(()) };
                until("what became of a person", KNOWN, known).await;
            }
        }
    };
    for (crowd, rounds) in CROWDS {
        for round in 0..rounds {
            let question = stage.question_of(("carol", &phone), round, &[]).await;
            // A yes that was there before, or one that comes with the lock.
            let before = round % 2 == 1;
            if before {
                let approve = phone.approve(&question.notification);
                phone.sends(stage.at(round), &approve).await.is(200, "");
            }
            let yes = vec![(stage.at(round), phone.approve(&question.notification))];
            let lock = async {
                tokio::time::sleep(Duration::from_micros(400) * u32::try_from(crowd + round).expect("a few")).await;
                stage.site.sets_status("carol", Status::Locked).await;
            };
            let (told, ()) = tokio::join!(at_once(stage.polls(&question, crowd, yes)), lock);
            is_locked(true).await;
            let (said, polls) = told.split_first().expect("the phone's answer");
            assert!(matches!(said.status, 200 | 404), "{said:?}");
            stage.is_worth_nothing(&question, (before || said.status == 200, polls), round).await;
            let late = phone.approve(&question.notification);
            phone.sends(stage.at(round + 1), &late).await.is(404, "NOTIFICATION_NOT_FOUND");

            stage.site.sets_status("carol", Status::Active).await;
            is_locked(false).await;
        }
    }
}

/// R18: a phone gives itself up while it says yes, and while the client polls. It has answered before, or it is refused;
/// and what it answered is worth nothing from then on.
pub(super) async fn r18(stage: &Stage) {
    for (crowd, rounds) in CROWDS {
        for round in 0..rounds {
            let name = format!("dave-{crowd}-{round}");
            let phone = stage.phone_of(&name, round).await;
            let question = stage.question_of((&name, &phone), round, &[]).await;
            let before = round % 2 == 1;
            if before {
                let approve = phone.approve(&question.notification);
                phone.sends(stage.at(round), &approve).await.is(200, "");
            }
            let both = vec![
                (stage.at(round), phone.approve(&question.notification)),
                (stage.at(round / 2), phone.request(&Call::unpair(phone.device))),
            ];
            let told = at_once(stage.polls(&question, crowd, both)).await;
            let [said, gone, polls @ ..] = &told[..] else { panic!("two answers of the phone") };
            assert_eq!(gone.status, 204, "{gone:?}");
            assert!(matches!(said.status, 200 | 401 | 404), "{said:?}");
            for at in stage.at {
                until("a phone that is nobody's", KNOWN, || async {
                    (phone.sends(at, &phone.me()).await.status == 401).then_some(())
                })
                .await;
                let late = phone.approve(&question.notification);
                phone.sends(at, &late).await.is(401, "DEVICE_UNKNOWN");
            }
            stage.is_worth_nothing(&question, (before || said.status == 200, polls), round).await;
        }
    }
}

/// [flows.md F5] Blocked or unpaired by a command, a device is waited for no more by sign-ins; and by clients it is, since
/// other devices may answer those.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_withdraws_what_waits_for_a_device_alone() {
    let site = Site::new(Sql::Sqlite, Pending::Redis(Redis::shared())).await;
    let shop = site.relying_party("shop", false).await;
    let node = site.node().await;
    for (name, command) in [("alice", &["device", "block"][..]), ("bob", &["device", "unpair", "--yes"][..])] {
        let phone = Phone::pair(node.public, &site.pairing_key(site.person(name).await).await).await;
        let of_client = shop.asks(node.public, name, &[]).await;
        let of_flow = shop.asks(node.public, name, &[]).await;
        // As a sign-in asks it, but for where it came from.
        let asker = Asker::Flow(DeviceId::new(phone.device.uuid()));
        let by_flow = |request: AuthenticationRequest| (AuthenticationRequest { asker, ..request }, ());
        let digest = AuthReqId::presented(&of_flow).digest();
        site.facts.requests.update(&digest, Lifetime::Keep, by_flow).await.expect("a store").expect("a request");
        let device = phone.device.to_string();
        let output = site.command(&[command, &[device.as_str()]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for (id, decision) in [(&of_flow, Some("cancelled")), (&of_client, None)] {
            let request = site.facts.request(id).await.expect("a request");
            assert_eq!(site.facts.decision(request.id).await.as_deref(), decision, "{command:?}");
        }
    }
}
