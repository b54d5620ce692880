use proptest::prelude::*;

use super::chunks::Garbled;
use super::*;

const LIMITS: HeadLimits = HeadLimits { bytes: 16 * 1024, fields: 64, target: 8 * 1024 };

fn read(head: &[u8]) -> Result<Progress, Refused> {
    Head::default().advance(head, &LIMITS)
}

fn malformed(head: &str) {
    assert!(matches!(read(head.as_bytes()), Err(Refused::Malformed(_))), "{head:?}: {:?}", read(head.as_bytes()));
}

fn complete(head: &str, framing: Framing) {
    assert_eq!(read(head.as_bytes()), Ok(Progress::Complete(head.len(), framing)), "{head:?}");
}

#[test]
fn ordinary_heads_pass() {
    complete("GET / HTTP/1.1\r\nHost: nod.example\r\n\r\n", Framing::Length(0));
    complete("GET / HTTP/1.0\r\n\r\n", Framing::Length(0));
    complete("\r\nGET / HTTP/1.1\r\nhost:[::1]:8080\r\n\r\n", Framing::Length(0));
    complete("POST /t?a=b HTTP/1.1\r\nHost: a\r\nContent-Length:  7 \r\nX: \t\u{e9}\r\n\r\n", Framing::Length(7));
    complete("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", Framing::Chunked);
    let first = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(read(format!("{first}GET").as_bytes()), Ok(Progress::Complete(first.len(), Framing::Length(0))));
}

