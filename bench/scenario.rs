//! What is measured: the same steps against the bare server and against `nod`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, header};
use nod::entropy::Entropy;
use serde::Deserialize;

use crate::Result;
use crate::cast::{RelyingParty, ask_form, token_form};
use crate::driver::{JSON, Tally, Wire, request, run};
use crate::machine::{Cpu, Server};
use crate::phone::{Phones, Source};

/// Who is being measured, and what only that one needs.
#[derive(Clone, Copy)]
pub(crate) enum Side<'a> {
    Bare,
    Nod(&'a Phones, &'a Source),
}

/// One measured run.
#[derive(Default)]
pub(crate) struct Sample {
    pub operations: usize,
    pub cpu: Cpu,
    pub redis: Duration,
    pub wall: Duration,
    pub tally: Tally,
}

impl Sample {
    /// Processor time of the server per operation, in microseconds.
    pub(crate) fn cost(&self) -> f64 {
        micros(self.cpu.total(), self.operations)
    }
}

pub(crate) fn micros(time: Duration, operations: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "thousands of operations")]
    let operations = operations as f64;
    time.as_secs_f64() * 1e6 / operations
}

/// What a server still does after its last answer belongs to the operations too.
const AFTERMATH: Duration = Duration::from_millis(250);

/// Where and with how many connections.
#[derive(Clone, Copy)]
pub(crate) struct Stand<'a> {
    pub server: &'a Server,
    pub redis: &'a str,
    pub connections: usize,
}

impl Stand<'_> {
    pub(crate) async fn measure<T>(
        &self,
        items: Vec<T>,
        work: impl AsyncFn(&mut Wire, &mut Tally, T) -> Result<()>,
    ) -> Result<Sample> {
        let operations = items.len();
        let (before, redis) = (self.server.cpu(), Cpu::of(self.redis));
        let (tally, wall) = run(self.server.address, self.connections, items, work).await?;
        tokio::time::sleep(AFTERMATH).await;
        let cpu = self.server.cpu().since(before);
        let redis = Cpu::of(self.redis).since(redis).total();
        Ok(Sample { operations, cpu, redis, wall, tally })
    }
}

/// Everything about a flow that can be made beforehand.
#[derive(Clone)]
pub(crate) struct Flow<'a> {
    relying_party: &'a RelyingParty,
    person: usize,
    ask: String,
    assertions: [String; 2],
}

/// `count` flows, each of another person, by all relying parties in turn.
pub(crate) fn flows<'a>(count: usize, relying_parties: &'a [RelyingParty], entropy: &Entropy) -> Vec<Flow<'a>> {
    let parties = relying_parties.iter().cycle();
    (0..count)
        .zip(parties)
        .map(|(person, relying_party)| {
            let [ask, poll, redeem] = [(); 3].map(|()| relying_party.assertion(entropy));
            Flow { relying_party, person, ask: ask_form(&ask, &login_hint(person)), assertions: [poll, redeem] }
        })
        .collect()
}

pub(crate) fn login_hint(person: usize) -> String {
    format!("person-{person}")
}

/// Ask, poll once too early, approve, redeem.
pub(crate) async fn whole_flow(stand: Stand<'_>, side: Side<'_>, flows: Vec<Flow<'_>>) -> Result<Sample> {
    #[derive(Deserialize)]
    struct Acknowledgement<'a> {
        auth_req_id: &'a str,
    }
    stand
        .measure(flows, async |wire: &mut Wire, tally: &mut Tally, flow: Flow<'_>| {
            let [poll, redeem] = flow.assertions;
            let start = Instant::now();
            let body = wire.post("/as/bc-auth.ciba", flow.ask).await?.expect(200)?;
            tally.record("ask", start);
            let Acknowledgement { auth_req_id } = serde_json::from_slice(&body)?;

            let start = Instant::now();
            let body = wire.post("/as/token.oauth2", token_form(&poll, auth_req_id)).await?.expect(400)?;
            tally.record("poll", start);
            is_pending(&body)?;

            match side {
                Side::Bare => {
                    let approval =
                        format!(r#"{{"client_id":"{}","auth_req_id":"{auth_req_id}"}}"#, flow.relying_party.id);
                    let mut request = request(Method::POST, "/approve", approval.into());
                    request.headers_mut().insert(header::CONTENT_TYPE, JSON);
                    let start = Instant::now();
                    wire.send(request).await?.expect(200)?;
                    tally.record("approve", start);
                }
                Side::Nod(phones, source) => {
                    let approval = phones.approval(source, wire, flow.person, flow.relying_party, auth_req_id).await?;
                    let start = Instant::now();
                    wire.send(approval).await?.expect(200)?;
                    tally.record("approve", start);
                }
            }

            let start = Instant::now();
            let body = wire.post("/as/token.oauth2", token_form(&redeem, auth_req_id)).await?.expect(200)?;
            tally.record("redeem", start);
            if !contains(&body, b"\"id_token\":\"ey") {
                return Err("no ID token".into());
            }
            Ok(())
        })
        .await
}

/// A poll of one of the requests that wait.
#[derive(Clone)]
pub(crate) struct Poll(String);

pub(crate) fn polls<'a>(
    count: usize,
    outstanding: impl Iterator<Item = (&'a RelyingParty, &'a str)>,
    entropy: &Entropy,
) -> Vec<Poll> {
    outstanding.take(count).map(|(party, id)| Poll(token_form(&party.assertion(entropy), id))).collect()
}

pub(crate) async fn pending_polls(stand: Stand<'_>, polls: Vec<Poll>) -> Result<Sample> {
    stand
        .measure(polls, async |wire: &mut Wire, tally: &mut Tally, Poll(form): Poll| {
            let start = Instant::now();
            let body = wire.post("/as/token.oauth2", form).await?.expect(400)?;
            tally.record("poll", start);
            is_pending(&body)
        })
        .await
}

pub(crate) async fn documents(stand: Stand<'_>, count: usize) -> Result<Sample> {
    let paths = ["/.well-known/openid-configuration", "/pf/JWKS"];
    stand
        .measure((0..count).collect(), async |wire: &mut Wire, tally: &mut Tally, n: usize| {
            let path = if n.is_multiple_of(2) { paths[0] } else { paths[1] };
            let start = Instant::now();
            wire.get(path).await?.expect(200)?;
            tally.record("document", start);
            Ok(())
        })
        .await
}

fn is_pending(body: &Bytes) -> Result<()> {
    if contains(body, b"\"authorization_pending\"") {
        return Ok(());
    }
    Err(format!("not pending: {}", String::from_utf8_lossy(body)).into())
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}
