//! Two nodes, a relying party and a phone, and what they have under way when something breaks.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use nod::protocol::id::RequestId;
use nod_device::{Call, InstallationInfo, Notification, PairingKey, messages::PairingRequest};

use super::{AT_ONCE, OUTAGE};
use crate::nodes::{
    Answer, Node, Pending, Phone, RelyingParty, Site, Sql, get, polled_to_the_end, send, until, volley,
};

/// What is under way when it breaks.
pub(super) const CROWD: usize = 12;

pub(crate) struct Scene {
    pub(crate) site: Site,
    pub(crate) nodes: [Node; 2],
    pub(crate) shop: RelyingParty,
    pub(crate) phone: Phone,
}

pub(crate) struct Question {
    pub(crate) id: String,
    pub(super) request: RequestId,
    pub(crate) shown: Notification,
}

impl Scene {
    pub(super) async fn new(sql: Sql<'_>, pending: Pending<'_>) -> Self {
        Self::at_site(Site::new(sql, pending).await).await
    }

    pub(crate) async fn at_site(site: Site) -> Self {
        let shop = site.relying_party("shop", false).await;
        let key = site.pairing_key(site.person("alice").await).await;
        let (one, other) = tokio::join!(site.node(), site.node());
        let phone = Phone::pair(one.public, &key).await;
        until("a known phone", Duration::from_secs(2), || async {
            (phone.sends(other.public, &phone.me()).await.status == 200).then_some(())
        })
        .await;
        Self { site, nodes: [one, other], shop, phone }
    }

    pub(crate) fn at(&self, n: usize) -> SocketAddr {
        self.nodes[n % 2].public
    }

    pub(crate) async fn question(&self, n: usize) -> Question {
        let id = self.shop.asks(self.at(n), "alice", &[]).await;
        let stored = self.site.facts.request(&id).await.expect("a request");
        let shown = self.phone.pending(self.at(n)).await;
        let shown = shown.into_iter().find(|shown| shown.notification_id.uuid() == stored.notification.uuid());
        Question { id, request: stored.id, shown: shown.expect("a question on the phone") }
    }

    pub(super) async fn approved(&self, n: usize) -> Question {
        let question = self.question(n).await;
        self.phone.sends(self.at(n), &self.phone.approve(&question.shown)).await.is(200, "");
        question
    }

    /// One request for each thing that a node can be asked and cannot answer alone.
    pub(super) fn everything(&self, pending: &Question, approved: &Question, refresh_token: &str) -> Vec<Vec<u8>> {
        let pairing = PairingRequest {
            pairing_key: PairingKey::parse("000000000000").expect("a pairing key"),
            installation: InstallationInfo { platform: "TEST".to_owned(), ..InstallationInfo::default() },
        };
        vec![
            self.shop.ask("alice", &[]),
            self.shop.poll(&pending.id),
            self.shop.poll(&approved.id),
            self.shop.poll("unknown"),
            self.shop.refresh(refresh_token),
            self.shop.cancel(&pending.id),
            self.shop.introspect(refresh_token),
            self.phone.me(),
            self.phone.approve(&pending.shown),
            self.phone.deny(&pending.shown),
            self.phone.request(&Call::pending()),
            self.phone.request(&Call::notification(pending.shown.notification_id)),
            self.phone.request(&Call::events()),
            self.phone.request(&Call::pair(&pairing)),
            self.phone.request(&Call::unpair(self.phone.device)),
        ]
    }

