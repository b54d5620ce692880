//! Real Redis and PostgreSQL servers from the installed binaries, on free ports of the loopback
//! address, in directories of their own.
//!
//! Each server is the child of a small shell that waits for the end of its standard input. We hold
//! the other end of that pipe: when this process ends, however it ends, the shell ends the server by
//! its process id and removes the directory.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A server that lives as long as this value, and never longer than this process.
#[derive(Debug)]
struct Server {
    pid: String,
    shell: Child,
    lifeline: Option<ChildStdin>,
}

impl Server {
    /// `farewell` is the signal that ends the server for good.
    fn start(program: &Path, arguments: &[&str], directory: &Path, farewell: &str) -> Self {
        const SHELL: &str = "directory=$1; farewell=$2; shift 2
            \"$@\" >>\"$directory/log\" 2>&1 </dev/null &
            pid=$!; echo $pid; read word
            kill -CONT $pid 2>/dev/null; kill $farewell $pid 2>/dev/null
            (sleep 3; kill -KILL $pid 2>/dev/null) & late=$!
            wait $pid 2>/dev/null; kill $late 2>/dev/null
            test \"$word\" = keep || rm -rf \"$directory\"";
        let mut shell = Command::new("sh")
            .args(["-c", SHELL, "sh"])
            .arg(directory)
            .arg(farewell)
            .args(as_postgres(program))
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let mut pid = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        let lifeline = shell.stdin.take();
        Self { pid: pid.trim().to_owned(), shell, lifeline }
    }

    /// Ends the server now, and leaves its directory for the next.
    fn kill(mut self, signal: &str) {
        self.signal(signal);
        let _ = self.lifeline.as_mut().unwrap().write_all(b"keep\n");
    }

    fn signal(&self, signal: &str) {
        Command::new("kill").args([signal, &self.pid]).status().expect("kill");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.shell.wait();
    }
}

/// PostgreSQL refuses to run as root; nothing else here cares.
fn as_postgres(program: &Path) -> &'static [&'static str] {
    let by_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    let postgres = program.components().any(|part| part.as_os_str() == "postgresql");
    if by_root && postgres { &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] } else { &[] }
}

/// A port that nobody else gets while its server is away for a while: below the range from which
/// the system picks ports, and never the same twice.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let n = std::process::id().wrapping_mul(97).wrapping_add(TAKEN.fetch_add(1, Ordering::SeqCst));
        let port = 15_000 + u16::try_from(n % 15_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn directory() -> PathBuf {
    tempfile::Builder::new().prefix("nod-test-").tempdir().unwrap().keep()
}

fn wait_until(what: &str, log: &Path, ready: impl Fn() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "{what} did not start:\n{}",
            std::fs::read_to_string(log).unwrap_or_default()
        );
        sleep(Duration::from_millis(20));
    }
}

fn find_in_path(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("these tests need {name}: install {package}"))
}

/// A Redis server, with an append-only file as in production unless it is to forget.
#[derive(Debug)]
pub(crate) struct Redis {
    port: u16,
    directory: PathBuf,
    appends: bool,
    server: Mutex<Option<Server>>,
}

impl Redis {
    /// One for this test alone, which may be hurt.
    pub(crate) fn start() -> Self {
        Self::new(true)
    }

    /// One that is empty whenever it was killed.
    pub(crate) fn start_forgetful() -> Self {
        Self::new(false)
    }

    fn new(appends: bool) -> Self {
        let redis = Self { port: free_port(), directory: directory(), appends, server: Mutex::new(None) };
        redis.revive();
        redis
    }

    /// One for all tests of this process. Use a prefix of your own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Ends the server like a power cut.
    pub(crate) fn kill(&self) {
        let server = self.server.lock().unwrap().take().expect("a running server");
        server.kill("-KILL");
    }

    /// Starts the server again on the same port with what it has kept.
    pub(crate) fn revive(&self) {
        let (port, home) = (self.port.to_string(), self.directory.to_str().unwrap());
        let arguments = [
            ["--bind", "127.0.0.1"],
            ["--port", &port],
            ["--dir", home],
            ["--save", ""],
            ["--appendonly", if self.appends { "yes" } else { "no" }],
            ["--maxmemory-policy", "noeviction"],
        ];
        let binary = find_in_path("redis-server", "redis-server");
        let server = Server::start(&binary, arguments.as_flattened(), &self.directory, "-KILL");
        wait_until("redis-server", &self.directory.join("log"), || self.command("PING").contains("PONG"));
        *self.server.lock().unwrap() = Some(server);
    }

