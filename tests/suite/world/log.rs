//! What the server logs while the tests run, kept for those who look for secrets in it.

use std::io::{self, Write};
use std::sync::{Mutex, Once};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Begins to listen, once for all tests of this process. Answers where the log stands.
pub(super) fn start() -> usize {
    static START: Once = Once::new();
    START.call_once(|| {
        // Everything of ours; of the libraries what `telemetry` lets pass.
        let targets = Targets::new().with_target("nod", LevelFilter::TRACE).with_default(LevelFilter::WARN);
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Buffer);
        let _ = tracing_subscriber::registry().with(targets).with(layer).try_init();
    });
    LOG.lock().unwrap().len()
}

pub(super) fn since(begin: usize) -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap()[begin..]).into_owned()
}

struct Buffer;

impl MakeWriter<'_> for Buffer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
