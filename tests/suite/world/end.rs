//! What holds at the end of every test.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nod::store::sql::outbox::{Kind, Outbox};

use super::{Inner, World, digest, log, seconds};

impl Drop for World {
    fn drop(&mut self) {
        let runtime = self.runtime.take().unwrap();
        if !std::thread::panicking() {
            let inner = &self.inner;
            // On a thread of its own: the one of the test may be driving a runtime.
            let looked = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(look_around(inner))).join());
            if let Err(panic) = looked {
                runtime.shutdown_background();
                std::panic::resume_unwind(panic);
            }
        }
        for node in &self.inner.nodes {
            node.shutdown.cancel();
        }
        runtime.shutdown_background();
    }
}

/// What holds at the end of every test.
async fn look_around(inner: &Arc<Inner>) {
    // The arrival of decisions is checked a few seconds later.
    inner.clock.advance(seconds(15));
    inner.parts().retell.run().await.unwrap();
    let outbox = Outbox::new(inner.parts().database.clone());
    let begin = Instant::now();
    while outbox.backlog(Kind::Decision).await.unwrap().0 > 0 {
        // The server's own worker may have one of them in its hands.
        assert!(begin.elapsed() < seconds(2), "the outbox is not empty at the end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (log, dump) = (log::since(inner.log_begins), digest::dump(inner).await);
    for canary in inner.canaries.lock().unwrap().iter() {
        assert!(!log.contains(canary), "a secret was logged: {canary}");
        assert!(!dump.contains(canary), "a secret is in the database: {canary}");
        assert!(!dump.contains(&digest::hex(canary.as_bytes())), "a secret is in the database: {canary}");
    }
}
