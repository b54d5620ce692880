//! Processes and what they use: one server at a time on a processor of its own, everything else on
//! the others.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;

/// Which processors are for whom.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    pub server: Option<String>,
}

/// Set in the process that was started again on its own processors.
const PINNED: &str = "NOD_BENCH_SERVER_CORE";

/// Starts this program again on all processors but one, which is left to the server.
#[expect(clippy::disallowed_methods, reason = "not a setting: a word from the process that this one replaced")]
pub(crate) fn pin() -> Cores {
    if let Ok(core) = std::env::var(PINNED) {
        return Cores { server: Some(core).filter(|core| !core.is_empty()) };
    }
    let allowed = allowed();
    let (Some((server, others)), true) = (allowed.split_first(), present("taskset")) else {
        return Cores { server: None };
    };
    if others.is_empty() {
        return Cores { server: None };
    }
    let others: Vec<String> = others.iter().map(usize::to_string).collect();
    let own = std::env::current_exe().expect("the name of this program");
    let failed = Command::new("taskset")
        .args(["-c", &others.join(",")])
        .arg(own)
        .args(std::env::args_os().skip(1))
        .env(PINNED, server.to_string())
        .exec();
    eprintln!("not pinned: {failed}");
    Cores { server: None }
}

/// The processors that we may use, as the kernel writes them: `0-1,4`.
fn allowed() -> Vec<usize> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ranges = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
    let range = |part: &str| -> Option<std::ops::RangeInclusive<usize>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    ranges.trim().split(',').filter_map(range).flatten().collect()
}

fn present(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// A server of ours. It ends with this value, and at the latest with this process: a small shell
/// waits for the end of its input and then ends the server by its number.
pub(crate) struct Server {
    pub address: SocketAddr,
    pub pid: String,
    shell: Child,
    lifeline: Option<ChildStdin>,
}

impl Server {
    pub(crate) fn start(
        cores: &Cores,
        address: SocketAddr,
        program: &Path,
        arguments: &[&str],
        log: &Path,
    ) -> Result<Self> {
        const SHELL: &str = "log=$1; shift; \"$@\" >/dev/null 2>>\"$log\" </dev/null & pid=$!; echo $pid
            read word; kill -TERM $pid 2>/dev/null; (sleep 5; kill -KILL $pid 2>/dev/null) & late=$!
            wait $pid 2>/dev/null; kill $late 2>/dev/null";
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, "sh"]).arg(log);
        if let Some(core) = &cores.server {
            command.args(["taskset", "-c", core]);
        }
        let mut shell = command
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut pid = String::new();
        BufReader::new(shell.stdout.take().ok_or("no output")?).read_line(&mut pid)?;
        let lifeline = shell.stdin.take();
        let server = Self { address, pid: pid.trim().to_owned(), shell, lifeline };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if start.elapsed() > Duration::from_secs(20) {
                return Err(format!("no server:\n{}", std::fs::read_to_string(log).unwrap_or_default()).into());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub(crate) fn cpu(&self) -> Cpu {
        Cpu::of(&self.pid)
    }

    /// Bytes in memory now, and at most so far.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let field = |name: &str| -> u64 {
            let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            value.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
        };
        (field("VmRSS:"), field("VmHWM:"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.shell.wait();
    }
}

/// Processor time of a process so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub user: Duration,
    pub system: Duration,
}

impl Cpu {
    pub(crate) fn of(pid: &str) -> Self {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name of the program may hold spaces; what follows its bracket does not. [proc(5)]
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| -> Duration {
            let ticks: u32 = fields.get(at).and_then(|field| field.parse().ok()).unwrap_or(0);
            Duration::from_secs(1) * ticks / TICKS_PER_SECOND
        };
        Self { user: ticks(11), system: ticks(12) }
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self { user: self.user.saturating_sub(before.user), system: self.system.saturating_sub(before.system) }
    }

    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }
}

/// `USER_HZ`: a constant of Linux on every machine that this runs on.
const TICKS_PER_SECOND: u32 = 100;

pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// What was measured, and where.
pub(crate) fn describe(cores: &Cores) -> Value {
    let says = |program: &str, arguments: &[&str]| -> String {
        let output = Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).trim().to_owned()
    };
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({
        "commit": says("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
        "date": says("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
        "processor": model.map(|(_, model)| model),
        "processors": allowed().len() + usize::from(cores.server.is_some()),
        "pinned": cores.server.is_some(),
        "load_at_start": load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        "kernel": says("uname", &["-sr"]),
        "redis": says("redis-server", &["--version"]),
        "openssl": says("openssl", &["version"]),
        "rustc": says("rustc", &["--version"]),
    })
}
