//! Redis does what it is asked to, and its answer is lost (`docs/spec.md`, F8). Whoever asked cannot know, and says so;
//! whoever asks again gets what is true, and all of it is there once.

use std::time::Duration;

use super::Scene;
use super::scene::Question;
use crate::backends::Redis;
use crate::nodes::{Answer, Cutter, INSERT, Pending, SWAP, Site, Sql, send, until};

/// A claim whose holder does not know of it lasts five seconds.
const LEASE: Duration = Duration::from_secs(9);

async fn scene() -> (Scene, Cutter) {
    let redis = Redis::shared();
    let line = Cutter::before(redis.address()).await;
    let mut site = Site::new(Sql::Sqlite, Pending::Redis(redis)).await.patient();
    site.nodes_go_to_redis_at(&line.at.to_string());
    let scene = Scene::at_site(site).await;
    // Redis knows the scripts from then on.
    let first = scene.approved(0).await;
    scene.redeems(0, &first, false).await;
    scene.site.facts.come_to_rest(first.request).await;
    (scene, line)
}

impl Scene {
    /// The first node asks Redis for something, and an answer to it is lost.
    async fn hears_nothing(&self, line: &Cutter, (command, after): (&'static [u8], usize), request: &[u8]) -> Answer {
        line.loses_the_answer_to(command, after);
        let answer = send(self.at(0), request).await.expect("an answer");
        assert!(line.has_cut(), "nothing was asked: {answer:?}");
        answer
    }

    /// Until the first node has a connection again.
    async fn asks_again(&self, within: Duration, request: impl Fn() -> Vec<u8>) -> Answer {
        until("service", within, || async {
            let answer = send(self.at(0), &request()).await.expect("an answer");
            (answer.status != 503).then_some(answer)
        })
        .await
    }

    /// The tokens come when the lost claim is over, and once.
    async fn redeems_after_a_lost_claim(&self, question: &Question) {
        let answer = until("tokens", LEASE, || async {
            let answer = self.shop.polls(self.at(0), &question.id).await;
            if answer.status != 200 {
                assert!(matches!(answer.status, 400 | 503), "{answer:?}");
                assert_ne!(answer.code(), "invalid_grant", "{answer:?}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            (answer.status == 200).then_some(answer)
        })
        .await;
        answer.text("access_token");
        self.shop.polls(self.at(1), &question.id).await.is(400, "invalid_grant");
        self.site.facts.hold(question.request, Some("approved"), 1).await;
    }
}

fn is_unsure(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_the_answer_to_a_claim_is_lost() {
    let (scene, line) = scene().await;
    for n in 0..2 {
        let question = scene.approved(n).await;
        scene.site.facts.come_to_rest(question.request).await;
        let poll = scene.shop.poll(&question.id);
        is_unsure(&scene.hears_nothing(&line, (SWAP, 0), &poll).await);
        assert_eq!(scene.site.facts.grants(question.request).await, 0);
        scene.redeems_after_a_lost_claim(&question).await;
    }
}

/// The tokens are committed by then: they are told, and not given again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_the_answer_to_the_end_of_a_redemption_is_lost() {
    let (scene, line) = scene().await;
    let question = scene.approved(0).await;
    scene.site.facts.come_to_rest(question.request).await;
    let poll = scene.shop.poll(&question.id);
    scene.hears_nothing(&line, (SWAP, 1), &poll).await.is(200, "");
    scene.asks_again(Duration::from_secs(3), || scene.shop.poll(&question.id)).await.is(400, "invalid_grant");
    scene.shop.polls(scene.at(1), &question.id).await.is(400, "invalid_grant");
    scene.site.facts.hold(question.request, Some("approved"), 1).await;
}

/// A decision is committed before Redis hears of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_the_answer_to_a_decision_is_lost() {
    let (scene, line) = scene().await;
    let question = scene.question(0).await;
    let yes = scene.phone.approve(&question.shown);
    scene.hears_nothing(&line, (SWAP, 0), &yes).await.is(200, "");
    scene.site.facts.hold(question.request, Some("approved"), 0).await;
    scene.asks_again(Duration::from_secs(3), || scene.phone.approve(&question.shown)).await.is(200, "");
    scene.redeems(1, &question, false).await;
    scene.site.facts.come_to_rest(question.request).await;
}

/// What may be shown once was shown, though nobody was told what came of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_the_answer_to_a_mark_is_lost() {
    let (scene, line) = scene().await;
    let question = scene.question(1).await;
    let poll = scene.shop.poll(&question.id);
    is_unsure(&scene.hears_nothing(&line, (INSERT, 0), &poll).await);
    scene.asks_again(Duration::from_secs(3), || poll.clone()).await.is(401, "invalid_client");
    let again = scene.asks_again(Duration::from_secs(3), || scene.shop.poll(&question.id)).await;
    again.is(400, "authorization_pending");

    let yes = scene.phone.approve(&question.shown);
    is_unsure(&scene.hears_nothing(&line, (INSERT, 0), &yes).await);
    scene.asks_again(Duration::from_secs(3), || yes.clone()).await.is(401, "PROOF_REPLAYED");
    scene.site.facts.hold(question.request, None, 0).await;
    scene.phone.sends(scene.at(0), &scene.phone.approve(&question.shown)).await.is(200, "");
    scene.redeems(0, &question, false).await;
}

/// The client has no `auth_req_id`, and asks once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_the_answer_to_a_new_question_is_lost() {
    let (scene, line) = scene().await;
    // The mark of its assertion comes first.
    is_unsure(&scene.hears_nothing(&line, (INSERT, 1), &scene.shop.ask("alice", &[])).await);
    scene.asks_again(Duration::from_secs(3), || scene.shop.ask("alice", &[])).await.is(200, "");
    let question = scene.question(1).await;
    scene.phone.sends(scene.at(0), &scene.phone.approve(&question.shown)).await.is(200, "");
    scene.redeems(0, &question, false).await;
}
