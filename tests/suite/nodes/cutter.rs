//! A line to a store that can be cut in the moment of a command: to PostgreSQL at a commit, to Redis at any.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is lost when the line is cut. Whoever waits for the answer cannot tell one from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The `COMMIT` does not arrive: nothing was done.
    Commit,
    /// It arrives, and its answer does not: everything was done.
    Answer,
    /// The node itself: it has stopped before its `COMMIT`, and nobody hangs up.
    Node,
}

/// A node gathers what nobody waits for, but not for so long; not on a busy machine either.
const QUIET: Duration = Duration::from_millis(400);

/// A server needs less for what it has read.
const CARRIED_OUT: Duration = Duration::from_millis(20);

/// A `COMMIT` as a simple query: its letter, its length, its text.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// A script of Redis that a test may lose the answer to: a value is changed.
pub(crate) const SWAP: &[u8] = b"\r\nEVALSHA\r\n";

/// A command of Redis that takes a key which nobody has: a mark, or something new.
pub(crate) const INSERT: &[u8] = b"\r\nNX\r\n";

/// Carries every byte, until it is told to lose a command or the answer to it.
#[derive(Debug)]
pub(crate) struct Cutter {
    pub(crate) at: SocketAddr,
    line: Arc<Line>,
    accepting: JoinHandle<()>,
}

/// What is to be lost.
#[derive(Debug)]
struct Cut {
    lost: Lost,
    command: &'static [u8],
    /// How many such commands come first, and are answered.
    after: usize,
}

#[derive(Debug, Default)]
struct Line {
    next: Mutex<Option<Cut>>,
    /// That have come by.
    commits: AtomicU32,
}

impl Cutter {
    #[expect(clippy::disallowed_methods, reason = "the test owns its tasks")]
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let line = Arc::new(Line::default());
        let carried = Arc::clone(&line);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let line = Arc::clone(&carried);
                // Either side may go at any time; then both do.
                tokio::spawn(async move { drop(carry(client, server, &line).await) });
            }
        });
        Self { at, line, accepting }
    }

    /// At the next commit, whoever makes it. What nobody waits for is written first, so that it is not that.
    pub(crate) async fn cuts(&self, lost: Lost) {
        let mut seen = None;
        loop {
            let commits = self.line.commits.load(Ordering::SeqCst);
            if seen.replace(commits) == Some(commits) {
                break;
            }
            tokio::time::sleep(QUIET).await;
        }
        self.line.cut_at(Cut { lost, command: COMMIT, after: 0 });
    }

    /// The answer to the next such command after some others, whoever gives it: it was carried out.
    pub(crate) fn loses_the_answer_to(&self, command: &'static [u8], after: usize) {
        self.line.cut_at(Cut { lost: Lost::Answer, command, after });
    }

    pub(crate) fn has_cut(&self) -> bool {
        self.line.next.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

impl Line {
    fn cut_at(&self, cut: Cut) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }

    /// What is lost with these bytes.
    fn loses(&self, bytes: &[u8]) -> Option<Lost> {
        let commands = |what: &[u8]| bytes.windows(what.len()).filter(|window| *window == what).count();
        self.commits.fetch_add(u32::try_from(commands(COMMIT)).expect("few"), Ordering::SeqCst);
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = next.as_mut()?;
        let seen = commands(cut.command);
        if seen > cut.after {
            return next.take().map(|cut| cut.lost);
        }
        cut.after -= seen;
        None
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr, line: &Line) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            length = server.read(&mut answered) => match length? {
                0 => return Ok(()),
                length => client.write_all(&answered[..length]).await?,
            },
            length = client.read(&mut asked) => {
                let bytes = match length? {
                    0 => return Ok(()),
                    length => &asked[..length],
                };
                match line.loses(bytes) {
                    None => {}
                    Some(Lost::Commit) => return Ok(()),
                    Some(Lost::Node) => std::future::pending().await,
                    Some(Lost::Answer) => {
                        server.write_all(bytes).await?;
                        let length = server.read(&mut answered).await?;
                        assert_ne!(length, 0, "an answer to a command");
                        // Perhaps it was that of one before: the last one is carried out as well.
                        tokio::time::sleep(CARRIED_OUT).await;
                        return Ok(());
                    }
                }
                server.write_all(bytes).await?;
            }
        }
    }
}
