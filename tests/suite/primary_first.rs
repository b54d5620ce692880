//! Which of a person's devices is rung first [flows F12].

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use nod::domain::authentication_request::AuthenticationRequest;
use nod::domain::inbox::{Added, Limits, Standing};
use nod::protocol::id::{AuthReqId, NotificationId};
use nod::protocol::public_id::{self, Kind};
use nod::store::ephemeral::{Ephemeral, Key, Lifetime, Shelf, StoreError, Topic, Version, Versioned, Wakeups};
use nod::store::shelves::DeviceBell;
use nod::usecase::put_question::PutQuestion;

use crate::world::{Asked, Person, World, seconds};

/// The store of the server, and whom it was to wake, one after the other.
struct Recording {
    store: Arc<dyn Ephemeral>,
    woken: Mutex<Vec<Topic>>,
}

#[async_trait]
impl Ephemeral for Recording {
    async fn insert(&self, key: &Key, value: &[u8], lifetime: Duration) -> Result<bool, StoreError> {
        self.store.insert(key, value, lifetime).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.store.get(key).await
    }

    async fn swap(&self, key: &Key, seen: Version, value: &[u8], lifetime: Lifetime) -> Result<bool, StoreError> {
        self.store.swap(key, seen, value, lifetime).await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.store.remove(key).await
    }

    async fn count(&self, key: &Key, window: Duration) -> Result<u32, StoreError> {
        self.store.count(key, window).await
    }

    async fn wake(&self, topic: &Topic) {
        self.woken.lock().unwrap().push(topic.clone());
        self.store.wake(topic).await;
    }

    async fn watch(&self, topic: &Topic) -> Wakeups {
        self.store.watch(topic).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}

/// Puts a question like that which was asked: which phones of the person ring, in their order.
async fn rung(world: &World, asked: &Asked, person: &Person) -> Vec<usize> {
    let parts = world.parts();
    let recording = Arc::new(Recording { store: Arc::clone(&parts.ephemeral), woken: Mutex::default() });
    let store: Arc<dyn Ephemeral> = Arc::<Recording>::clone(&recording);
    let questions = PutQuestion {
        requests: Shelf::new(Arc::clone(&store)),
        inboxes: Shelf::new(Arc::clone(&store)),
        bell: DeviceBell::new(store),
        directory: Arc::clone(&parts.directory),
        tokens: parts.tokens.clone(),
        pushes: parts.settle.pushes.clone(),
        longest: seconds(300),
    };
    let there = AuthReqId::presented(&asked.auth_req_id).digest();
    let another = AuthReqId::presented(&format!("like {}", asked.auth_req_id)).digest();
    let notification = NotificationId::new(parts.entropy.uuid());
    let limits = Limits { per_user: 100, per_client_and_user: 100 };
    let put = async move {
        let request = questions.requests.get(&there).await.unwrap().unwrap();
        let request = AuthenticationRequest { notification, ..request };
        let devices = questions.devices_for(&request).await.unwrap();
        questions.put(&request, &another, &devices, (Standing::Stranger, limits)).await.unwrap()
    };
    assert_eq!(world.among_servers(put).await, Added::Yes);
    let woken = recording.woken.lock().unwrap();
    let phone_of = |topic: &Topic| {
        let mut phones = person.phones.iter();
        phones.position(|phone| topic.as_bytes().ends_with(phone.installation().uuid().as_bytes()))
    };
    woken.iter().filter_map(phone_of).collect()
}

#[tokio::test]
async fn t12_11_the_primary_device_is_rung_first_whichever_that_is() {
    let world = World::with().generous().start().await;
    let (admin, shop) = (world.admin().await, world.client("shop").await);
    let alice = world.user("alice").with_phone().with_phone().with_phone().await;
    assert_eq!(rung(&world, &shop.ask(&alice).await, &alice).await, [0, 1, 2]);
    // The one that was the first takes the place of the one that becomes it.
    for (primary, order) in [(2_usize, [2, 1, 0]), (1, [1, 2, 0])] {
        let device = public_id::encode(Kind::Device, alice.phones[primary].device_of(alice.id).uuid());
        let made = admin.act(&format!("/admin/v1/devices/{device}/make-primary")).await;
        assert_eq!(made.ok()["role"], "primary");
        assert_eq!(rung(&world, &shop.ask(&alice).await, &alice).await, order);
    }
}
