//! A node of a site: a process, or tasks in this one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use nod::app::Parts;
use nod::worker::Worker;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use tokio_util::sync::CancellationToken;

use crate::nodes::until;
use crate::nodes::wire::{get, send};

/// A lock that is held until it is released.
pub(crate) struct Lock(pub(super) DatabaseConnection);

impl Lock {
    pub(crate) async fn release(self) {
        self.0.execute_unprepared("COMMIT").await.expect("a lock of ours");
    }
}

/// A `nod serve` process. It ends with this value, and at the latest with this process.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) public: SocketAddr,
    pub(crate) ops: SocketAddr,
    child: Child,
    watcher: Child,
    lifeline: Option<ChildStdin>,
    log: PathBuf,
}

impl Node {
    pub(super) fn new(child: Child, public: SocketAddr, ops: SocketAddr, log: PathBuf) -> Self {
        // However this process ends, its end of the pipe is closed, and the shell ends the node.
        let mut watcher = Command::new("sh")
            .args(["-c", "read word; test \"$word\" = over || kill -KILL $1", "sh", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let lifeline = watcher.stdin.take();
        Self { public, ops, child, watcher, lifeline, log }
    }

    pub(crate) async fn becomes_ready(&self, within: Duration) -> Duration {
        let start = std::time::Instant::now();
        until(&format!("a ready node\n{}", self.log()), within, || async {
            (self.readiness().await == Some(200)).then_some(())
        })
        .await;
        start.elapsed()
    }

    /// What `/health/ready` says; nothing when nobody answers.
    pub(crate) async fn readiness(&self) -> Option<u16> {
        send(self.ops, &get("/health/ready")).await.ok().map(|answer| answer.status)
    }

    pub(crate) async fn liveness(&self) -> Option<u16> {
        send(self.ops, &get("/health/live")).await.ok().map(|answer| answer.status)
    }

    pub(crate) fn signal(&self, signal: &str) {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill");
    }

    /// As on a disk that is full, or has room again: no file of the node may be written to.
    pub(crate) fn may_write(&self, may: bool) {
        let limit = if may { "--fsize=unlimited:" } else { "--fsize=0:" };
        let done = Command::new("prlimit").args(["--pid", &self.child.id().to_string(), limit]).status();
        assert!(done.expect("prlimit of util-linux").success(), "{limit}");
    }

    /// As a power cut does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a process of ours");
        self.child.wait().expect("a process of ours");
    }

    /// Waits until the process has ended by itself.
    pub(crate) async fn ends(&mut self, within: Duration) -> ExitStatus {
        let start = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a process of ours") {
                return status;
            }
            assert!(start.elapsed() < within, "the node goes on\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(mut lifeline) = self.lifeline.take() {
            let _ = std::io::Write::write_all(&mut lifeline, b"over\n");
        }
        let _ = self.watcher.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("--- the end of {}", self.log.display());
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// A node in this process.
pub(crate) struct Inside {
    pub(crate) public: SocketAddr,
    /// Keeps what the node is made of.
    pub(super) _parts: Parts,
    pub(super) worker: Option<Worker>,
    pub(super) shutdown: CancellationToken,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.shutdown.cancel();
        // The rest ends with the runtime of the test.
        drop(self.worker.take());
    }
}
