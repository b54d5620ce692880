//! The byte stream of one connection, between the socket and the HTTP library: it lets no bad head
//! through, and it knows how long each silence may last.
//!
//! The library's own timer cannot tell an idle connection from a head that drips, and it has none
//! for a client that does not read. Here the phase of the connection is known, so each has its own.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::head::{Chunks, Framing, Head, HeadLimits, Progress, Refused, plain_path};

/// How long a connection may be silent, depending on what it owes us.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub head: Duration,
    pub idle: Duration,
    pub stalled: Duration,
    /// How long we still read after we have closed our side.
    pub linger: Duration,
}

/// What the requests of a connection are doing; shared by its gate and the calls of its service.
#[derive(Debug)]
pub(super) struct Activity {
    born: Instant,
    /// Milliseconds after `born` when anything last moved.
    moved: AtomicU64,
    /// Requests that have not been answered to the last byte.
    open: AtomicU32,
    /// Those among them that wait for us and not for the client.
    waiting: AtomicU32,
    refused: OnceLock<Refused>,
}

impl Activity {
    pub(super) fn new() -> Self {
        let zero = || AtomicU32::new(0);
        Self { born: Instant::now(), moved: AtomicU64::new(0), open: zero(), waiting: zero(), refused: OnceLock::new() }
    }

    fn touch(&self) {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(now, Ordering::Relaxed);
    }

    fn moved(&self) -> Instant {
        self.born + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }

    fn is_idle(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    /// Whether some answer waits for the client alone.
    fn owes_us(&self) -> bool {
        self.open.load(Ordering::Acquire) > self.waiting.load(Ordering::Acquire)
    }

    /// Why the last head of this connection was refused, once it was.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.refused.get().copied()
    }
}

/// A request of the connection, from its head to the last byte of its answer.
#[derive(Debug)]
pub(super) struct Open {
    activity: Arc<Activity>,
    waiting: bool,
}

impl Open {
    pub(super) fn new(activity: &Arc<Activity>) -> Self {
        activity.open.fetch_add(1, Ordering::AcqRel);
        activity.waiting.fetch_add(1, Ordering::AcqRel);
        Self { activity: Arc::clone(activity), waiting: true }
    }

