//! Commands of many callers, written together.
//!
//! A command written by itself costs two system calls and wakes the server at the other end; next to
//! others it costs a few bytes. So callers hand their commands to one task, which lets everybody who
//! is ready come first and then writes all that has gathered. Nobody waits for a group to fill.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use redis::aio::{ConnectionLike, ConnectionManager};
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, Value, from_redis_value};
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;

/// Commands of one group. What is more goes with the next one.
const GROUP: usize = 128;

/// Commands that may wait before whoever brings another one waits too.
const QUEUE: usize = 1024;

struct Order {
    command: Cmd,
    answer: Option<oneshot::Sender<RedisResult<Value>>>,
}

impl Order {
    /// Whoever has given up is told nothing any more, so nothing is done for them.
    fn is_abandoned(&self) -> bool {
        self.answer.as_ref().is_some_and(oneshot::Sender::is_closed)
    }
}

/// A connection that gathers. Clones share it.
#[derive(Clone)]
pub(super) struct Gathered {
    direct: ConnectionManager,
    orders: mpsc::Sender<Order>,
    /// Whether somebody carries the orders; if not, each command goes by itself.
    carried: Arc<AtomicBool>,
}

impl Gathered {
    /// The future carries the commands until it is dropped.
    pub(super) fn new(direct: ConnectionManager) -> (Self, impl Future<Output = ()> + Send + 'static + use<>) {
        let (orders, to_carry) = mpsc::channel(QUEUE);
        let listening = Arc::new(AtomicBool::new(false));
        let carrier = Carrier { orders: to_carry, connection: direct.clone(), carried: Arc::clone(&listening) };
        (Self { direct, orders, carried: listening }, carrier.run())
    }

    /// The connection by itself, for what is seldom or more than one command.
    pub(super) fn direct(&self) -> ConnectionManager {
        self.direct.clone()
    }

    /// Sends a command along with the next ones.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: Cmd) -> RedisResult<T> {
        let (answer, answered) = oneshot::channel();
        let command = match self.hand_over(Order { command, answer: Some(answer) }).await {
            // Not tried again the direct way: it may have been carried out.
            Ok(()) => return Ok(from_redis_value(answered.await.unwrap_or_else(|_| Err(interrupted()))?)?),
            Err(command) => command,
        };
        command.query_async(&mut self.direct()).await
    }

    /// Gives a command back when nobody carries it.
    async fn hand_over(&self, order: Order) -> Result<(), Cmd> {
        if !self.carried.load(Ordering::Acquire) {
            return Err(order.command);
        }
        self.orders.send(order).await.map_err(|mpsc::error::SendError(refused)| refused.command)
    }

    /// Sends a command along with the next ones, and waits for nothing. Gives it back when nobody
    /// carries it.
    pub(super) fn post(&self, command: Cmd) -> Result<(), Cmd> {
        if !self.carried.load(Ordering::Acquire) {
            return Err(command);
        }
        let order = Order { command, answer: None };
        self.orders.try_send(order).map_err(|refused| refused.into_inner().command)
    }
}

struct Carrier {
    orders: mpsc::Receiver<Order>,
    connection: ConnectionManager,
    carried: Arc<AtomicBool>,
}

impl Carrier {
    async fn run(mut self) {
        self.carried.store(true, Ordering::Release);
        let mut under_way = FuturesUnordered::new();
        let mut group = Vec::with_capacity(GROUP);
        loop {
            tokio::select! {
                taken = self.orders.recv_many(&mut group, GROUP) => {
                    if taken == 0 {
                        break;
                    }
                    // Whoever woke us goes on first, and so does everyone else who can.
                    yield_now().await;
                    while group.len() < GROUP && self.orders.try_recv().map(|order| group.push(order)).is_ok() {}
                    under_way.push(carry(self.connection.clone(), std::mem::take(&mut group)));
                }
                Some(()) = under_way.next() => {}
            }
        }
        while under_way.next().await.is_some() {}
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.carried.store(false, Ordering::Release);
    }
}

async fn carry(mut connection: ConnectionManager, mut group: Vec<Order>) {
    group.retain(|order| !order.is_abandoned());
    let mut pipeline = Pipeline::with_capacity(group.len());
    let mut answers = Vec::with_capacity(group.len());
    for Order { command, answer } in group {
        pipeline.add_command(command);
        answers.push(answer);
    }
    match connection.req_packed_commands(&pipeline, 0, answers.len()).await {
        Ok(values) => {
            for (answer, value) in answers.into_iter().zip(values) {
                if let Some(answer) = answer {
                    let _ = answer.send(value.extract_error());
                }
            }
        }
        Err(error) => {
            for answer in answers.into_iter().flatten() {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

fn interrupted() -> RedisError {
    (ErrorKind::Io, "nobody carried the command to its end").into()
}