#[test]
fn rfc9112_2_2_lines_end_in_crlf() {
    malformed("GET / HTTP/1.1\nHost: a\n\n");
    malformed("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n");
    malformed("GET / HTTP/1.1\r\nHost: a\r\n\n");
    malformed("GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n");
    malformed("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    malformed("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

#[test]
fn rfc9112_3_2_there_is_one_host() {
    malformed("GET / HTTP/1.1\r\n\r\n");
    malformed("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n");
    malformed("GET / HTTP/1.0\r\nHost: a\r\nhOST: b\r\n\r\n");
    for host in ["", "a, b", "a@b", "a/b", "a b", "a\u{e9}"] {
        malformed(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    }
}

#[test]
fn rfc9112_5_fields_are_well_formed() {
    for field in ["X: a\r\n b", "X: a\r\n\tb", "X : a", ": a", "X", "X\u{e9}: a", "X: a\0b", "X: a\u{7f}", "(X): a"] {
        malformed(&format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"));
    }
    malformed("GET / HTTP/1.1\r\n Host: a\r\n\r\n");
    let folded = read(b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n");
    assert_eq!(folded, Err(Refused::Malformed("A header field is folded over several lines.")));
}

#[test]
fn rfc9112_3_the_request_line_is_well_formed() {
    for line in [
        "GET /",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / HTTP/2.0",
        "GET / http/1.1",
        "G(T / HTTP/1.1",
        " GET / HTTP/1.1",
        "GET /\t HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "",
    ] {
        malformed(&format!("X{line}\r\nHost: a\r\n\r\n").replacen('X', "", 1));
    }
    malformed("\u{16}\u{3}\u{1}");
}

#[test]
fn a_path_is_read_when_it_is_whole_and_plain() {
    for (head, path) in [
        ("GET /device/v1/me HTTP/1.1\r\n", Some("/device/v1/me")),
        ("\r\nGET /device/v1/me?x HT", Some("/device/v1/me")),
        ("GET / HTTP/9.9", Some("/")),
        ("GET /device/v1/me", None),
        ("GET /device/%76%31/me HTTP/1.1", None),
        ("GET http://a/device/v1/me HTTP/1.1", None),
        ("GET /a\r\nb HTTP/1.1", None),
        ("GET  /a HTTP/1.1", None),
        ("GET * HTTP/1.1", None),
        ("GET", None),
        ("", None),
    ] {
        assert_eq!(plain_path(head.as_bytes()), path.map(str::as_bytes), "{head:?}");
    }
    assert_eq!(plain_path(format!("GET /{} HTTP/1.1", "a".repeat(256)).as_bytes()), None);
}

#[test]
fn rfc9112_6_the_length_of_a_message_has_one_meaning() {
    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4, 4",
        "Content-Length: +4",
        "Content-Length: -4",
        "Content-Length: 0x4",
        "Content-Length:",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:",
    ] {
        malformed(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"));
    }
    malformed("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
}

#[test]
fn heads_are_bounded() {
    let fields = |n: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(n - 1));
    complete(&fields(64), Framing::Length(0));
    assert_eq!(read(fields(65).as_bytes()), Err(Refused::TooLarge));

    let target = |n: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(n - 1));
    complete(&target(8192), Framing::Length(0));
    assert_eq!(read(target(8193).as_bytes()), Err(Refused::TargetTooLong));
    assert_eq!(read(target(9000).as_bytes()), Err(Refused::TargetTooLong));
    assert_eq!(read(target(20_000).as_bytes()), Err(Refused::TargetTooLong));
    assert_eq!(read(&target(20_000).as_bytes()[..10_000]), Err(Refused::TargetTooLong), "without the line end");

    let value = |n: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(n - 32));
    complete(&value(16_384), Framing::Length(0));
    assert_eq!(read(value(16_387).as_bytes()), Err(Refused::TooLarge));
    assert_eq!(read(value(500_000).as_bytes()), Err(Refused::TooLarge));
    assert_eq!(read(&value(500_000).as_bytes()[..16_384]), Err(Refused::TooLarge), "without the line end");
}

fn chunked(body: &[u8]) -> Result<(usize, bool), Garbled> {
    Chunks::default().take(body)
}

#[test]
fn rfc9112_7_1_a_chunked_body_is_followed_to_its_end() {
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "00A;a=\"b c\" ;d\r\n0123456789\r\n1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n",
        "2\r\n\r\n\r\n0\r\n\r\n",
    ] {
        assert_eq!(chunked(body.as_bytes()), Ok((body.len(), true)), "{body:?}");
        assert_eq!(chunked(format!("{body}GET / ").as_bytes()), Ok((body.len(), true)), "{body:?}");
        let mut bytewise = Chunks::default();
        for (n, byte) in body.bytes().enumerate() {
            assert_eq!(bytewise.take(&[byte]), Ok((1, n + 1 == body.len())), "{body:?} at {n}");
        }
    }
    for garbled in [
        "\r\n",
        "g",
        "-1\r\n",
        "5\nhello",
        "5\r\nhelloo",
        "5\r\nhello\n",
        "0\r\n\n",
        "0\n\r\n",
        ";a\r\n",
        "1\r\nx\r\n\r\n",
        "5\rhello",
        "100000000\r\n",
        "0\r\nA: b\n\r\n",
        "5;\u{1}\r\n",
    ] {
        assert_eq!(chunked(garbled.as_bytes()), Err(Garbled), "{garbled:?}");
    }
    assert_eq!(chunked(format!("1;{}", "a".repeat(2000)).as_bytes()), Err(Garbled));
    assert_eq!(chunked(format!("0\r\n{}", "A: b\r\n".repeat(400)).as_bytes()), Err(Garbled));
}

proptest! {
    #[test]
    fn a_head_is_judged_alike_in_one_piece_and_in_many(
        head in "(GET|POST|G) /[ -~]{0,8} HTTP/1\\.[012]\r?\n((Host|Content-Length|Transfer-Encoding|X)?: ?(a|4|chunked)\r?\n){0,4}\r?\n(GET)?",
        size in 1usize..8,
    ) {
        let whole = read(head.as_bytes());
        let mut reader = Head::default();
        let mut pieces = Ok(Progress::Partial);
        let mut end = 0;
        while pieces == Ok(Progress::Partial) && end < head.len() {
            end = (end + size).min(head.len());
            pieces = reader.advance(&head.as_bytes()[..end], &LIMITS);
        }
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = read(&bytes);
        let _ = chunked(&bytes);
    }
}