    /// Stops the server in its tracks; its connections stay open.
    pub(crate) fn pause(&self) {
        self.server.lock().unwrap().as_ref().unwrap().signal("-STOP");
    }

    pub(crate) fn unpause(&self) {
        self.server.lock().unwrap().as_ref().unwrap().signal("-CONT");
    }

    /// Sends one command in the inline form; answers what comes back first.
    pub(crate) fn command(&self, command: &str) -> String {
        let Ok(mut connection) = TcpStream::connect(("127.0.0.1", self.port)) else { return String::new() };
        connection.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let _ = connection.write_all(format!("{command}\r\n").as_bytes());
        let mut answer = [0; 4096];
        let length = connection.read(&mut answer).unwrap_or(0);
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.server.get_mut().unwrap().take());
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A PostgreSQL server.
#[derive(Debug)]
pub(crate) struct Postgres {
    port: u16,
    directory: PathBuf,
    server: Mutex<Option<Server>>,
    databases: AtomicU32,
}

impl Postgres {
    /// One for this test alone, which may be hurt.
    pub(crate) fn start() -> Self {
        let directory = directory();
        let cluster = directory.join("data");
        let initdb = Self::binary("initdb");
        if let Some((setpriv, arguments)) = as_postgres(&initdb).split_first() {
            let chown = Command::new("chown").arg("postgres").arg(&directory).status().expect("chown");
            assert!(chown.success() && !setpriv.is_empty() && !arguments.is_empty());
        }
        let mut line: Vec<&str> = as_postgres(&initdb).to_vec();
        line.extend([initdb.to_str().unwrap(), "--pgdata", cluster.to_str().unwrap()]);
        line.extend(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]);
        let made = Command::new(line[0]).args(&line[1..]).current_dir("/").output().expect("initdb");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let postgres = Self { port: free_port(), directory, server: Mutex::new(None), databases: AtomicU32::new(0) };
        postgres.revive();
        postgres
    }

    /// One for all tests of this process. Use a database of your own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// The URL of a new, empty database.
    pub(crate) fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Ends the server like a power cut.
    pub(crate) fn kill(&self) {
        let server = self.server.lock().unwrap().take().expect("a running server");
        server.kill("-QUIT");
    }

    /// Starts the server again on the same port with the same data.
    pub(crate) fn revive(&self) {
        let (port, home) = (self.port.to_string(), self.directory.to_str().unwrap());
        let cluster = self.directory.join("data");
        let arguments = [
            ["-D", cluster.to_str().unwrap()],
            ["-k", home],
            ["-h", "127.0.0.1"],
            ["-p", &port],
            ["-c", "fsync=off"],
            ["-c", "max_connections=400"],
        ];
        let server = Server::start(&Self::binary("postgres"), arguments.as_flattened(), &self.directory, "-QUIT");
        wait_until("postgres", &self.directory.join("log"), || {
            let probe = Command::new(Self::binary("pg_isready")).args(["-h", "127.0.0.1", "-p", &port]).output();
            probe.is_ok_and(|probe| probe.status.success())
        });
        *self.server.lock().unwrap() = Some(server);
    }

    /// Stops all its processes in their tracks; its connections stay open.
    pub(crate) fn pause(&self) {
        self.signal_all("-STOP");
    }

    pub(crate) fn unpause(&self) {
        self.signal_all("-CONT");
    }

    fn signal_all(&self, signal: &str) {
        let server = self.server.lock().unwrap();
        let server = server.as_ref().unwrap();
        // The parent first, or it could have another child meanwhile.
        server.signal(signal);
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &server.pid]).output().expect("ps");
        for child in String::from_utf8_lossy(&children.stdout).split_whitespace() {
            Command::new("kill").args([signal, child]).status().expect("kill");
        }
    }

    pub(crate) fn sql(&self, database: &str, statement: &str) {
        let done = Command::new(Self::binary("psql"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-d", database])
            .args(["-v", "ON_ERROR_STOP=1", "-q", "-c", statement])
            .output()
            .expect("psql");
        assert!(done.status.success(), "psql: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn binary(name: &str) -> PathBuf {
        let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(|version| Some(version.ok()?.path().join("bin").join(name)))
            .filter(|file| file.is_file())
            .collect();
        versions.sort();
        versions.pop().unwrap_or_else(|| find_in_path(name, "postgresql"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.server.get_mut().unwrap().take());
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