    /// Says whose turn it is now: ours, or the client's to take what we have.
    pub(super) fn is_waiting(&mut self, waiting: bool) {
        self.activity.touch();
        if self.waiting != waiting {
            self.waiting = waiting;
            if waiting {
                self.activity.waiting.fetch_add(1, Ordering::AcqRel);
            } else {
                self.activity.waiting.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.is_waiting(false);
        self.activity.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The request that stands for a refused head. It makes the HTTP library give the answer in its
/// turn, after the answers that are still owed, and close. Its path is that of the refused head, where
/// that can be read, so that the answer has the words of the endpoint that was meant.
pub(super) const REFUSED_METHOD: &str = "REFUSED";
const REFUSED_HEAD: [&[u8]; 2] = [b"REFUSED ", b" HTTP/1.1\r\nhost: -\r\nconnection: close\r\n\r\n"];
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How much of what a client still sends is thrown away after the last answer.
const MAX_LINGER: usize = 1024 * 1024;

enum Phase {
    /// Nothing tells yet whether this is HTTP/1 or HTTP/2.
    Unknown,
    Head(Head),
    Length(u64),
    Chunked(Chunks),
    /// HTTP/2: its own library bounds and checks it.
    Http2,
    /// A head was refused: what follows it is not read, and the end of the stream is not reported, for
    /// that would take back the answer.
    Refused,
    /// The stream has ended, or we treat it so.
    Over,
}

pub(super) struct Gate<T> {
    stream: T,
    limits: HeadLimits,
    patience: Patience,
    activity: Arc<Activity>,
    phase: Phase,
    /// What was received; the first `passed` bytes of it may go on.
    received: BytesMut,
    passed: usize,
    /// When the head that is being read began; the first one begins with the connection.
    head_began: Option<Instant>,
    reading: Pin<Box<Sleep>>,
    /// Since when the client has taken nothing of what we write.
    stuck: Option<Pin<Box<Sleep>>>,
    /// How much may still be thrown away, once we have closed our side.
    lingering: Option<usize>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Gate<T> {
    pub(super) fn new(stream: T, limits: HeadLimits, patience: Patience, activity: Arc<Activity>) -> Self {
        let now = Instant::now();
        Self {
            stream,
            limits,
            patience,
            activity,
            phase: Phase::Unknown,
            received: BytesMut::new(),
            passed: 0,
            head_began: Some(now),
            reading: Box::pin(sleep_until(now + patience.head)),
            stuck: None,
            lingering: None,
        }
    }

    /// Decides how much of what was received may go on. Called when all that could has gone.
    fn judge(&mut self) {
        loop {
            match &mut self.phase {
                Phase::Unknown => {
                    let length = self.received.len().min(H2_PREFACE.len());
                    if self.received.get(..length) != H2_PREFACE.get(..length) {
                        self.phase = Phase::Head(Head::default());
                        continue;
                    }
                    if length == H2_PREFACE.len() {
                        self.phase = Phase::Http2;
                        continue;
                    }
                }
                Phase::Head(head) => match head.advance(&self.received, &self.limits) {
                    Ok(Progress::Partial) => {
                        self.head_began.get_or_insert_with(Instant::now);
                    }
                    Ok(Progress::Complete(length, framing)) => {
                        self.passed = length;
                        self.head_began = None;
                        self.phase = match framing {
                            Framing::Length(0) => Phase::Head(Head::default()),
                            Framing::Length(length) => Phase::Length(length),
                            Framing::Chunked => Phase::Chunked(Chunks::default()),
                        };
                    }
                    Err(refused) => self.refuse(refused),
                },
                Phase::Length(left) => {
                    self.passed = usize::try_from(*left).unwrap_or(usize::MAX).min(self.received.len());
                    *left -= self.passed as u64;
                    if *left == 0 {
                        self.phase = Phase::Head(Head::default());
                    }
                }
                Phase::Chunked(chunks) => match chunks.take(&self.received) {
                    Ok((length, over)) => {
                        self.passed = length;
                        if over {
                            self.phase = Phase::Head(Head::default());
                        }
                    }
                    // The library sees the body end too early, and its reader an error.
                    Err(_) => self.phase = Phase::Over,
                },
                Phase::Http2 => self.passed = self.received.len(),
                Phase::Refused | Phase::Over => self.received.clear(),
            }
            return;
        }
    }

    fn refuse(&mut self, refused: Refused) {
        // Set only here, and this phase is left for good.
        let _ = self.activity.refused.set(refused);
        let [begin, end] = REFUSED_HEAD;
        let head = [begin, plain_path(&self.received).unwrap_or(b"/"), end].concat();
        self.received.clear();
        self.received.extend_from_slice(&head);
        self.passed = head.len();
        self.phase = Phase::Refused;
    }

    /// Nothing came. Ready when we have waited long enough for it; the phase then says what follows.
    fn silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let now = Instant::now();
            let limit = self.limit();
            if limit.is_some_and(|limit| now >= limit) {
                return Poll::Ready(self.lose_patience());
            }
            // Where it is not for us to lose patience we look again from time to time: the last answer
            // may end without another read. And the timer is left alone while requests come and go, so
            // it may ring for a deadline that has moved since.
            let rings_late = limit.is_some_and(|limit| self.reading.deadline() > limit);
            if rings_late || self.reading.is_elapsed() {
                self.reading.as_mut().reset(limit.unwrap_or(now + self.patience.idle));
            }
            ready!(self.reading.as_mut().poll(cx));
        }
    }

    /// Until when the silence may last, when that is for us to say: whoever reads a body, or works on
    /// an answer, has a deadline of its own.
    fn limit(&self) -> Option<Instant> {
        match (&self.phase, self.head_began) {
            (Phase::Unknown | Phase::Head(_), Some(began)) => Some(began + self.patience.head),
            (Phase::Http2, _) if self.activity.owes_us() => Some(self.activity.moved() + self.patience.stalled),
            (Phase::Unknown | Phase::Head(_) | Phase::Http2, _) => {
                self.activity.is_idle().then(|| self.activity.moved() + self.patience.idle)
            }
            (Phase::Length(_) | Phase::Chunked(_) | Phase::Refused | Phase::Over, _) => None,
        }
    }

    fn lose_patience(&mut self) -> io::Result<()> {
        match self.phase {
            Phase::Head(_) if !self.received.is_empty() => self.refuse(Refused::TooSlow),
            Phase::Unknown | Phase::Head(_) => self.phase = Phase::Over,
            Phase::Http2 => return Err(io::ErrorKind::TimedOut.into()),
            Phase::Length(_) | Phase::Chunked(_) | Phase::Refused | Phase::Over => {}
        }
        Ok(())
    }

    /// Receives more, into a buffer that a silent connection does not keep.
    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [std::mem::MaybeUninit::uninit(); 4096];
        let mut space = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut space))?;
        self.received.extend_from_slice(space.filled());
        Poll::Ready(Ok(space.filled().len()))
    }

