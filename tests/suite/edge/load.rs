//! What the process as a whole spends. Each of these runs in a process of its own, because it
//! measures memory or processor time, or needs another limit on file descriptors.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

/// Runs an ignored test of this file alone, with a limit on file descriptors.
fn alone(test: &str, descriptors: u32) {
    let own = std::env::current_exe().unwrap();
    let run = format!("ulimit -n {descriptors} && exec \"$0\" --exact edge::load::{test} --ignored --nocapture");
    let output = Command::new("sh").arg("-c").arg(run).arg(own).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    for line in said.lines().filter(|line| line.starts_with("measured")) {
        eprintln!("{line}");
    }
}

#[test]
fn bodies_cost_little_memory() {
    alone("measure_bodies", 1024);
}

#[test]
fn heads_cost_little_memory_and_processor() {
    alone("measure_heads", 1024);
}

#[test]
fn encrypted_bombs_are_refused_unread() {
    alone("measure_bombs", 1024);
}

#[test]
fn idle_connections_do_not_lock_others_out() {
    alone("measure_idle_connections", 8192);
}

#[test]
fn running_out_of_descriptors_burns_no_processor() {
    alone("measure_exhaustion", 64);
}

/// Resident memory in KiB.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4
}

/// Processor time of this process, read from `/proc/self/stat`.
fn burnt(stat: &File) -> Duration {
    let mut buffer = [0; 1024];
    let read = stat.read_at(&mut buffer, 0).unwrap();
    let stat = String::from_utf8_lossy(&buffer[..read]);
    let ticks = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(2);
    Duration::from_millis(ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>() * 10)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by bodies_cost_little_memory"]
async fn measure_bodies() {
    let server = start(Edge::default()).await;
    assert_eq!(server.status("/").await, 200);
    let before = resident();
    let mut most = before;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let megabyte = vec![b'a'; 1 << 20];
    for framing in ["Content-Length: 300000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"] {
        let mut streams = Vec::new();
        for _ in 0..20 {
            let mut stream = server.connect().await;
            stream.write_all(format!("POST /form HTTP/1.1\r\nHost: a\r\n{form}{framing}").as_bytes()).await.unwrap();
            streams.push(stream);
        }
        for _ in 0..300 {
            for stream in &mut streams {
                if framing.starts_with('T') {
                    let _ = stream.write_all(b"100000\r\n").await;
                }
                let _ = stream.write_all(&megabyte).await;
                let _ = stream.write_all(b"\r\n").await;
            }
            most = most.max(resident());
        }
        for mut stream in streams {
            // The answer was sent; what the client sends after it may have reset the connection.
            let answer = until_closed(&mut stream).await;
            assert!(matches!(status(&answer), 413 | 0), "{answer}");
        }
    }
    println!("measured: 40 bodies of 300 MB grow memory by {} KiB", most - before);
    assert!(most - before < 50 * 1024);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by heads_cost_little_memory_and_processor"]
async fn measure_heads() {
    const HEADS: u32 = 2000;
    let server = start(Edge::default()).await;
    assert_eq!(server.status("/").await, 200);
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(500_000));
    let stat = File::open("/proc/self/stat").unwrap();
    let (before, spent) = (resident(), burnt(&stat));
    let mut most = before;
    for _ in 0..HEADS / 20 {
        let mut streams = Vec::new();
        for _ in 0..20 {
            streams.push(server.connect().await);
        }
        for stream in &mut streams {
            let _ = stream.write_all(head.as_bytes()).await;
        }
        most = most.max(resident());
        for mut stream in streams {
            let answer = until_closed(&mut stream).await;
            assert!(matches!(status(&answer), 431 | 0), "{answer}");
        }
    }
    let each = burnt(&stat).saturating_sub(spent) / HEADS;
    println!(
        "measured: {HEADS} heads of 500 KB, 20 at a time, grow memory by {} KiB; both ends spend {each:?} on each",
        most - before
    );
    assert!(most - before < 20 * 1024);
    assert!(each < Duration::from_millis(5));
}

/// Tokens that are encrypted and compressed, and would be 60 MB: nobody opens them.
#[tokio::test]
#[ignore = "run by encrypted_bombs_are_refused_unread"]
async fn measure_bombs() {
    use nod::protocol::jwt::{EmbeddedKeyProof, JwtError, Unverified};
    const BOMBS: u32 = 2000;
    let base64url = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let header = base64url(br#"{"alg":"dir","enc":"A128CBC-HS256","zip":"DEF"}"#);
    let jwe = format!("{header}..{}.{}.{}", base64url(&[7; 16]), base64url(&vec![0x41; 40_000]), base64url(&[7; 16]));
    // Passed off as a signed one: the header says that it is compressed.
    let jws = {
        let header = base64url(br#"{"alg":"ES256","zip":"DEF"}"#);
        format!("{header}.{}.{}", base64url(&vec![0x41; 40_000]), base64url(&[7; 64]))
    };
    let stat = File::open("/proc/self/stat").unwrap();
    for (what, bomb) in [("JWE", jwe), ("JWS with zip", jws)] {
        let refuse = || {
            let refused: Result<Unverified<'_>, JwtError> = Unverified::parse_within(&bomb, 64 * 1024);
            assert!(refused.is_err());
            assert!(EmbeddedKeyProof::parse(&bomb, "nod-device-proof+jwt", 64 * 1024).is_err());
        };
        refuse();
        let (before, spent) = (resident(), burnt(&stat));
        for _ in 0..BOMBS {
            refuse();
        }
        let (each, grown) = (burnt(&stat).saturating_sub(spent) / BOMBS, resident().saturating_sub(before));
        println!(
            "measured: a {what} bomb of 53 KB is refused in {each:?}, and {BOMBS} of them grow memory by {grown} KiB"
        );
        assert!(each < Duration::from_millis(5) && grown < 4096);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by idle_connections_do_not_lock_others_out"]
async fn measure_idle_connections() {
    let server = start(Edge::default()).await;
    assert_eq!(server.status("/").await, 200);
    let before = resident();
    let mut idle = Vec::new();
    for n in 0..2000 {
        let mut stream = server.connect().await;
        let sent: &[u8] = match n % 3 {
            0 => b"",
            1 => b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
            _ => b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        };
        stream.write_all(sent).await.unwrap();
        idle.push(stream);
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let begun = std::time::Instant::now();
        assert_eq!(server.status("/").await, 200);
        slowest = slowest.max(begun.elapsed());
    }
    println!(
        "measured: beside 2000 idle connections ({} KiB, both ends) a new client waits at most {slowest:?}",
        resident() - before
    );
    assert!(slowest < Duration::from_millis(200));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by running_out_of_descriptors_burns_no_processor"]
async fn measure_exhaustion() {
    let mut edge = Edge::default();
    edge.limits.head = Duration::from_secs(60);
    let server = start(edge).await;
    assert_eq!(server.status("/").await, 200);
    let stat = File::open("/proc/self/stat").unwrap();
    // Each takes two descriptors, one at either end; the last ones are never accepted.
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect(server.address).await {
        held.push(stream);
    }
    let before = burnt(&stat);
    sleep(Duration::from_secs(2)).await;
    let spent = burnt(&stat).saturating_sub(before);
    println!("measured: {} clients hold all descriptors; the server spends {spent:?} in 2 s", held.len());
    assert!(spent < Duration::from_millis(100));
    held.truncate(4);
    sleep(Duration::from_millis(200)).await;
    assert_eq!(server.status("/").await, 200, "served again");
}
