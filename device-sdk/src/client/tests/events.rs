//! What a phone is told: by the stream, and by pushes.

use super::*;

#[tokio::test]
async fn a_broken_stream_is_opened_again_and_nothing_is_told_twice() {
    let double = Double::start(|_, number| match number {
        // Ends in good order after one question.
        0 => Answer { hold: false, ..Answer::events(&(ready() + &event("notification", notification(1)))) },
        // Away for a moment.
        1 => Answer::problem(503, "TEMPORARILY_UNAVAILABLE"),
        // Back, with all that is pending.
        _ => Answer::events(
            &(ready()
                + ": keep-alive\n\n"
                + &event("notification", notification(1))
                + &event("notification", notification(2))
                + &event("canceled", json!({"notificationId": notification(1).notification_id, "reason": "EXPIRED"}))
                + &event("unpaired", json!({}))),
        ),
    })
    .await;
    let mut events = client(&double.issuer).events();
    assert!(matches!(events.next().await, Some(Event::Ready)));
    assert!(matches!(events.next().await, Some(Event::Notification(n)) if *n == notification(1)));
    assert!(matches!(events.next().await, Some(Event::Trouble(error)) if error.code() == "TEMPORARILY_UNAVAILABLE"));
    assert!(matches!(events.next().await, Some(Event::Ready)));
    assert!(matches!(events.next().await, Some(Event::Notification(n)) if *n == notification(2)));
    let Some(Event::Canceled(canceled)) = events.next().await else { panic!("not canceled") };
    assert_eq!(canceled.notification_id, notification(1).notification_id);
    assert_eq!(canceled.reason, CancelReason::Expired);
    assert!(matches!(events.next().await, Some(Event::Unpaired)));
    assert!(events.next().await.is_none());
    assert!(events.next().await.is_none(), "the end stays the end");
    let received = double.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|request| request.header("accept") == Some("text/event-stream")));
    for request in &received {
        assert_eq!(proof(&double.issuer, request).0.statement, Statement::Read);
    }
}

fn silent_push() -> (String, ProofValue) {
    let value = ProofValue::new([7; 16]);
    let id = notification(1).notification_id;
    (serde_json::to_string(&PushMessage::silent_verify(id, value)).unwrap(), value)
}

/// The answer that a request is, to which push and with what.
fn acknowledged(issuer: &str, request: &Received) -> (NotificationId, ProofValue) {
    let Statement::Ack(said) = proof(issuer, request).0.statement else { panic!("no answer to a push") };
    assert_eq!(said.installation_id, INSTALLATION);
    assert_eq!(request.path, format!("/device/v1/notifications/{}/ack", said.notification_id));
    let body: crate::messages::AckRequest = serde_json::from_slice(&request.body).unwrap();
    (said.notification_id, body.pv)
}

