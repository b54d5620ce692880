//! The flow as a machine: whatever is done to it, and whatever the policy is.

use uuid::Uuid;

use super::*;
use crate::domain::policy::{About, Branch, Condition, Step};
use crate::domain::session::Session;
use crate::protocol::authorization_request::{Destination, Prompt, ResponseType};
use crate::protocol::flow_api::Status;
use crate::protocol::id::SessionToken;

mod conditions;
mod consent;
mod device;
mod errand;
mod invariants;
mod mfa;
mod model;
mod passkey;
mod scene;
mod second_factor;
mod session;
mod silent;
mod transitions;

const ALICE: UserId = UserId::new(Uuid::from_u128(1));
const BOB: UserId = UserId::new(Uuid::from_u128(2));
const CAROL: UserId = UserId::new(Uuid::from_u128(3));

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn request(mode: ResponseMode) -> AuthorizationRequest {
    AuthorizationRequest {
        destination: Destination { redirect_uri: "https://shop.example/cb".into(), mode, state: None },
        response_type: ResponseType::Code,
        scope: Scope::parse("openid profile").unwrap(),
        nonce: None,
        challenge: None,
        dpop_jkt: None,
        prompt: Vec::new(),
        max_age: None,
        acr_values: None,
        login_hint: None,
        ui_locales: None,
        extent: Extent::default(),
    }
}

fn start(request: AuthorizationRequest) -> Start {
    Start {
        transaction: RequestId::new(Uuid::nil()),
        client: ClientId::parse("shop").unwrap(),
        request,
        browser: Digest::of(b"browser"),
        from: Some(IpAddr::from([127, 0, 0, 1])),
        cookieless: false,
        recoverable: true,
        meant: None,
        device: None,
        app: None,
    }
}

fn session(user: UserId, seconds: i64) -> Session {
    Session {
        id: SessionId::new(Uuid::from_u128(7)),
        token: Digest::<SessionToken>::of(b"token"),
        user,
        authentication: Authentication { at: at(seconds), acr: Acr::Password, amr: "pwd".into() },
        created_at: at(seconds),
        seen_at: at(seconds),
        second_at: None,
    }
}

fn around(policy: &SignOnPolicy) -> Around<'_> {
    Around { policy, implied_consent: true, remembered: None, passkeys: true, person: None, now: at(0) }
}

fn begin(request: AuthorizationRequest, session: Option<&Session>) -> Flow {
    Flow::begin(start(request), session, &around(&SignOnPolicy::password()))
}

fn first_step(policy: &SignOnPolicy) -> Step {
    let Branch::Step(step) = &policy.root else { unreachable!() };
    Step::clone(step)
}

fn not_within(not: bool) -> Condition {
    Condition { not, about: About::NotWithin(3600) }
}

fn step(id: &str, source: Source, success: Branch, failure: Branch) -> Branch {
    let id = StepId::parse(id).unwrap();
    Branch::Step(Box::new(Step {
        id,
        source,
        alternatives: Vec::new(),
        enrol: false,
        mfa_policy: None,
        when: Vec::new(),
        success,
        failure,
    }))
}

#[test]
fn a_policy_that_asks_nothing_lets_nobody_in() {
    for root in [Branch::Done, step("a", Source::Identifier, Branch::Done, Branch::Done)] {
        let policy = SignOnPolicy { root, ..SignOnPolicy::password() };
        let mut flow = Flow::begin(start(request(ResponseMode::Query)), None, &around(&policy));
        if flow.status() == Status::IdentifierRequired {
            flow = flow.identified("alice", &around(&policy)).unwrap();
        }
        assert_eq!(flow.at, At::Failed(Failure::NothingVerified));
    }
}

#[test]
fn a_flow_rests_and_comes_back_as_it_was() {
    let policy = SignOnPolicy::password();
    let flow = begin(request(ResponseMode::Flow), None).password_verified(ALICE, &around(&policy)).unwrap();
    let bytes = postcard::to_allocvec(&flow).unwrap();
    assert_eq!(postcard::from_bytes::<Flow>(&bytes).unwrap(), flow);
}
