//! Tickets of an enrolment are not guessed, and whoever tries is in nobody's way [security.md 5.6].

use nod_device::PairingKey;
use nod_device::enrollment::EnrollmentTicket;

use super::{Scene, ticket, usual};
use crate::world::limited;

#[tokio::test]
async fn security_5_6_who_guesses_keeps_nobody_from_an_enrolment() {
    let scene = Scene::of(usual()).await;
    let (mut phone, mut stranger) = (scene.world.phone(), scene.world.phone());
    let (_, _, state) = scene.by(&phone).await;
    // In the same network.
    for n in 0..6 {
        let status = stranger.pair(&PairingKey::parse(&format!("{n:012}")).unwrap()).await.status;
        assert_eq!(status, if n < 5 { 400 } else { 429 }, "pairing key {n}");
    }
    let before = limited("enrolments");
    for n in 0..101 {
        let seen = stranger.see(&EnrollmentTicket::from_bytes([n; 32]).expose()).await;
        if n < 100 {
            seen.problem(404, "ENROLLMENT_NOT_FOUND");
        } else {
            seen.problem(429, "TOO_MANY_ATTEMPTS");
            assert!((1..=900).contains(&seen.retry_after()));
        }
    }
    assert!(limited("enrolments") > before, "whoever watches the limit sees it");
    phone.see(ticket(&state)).await.ok();
    assert_eq!(phone.enrol(ticket(&state)).await.status, 201);
}