    /// Breaks something under load, looks at everything while it is broken, mends it, and finishes what
    /// was under way.
    pub(super) async fn lives_through(
        &self,
        breaks: impl FnOnce() + Send + 'static,
        mends: impl FnOnce() + Send + 'static,
        back_within: Duration,
    ) {
        let earlier = self.approved(0).await;
        let tokens = self.shop.polls(self.at(0), &earlier.id).await;
        let refresh_token = tokens.is(200, "").text("refresh_token").to_owned();
        let mut waiting = Vec::new();
        for n in 0..2 {
            waiting.push(self.question(n).await);
            self.shop.polls(self.at(n), &waiting[n].id).await.is(400, "authorization_pending");
        }
        let approved = self.approved(1).await;
        let (mut answering, mut redeeming) = (Vec::new(), Vec::new());
        for n in 0..CROWD {
            answering.push(self.question(n).await);
            redeeming.push(self.approved(n).await);
        }

        let under_way = (0..CROWD).flat_map(|n| {
            let approve = self.phone.approve(&answering[n].shown);
            [(self.at(n), approve), (self.at(n + 1), self.shop.poll(&redeeming[n].id))]
        });
        let volley = volley(under_way.collect());
        let (told, broken) = tokio::join!(volley, tokio::task::spawn_blocking(breaks));
        broken.expect("a break");
        let broken = Instant::now();
        let told: Vec<Option<Answer>> = told.into_iter().map(Result::ok).collect();
        for answer in told.iter().flatten() {
            assert!(matches!(answer.status, 200 | 400 | 503), "{answer:?}");
        }

        // For a second, a node may still know enough, of this phone for example.
        for n in 0..2 {
            until("a node that notices", Duration::from_secs(2), || async {
                (self.phone.sends(self.at(n), &self.phone.me()).await.status == 503).then_some(())
            })
            .await;
        }
        let (mut asked, mut slowest) = (0, Duration::ZERO);
        while broken.elapsed() < OUTAGE {
            for (n, waits) in waiting.iter().enumerate().take(2) {
                let requests = self.everything(waits, &approved, &refresh_token);
                let answers = join_all(requests.iter().map(|request| send(self.at(n), request))).await;
                for (answer, request) in answers.into_iter().zip(&requests) {
                    let answer = answer.expect("an answer");
                    let line = String::from_utf8_lossy(request).lines().next().unwrap_or_default().to_owned();
                    assert_eq!(answer.status, 503, "{line}: {answer:?}");
                    assert!(answer.code().eq_ignore_ascii_case("temporarily_unavailable"), "{line}: {answer:?}");
                    let seconds = answer.header("retry-after").and_then(|after| after.parse::<u32>().ok());
                    assert!(seconds.is_some_and(|seconds| (1..=5).contains(&seconds)), "{line}: {answer:?}");
                    assert!(answer.took < AT_ONCE, "{line} took {:?}", answer.took);
                    slowest = slowest.max(answer.took);
                    asked += 1;
                }
                assert_eq!(self.nodes[n].readiness().await, Some(503));
                assert_eq!(self.nodes[n].liveness().await, Some(200));
                let known = send(self.at(n), &get("/.well-known/openid-configuration")).await.expect("an answer");
                assert_eq!(known.status, 200, "{known:?}");
            }
        }

        tokio::task::spawn_blocking(mends).await.expect("a repair");
        let mended = Instant::now();
        for (n, question) in waiting.iter().enumerate() {
            let first = until("service", back_within, || async {
                let answer = self.shop.polls(self.at(n), &question.id).await;
                (answer.status != 503).then_some(answer)
            })
            .await;
            // What was asked meanwhile does not count as too early.
            first.is(400, "authorization_pending");
        }
        let back = mended.elapsed();
        for node in &self.nodes {
            node.becomes_ready(back_within).await;
        }
        eprintln!(
            "{asked} answers while it was away, the slowest after {slowest:?}; service {back:?} after its return"
        );

        for (n, question) in waiting.iter().enumerate() {
            self.phone.sends(self.at(n), &self.phone.approve(&question.shown)).await.is(200, "");
            self.redeems(n, question, false).await;
        }
        self.redeems(0, &approved, false).await;
        for n in 0..CROWD {
            let poll = &told[2 * n + 1];
            // A phone that got no answer says it again, and hears that it counts, now or since the first time.
            self.phone.sends(self.at(n), &self.phone.approve(&answering[n].shown)).await.is(200, "");
            self.redeems(n, &answering[n], false).await;
            match poll {
                Some(tokens) if tokens.status == 200 => {
                    self.shop.polls(self.at(n), &redeeming[n].id).await.is(400, "invalid_grant");
                    self.site.facts.hold(redeeming[n].request, Some("approved"), 1).await;
                }
                // Perhaps they were committed, and the answer was not told.
                Some(_) | None => self.redeems(n, &redeeming[n], true).await,
            }
        }
        for question in waiting.iter().chain([&approved]).chain(&answering).chain(&redeeming) {
            self.site.facts.come_to_rest(question.request).await;
        }
    }

    /// Gets the tokens, and leaves one set.
    pub(crate) async fn redeems(&self, n: usize, question: &Question, perhaps_lost: bool) {
        // A claim whose holder was cut off lasts five seconds.
        let answer = polled_to_the_end(&self.shop, self.at(n), &question.id, Duration::from_secs(8)).await;
        if !(perhaps_lost && answer.code() == "invalid_grant") {
            answer.is(200, "");
        }
        self.shop.polls(self.at(n + 1), &question.id).await.is(400, "invalid_grant");
        self.site.facts.hold(question.request, Some("approved"), 1).await;
    }
}
