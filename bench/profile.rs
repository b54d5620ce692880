//! Where the time goes: `perf` looks at the server while it is measured.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Result;

/// A recording of one server, while one scenario runs.
pub(crate) struct Recording {
    perf: Child,
    data: PathBuf,
}

impl Recording {
    pub(crate) fn start(pid: &str, directory: &Path, name: &str) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let data = directory.join(format!("{name}.perf"));
        let perf = Command::new("perf")
            .args(["record", "--quiet", "-e", "cpu-clock", "-F", "4999"])
            .args(["-p", pid, "-o"])
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // It takes a moment until it looks.
        std::thread::sleep(Duration::from_millis(500));
        Ok(Self { perf, data })
    }

    /// Ends the recording and prints the shares of libraries.
    pub(crate) fn end(mut self) -> Result<()> {
        Command::new("kill").args(["-INT", &self.perf.id().to_string()]).status()?;
        self.perf.wait()?;
        let report = Command::new("perf")
            .args(["report", "--stdio", "--no-children", "-g", "none", "-F", "sample,dso,symbol", "-i"])
            .arg(&self.data)
            .output()?;
        let mut shares: BTreeMap<&'static str, u64> = BTreeMap::new();
        for line in String::from_utf8_lossy(&report.stdout).lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let (Some(samples), Some(object)) =
                (words.next().and_then(|count| count.parse::<u64>().ok()), words.next())
            else {
                continue;
            };
            let symbol = words.skip(1).collect::<Vec<_>>().join(" ");
            *shares.entry(library(object, &symbol)).or_default() += samples;
        }
        let all: u64 = shares.values().sum();
        let mut shares: Vec<(u64, &'static str)> = shares.into_iter().map(|(name, samples)| (samples, name)).collect();
        shares.sort_by(|a, b| b.cmp(a));
        println!("{}: {all} samples", self.data.display());
        for (samples, name) in shares {
            println!("  {:>5.1} %  {name}", share(samples, all));
        }
        Ok(())
    }
}

fn share(part: u64, all: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let share = part as f64 * 100.0 / all as f64;
    share
}

/// Which library a symbol belongs to: the object, and for our own program the crate.
fn library(object: &str, symbol: &str) -> &'static str {
    const CRATES: [(&[&str], &str); 10] = [
        (&["nod", "nod_device"], "nod itself"),
        (&["hyper", "hyper_util", "http", "httparse", "http_body_util", "http_body"], "hyper, http"),
        (&["poem", "poem_openapi"], "poem"),
        (&["tokio", "tokio_util", "mio", "futures_util", "futures_core", "bytes"], "tokio, futures, bytes"),
        (&["sqlx_sqlite", "sqlx_core", "sea_orm", "sea_query", "sea_query_sqlx", "flume"], "sqlx, sea-orm"),
        (&["serde", "serde_core", "serde_json", "postcard", "base64", "memchr", "indexmap", "itoa"], "serde, base64"),
        (&["redis", "combine", "arc_swap"], "redis-rs"),
        (&["moka", "crossbeam_epoch", "crossbeam_channel", "crossbeam_utils"], "moka"),
        (&["tracing", "tracing_core", "tracing_subscriber", "tracing_appender"], "tracing"),
        (&["josekit", "openssl"], "josekit, without libcrypto"),
    ];
    let object = object.trim_start_matches('[').trim_end_matches(']');
    match object {
        "kernel.kallsyms" | "kernel" | "vdso" => return "kernel",
        _ if object.starts_with("libcrypto") => return "libcrypto (OpenSSL)",
        _ if object.starts_with("libc.") => return "libc: malloc, memcpy",
        _ => {}
    }
    if ["nistz256", "ring_core", "sha256_block", "p256_", "ChaCha20", "bn_"].iter().any(|part| symbol.contains(part)) {
        return "ring";
    }
    // `<a::b::C as d::E>::f`, `a::b::f`, and what C has.
    let path = symbol.trim_start_matches(['<', '&', '(', '[']).trim_start_matches("dyn ").trim_start_matches("mut ");
    let Some((name, _)) = path.split_once("::") else {
        return if symbol.contains("rust") || symbol.contains('<') {
            "Rust's own library, and small crates"
        } else {
            "SQLite"
        };
    };
    CRATES
        .iter()
        .find(|(names, _)| names.contains(&name))
        .map_or("Rust's own library, and small crates", |(_, group)| group)
}