#[tokio::test]
async fn f3_what_came_by_a_push_is_dealt_with() {
    let question = serde_json::to_string(&notification(1)).unwrap();
    let double = Double::start(move |request, _| {
        if request.path.ends_with("/ack") {
            Answer::json(200, r#"{"status":"DONE"}"#)
        } else {
            Answer::json(200, question.clone())
        }
    })
    .await;
    let client = client(&double.issuer);
    let id = notification(1).notification_id;
    let (silent, value) = silent_push();
    let said = |push: PushMessage| serde_json::to_string(&push).unwrap();
    let asked = RemoteNotification::Question(Box::new(notification(1)));
    let apns = format!(r#"{{"aps":{{"content-available":1}},"nod":{silent}}}"#);
    for (json, expected) in [
        (silent.clone(), RemoteNotification::Verified),
        (apns, RemoteNotification::Verified),
        (said(PushMessage::authentication(id)), asked),
        (said(PushMessage::auth_canceled(id)), RemoteNotification::Canceled(id)),
        (said(PushMessage::test(id)), RemoteNotification::Test),
        (silent.replace("SILENT_VERIFY", "SOMETHING_NEW"), RemoteNotification::Nothing),
        (r#"{"chat":"hello"}"#.to_owned(), RemoteNotification::Nothing),
    ] {
        assert_eq!(client.process_remote_notification(json.as_bytes()).await.unwrap(), expected, "{json}");
    }
    let received = double.received();
    assert_eq!(received.len(), 3, "two answers and a question");
    for request in &received[..2] {
        assert_eq!(acknowledged(&double.issuer, request), (id, value));
    }
    let refused = Double::start(|_, _| Answer::problem(409, "EXPIRED")).await;
    let late = self::client(&refused.issuer).process_remote_notification(silent.as_bytes()).await.unwrap_err();
    assert_eq!(late.code(), "EXPIRED");
}

#[tokio::test]
async fn f3_a_silent_push_of_the_live_channel_is_answered_without_the_app() {
    let (silent, value) = silent_push();
    let told = format!("event: silent_verify\ndata: {silent}\n\n");
    let double = Double::start(move |request, _| {
        if request.path.ends_with("/ack") {
            // Whatever comes of it, the app hears nothing.
            Answer::problem(409, "EXPIRED")
        } else {
            Answer::events(&(ready() + &told + &event("notification", notification(2)) + &event("unpaired", json!({}))))
        }
    })
    .await;
    let mut events = client(&double.issuer).events();
    assert!(matches!(events.next().await, Some(Event::Ready)));
    assert!(matches!(events.next().await, Some(Event::Notification(n)) if *n == notification(2)));
    assert!(matches!(events.next().await, Some(Event::Unpaired)));
    assert!(events.next().await.is_none());
    let received = double.received();
    assert_eq!(received.len(), 2);
    assert_eq!(acknowledged(&double.issuer, &received[1]), (notification(1).notification_id, value));
}

#[tokio::test]
async fn a_silent_stream_is_opened_again() {
    let double = Double::start(|_, number| match number {
        0 => Answer {
            // Keep-alives hold it up for longer than the silence that is allowed, then they stop.
            body: vec![
                (Duration::ZERO, ready().into_bytes()),
                (Duration::from_millis(400), b":\n".to_vec()),
                (Duration::from_millis(400), b":\n\n".to_vec()),
                (Duration::from_millis(400), event("notification", notification(1)).into_bytes()),
            ],
            ..Answer::events("")
        },
        _ => Answer::events(&(ready() + &event("unpaired", json!({})))),
    })
    .await;
    let mut events = client(&double.issuer).events();
    assert!(matches!(events.next().await, Some(Event::Ready)));
    assert!(matches!(events.next().await, Some(Event::Notification(_))));
    assert!(matches!(events.next().await, Some(Event::Trouble(Error::Silent))));
    assert!(matches!(events.next().await, Some(Event::Ready)));
    assert!(matches!(events.next().await, Some(Event::Unpaired)));
}

#[tokio::test]
async fn a_dropped_wait_loses_no_event() {
    let double = Double::start(|_, _| Answer {
        body: vec![
            (Duration::ZERO, ready().into_bytes()),
            (Duration::from_millis(60), event("notification", notification(1)).into_bytes()),
        ],
        ..Answer::events("")
    })
    .await;
    let mut events = client(&double.issuer).events();
    let mut told = Vec::new();
    while told.len() < 2 {
        if let Ok(event) = tokio::time::timeout(Duration::from_millis(3), events.next()).await {
            told.push(event.unwrap());
        }
    }
    assert!(matches!(told[..], [Event::Ready, Event::Notification(_)]));
    assert_eq!(double.received().len(), 1);
}

#[tokio::test]
async fn an_unknown_installation_is_unpaired() {
    let double = Double::start(|_, _| Answer::problem(401, "DEVICE_UNKNOWN")).await;
    let mut events = client(&double.issuer).events();
    assert!(matches!(events.next().await, Some(Event::Unpaired)));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_stream_of_anything_else_is_trouble_and_tried_again() {
    let double = Double::start(|_, number| match number {
        0 => Answer::new(200, "text/html", "<html>"),
        1 => Answer::events(&"x".repeat(300_000)),
        2 => Answer::events(&(ready() + &event("notification", json!({})) + &event("weather", "sun"))),
        _ => Answer::problem(403, "DEVICE_BLOCKED"),
    })
    .await;
    let mut events = client(&double.issuer).events();
    assert!(matches!(events.next().await, Some(Event::Trouble(Error::Answer { what: "not an event stream", .. }))));
    assert!(matches!(events.next().await, Some(Event::Trouble(Error::Answer { what: "an event is too long", .. }))));
    assert!(matches!(events.next().await, Some(Event::Ready)));
    assert!(matches!(events.next().await, Some(Event::Trouble(Error::Answer { what: "an event", .. }))));
    assert!(matches!(events.next().await, Some(Event::Trouble(Error::Silent))));
    assert!(matches!(events.next().await, Some(Event::Trouble(error)) if error.code() == "DEVICE_BLOCKED"));
    assert!(matches!(events.next().await, Some(Event::Trouble(error)) if error.code() == "DEVICE_BLOCKED"));
}