    /// Lets a write wait for the client, but not for ever.
    fn unless_stuck<R>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if wrote.is_ready() {
            self.stuck = None;
            return wrote;
        }
        let due = self.patience.stalled;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + due)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gate<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.passed > 0 {
                let length = this.passed.min(space.remaining());
                space.put_slice(this.received.get(..length).unwrap_or_default());
                this.received.advance(length);
                this.passed -= length;
                if this.received.is_empty() && this.received.capacity() > 4096 {
                    this.received = BytesMut::new();
                }
                return Poll::Ready(Ok(()));
            }
            if !this.received.is_empty() {
                this.judge();
                if this.passed > 0 {
                    continue;
                }
            }
            match this.phase {
                Phase::Refused => return Poll::Pending,
                Phase::Over => return Poll::Ready(Ok(())),
                // Nothing to judge: no need to copy either.
                Phase::Http2 => match Pin::new(&mut this.stream).poll_read(cx, space) {
                    Poll::Ready(read) => return Poll::Ready(read),
                    Poll::Pending => ready!(this.silence(cx))?,
                },
                Phase::Unknown | Phase::Head(_) | Phase::Length(_) | Phase::Chunked(_) => match this.receive(cx) {
                    Poll::Ready(Ok(0)) => this.phase = Phase::Over,
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => ready!(this.silence(cx))?,
                },
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gate<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.unless_stuck(cx, wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.unless_stuck(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.unless_stuck(cx, flushed)
    }

    /// Closes our side, then reads on for a moment when the client may still be sending: a socket
    /// that is closed with unread bytes takes back the answer that is on its way.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
            ready!(this.unless_stuck(cx, shut))?;
            let more = match this.phase {
                Phase::Refused | Phase::Length(_) | Phase::Chunked(_) => true,
                Phase::Head(_) => !this.received.is_empty(),
                Phase::Unknown | Phase::Http2 | Phase::Over => false,
            };
            this.lingering = Some(if more { MAX_LINGER } else { 0 });
            this.reading.as_mut().reset(Instant::now() + this.patience.linger);
        }
        let mut left = this.lingering.unwrap_or(0);
        while left > 0 {
            this.lingering = Some(left);
            this.received.clear();
            match this.receive(cx) {
                Poll::Ready(Ok(0) | Err(_)) => break,
                Poll::Ready(Ok(length)) => left = left.saturating_sub(length),
                Poll::Pending => {
                    ready!(this.reading.as_mut().poll(cx));
                    break;
                }
            }
        }
        this.lingering = Some(0);
        Poll::Ready(Ok(()))
    }
}
