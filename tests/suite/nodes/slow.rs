//! A line to a store on which every answer is late.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Carries every byte, and none of the server's before its time.
#[derive(Debug)]
pub(crate) struct Slow {
    pub(crate) at: SocketAddr,
    milliseconds: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Slow {
    #[expect(clippy::disallowed_methods, reason = "the test owns its tasks")]
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let milliseconds = Arc::new(AtomicU64::new(0));
        let late = Arc::clone(&milliseconds);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let late = Arc::clone(&late);
                tokio::spawn(async move { drop(carry(client, server, &late).await) });
            }
        });
        Self { at, milliseconds, accepting }
    }

    /// From now on each answer takes so long; many may be on their way.
    pub(crate) fn takes(&self, time: Duration) {
        self.milliseconds.store(u64::try_from(time.as_millis()).expect("a short time"), Ordering::SeqCst);
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(client: TcpStream, server: SocketAddr, late: &AtomicU64) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (under_way, mut arriving) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let asks = tokio::io::copy(&mut from_client, &mut to_server);
    let answers = async move {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let length = from_server.read(&mut bytes).await?;
            let at = Instant::now() + Duration::from_millis(late.load(Ordering::SeqCst));
            if length == 0 || under_way.send((at, bytes[..length].to_vec())).is_err() {
                return io::Result::Ok(());
            }
        }
    };
    let arrives = async move {
        while let Some((at, bytes)) = arriving.recv().await {
            sleep_until(at).await;
            to_client.write_all(&bytes).await?;
        }
        io::Result::Ok(())
    };
    // Either side may go at any time; then both do.
    tokio::select! {
        asked = asks => asked.map(drop),
        answered = answers => answered,
        arrived = arrives => arrived,
    }
}
