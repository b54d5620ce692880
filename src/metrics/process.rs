//! What the system knows of this process, read when somebody asks. Where there is no `/proc`, nothing.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Of the times in `/proc`, on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Some(seconds) = cpu_seconds() {
            let used = ConstCounter::new(seconds);
            let name = "process_cpu";
            let help = "Processor time of this process";
            used.encode(encoder.encode_descriptor(name, help, Some(&Unit::Seconds), used.metric_type())?)?;
        }
        if let Some(bytes) = resident_bytes() {
            let held = ConstGauge::new(bytes);
            let name = "process_resident_memory";
            let help = "Memory that this process has in use";
            held.encode(encoder.encode_descriptor(name, help, Some(&Unit::Bytes), held.metric_type())?)?;
        }
        if let Some(count) = open_files() {
            let open = ConstGauge::new(count);
            let help = "File descriptors in use, sockets included";
            open.encode(encoder.encode_descriptor("process_open_fds", help, None, open.metric_type())?)?;
        }
        Ok(())
    }
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program comes in parentheses, and may have anything in it. The 12th and 13th field
    // after it are the times in user and in kernel mode.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11).map(str::parse::<f64>);
    Some((fields.next()?.ok()? + fields.next()?.ok()?) / TICKS_PER_SECOND)
}

fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_ascii_whitespace().next()?.parse::<i64>().ok()?.checked_mul(1024)
}

fn open_files() -> Option<i64> {
    // The reading itself has one open.
    i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok().map(|count| count - 1)
}
