//! The head of an HTTP/1 request, judged before the HTTP library sees it.
//!
//! The library is lenient where two readers can differ: it drops a `Content-Length` beside a
//! `Transfer-Encoding`, takes a bare LF for a line end and does not ask for a `Host`. A proxy in
//! front may decide otherwise, and the difference is how requests are smuggled. So a head is let
//! through only when it has one meaning; what the library does with it afterwards is then beyond
//! doubt, and this module knows where the message ends.

/// What is wrong with a head, as the answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Malformed(&'static str),
    TooSlow,
    TargetTooLong,
    TooLarge,
    /// By the accept loop: who sent it would send secrets as openly.
    InTheClear,
}

/// How large a head may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadLimits {
    pub bytes: usize,
    pub fields: usize,
    pub target: usize,
}

/// Where the body of a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// So far so good.
    Partial,
    /// The head is complete and takes this many bytes.
    Complete(usize, Framing),
}

/// Reads a head line by line, as it arrives.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Where the line that is being read begins, and how far it was looked at.
    line: usize,
    seen: usize,
    version: Option<Version>,
    fields: usize,
    hosts: usize,
    transfer_encoding: bool,
    content_length: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

impl Head {
    /// `received` is all that came since the head began; it only grows from call to call.
    pub(super) fn advance(&mut self, received: &[u8], limits: &HeadLimits) -> Result<Progress, Refused> {
        loop {
            let rest = received.get(self.seen..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| *byte == b'\n').map(|at| self.seen + at) else {
                self.seen = received.len();
                return self.unfinished(received, limits);
            };
            if end >= limits.bytes {
                return Err(self.oversized(end - self.line, limits));
            }
            // [RFC 9112 §2.2] allows a lone LF as a line end; whoever allows it reads other messages
            // than whoever does not.
            let line = received
                .get(self.line..end)
                .and_then(|line| line.strip_suffix(b"\r"))
                .ok_or(Refused::Malformed("A line of the request head does not end in CRLF."))?;
            self.line = end + 1;
            self.seen = self.line;
            if self.version.is_none() {
                // [RFC 9112 §2.2] one empty line before the request line is ignored.
                if !(line.is_empty() && end == 1) {
                    self.version = Some(request_line(line, limits)?);
                }
            } else if line.is_empty() {
                return self.framing().map(|framing| Progress::Complete(self.line, framing));
            } else {
                self.field(line, limits)?;
            }
        }
    }

    /// Judges a line that has not ended yet, so that nobody makes us wait for the rest of garbage.
    fn unfinished(&self, received: &[u8], limits: &HeadLimits) -> Result<Progress, Refused> {
        let line = received.get(self.line..).unwrap_or_default();
        if received.len() >= limits.bytes || (self.version.is_none() && line.len() > limits.target + 64) {
            return Err(self.oversized(line.len(), limits));
        }
        // The first byte of a TLS handshake, for one, is no letter.
        if self.version.is_none() && line.first().is_some_and(|byte| !is_token(*byte) && *byte != b'\r') {
            return Err(Refused::Malformed("The request line is malformed."));
        }
        Ok(Progress::Partial)
    }

    const fn oversized(&self, line: usize, limits: &HeadLimits) -> Refused {
        if self.version.is_none() && line > limits.target { Refused::TargetTooLong } else { Refused::TooLarge }
    }

    fn field(&mut self, line: &[u8], limits: &HeadLimits) -> Result<(), Refused> {
        self.fields += 1;
        if self.fields > limits.fields {
            return Err(Refused::TooLarge);
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            // [RFC 9112 §5.2] a server rejects obs-fold or unfolds it; only one of these is simple.
            return Err(Refused::Malformed("A header field is folded over several lines."));
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = colon
            .and_then(|at| Some((line.get(..at)?, line.get(at + 1..)?)))
            .filter(|(name, _)| !name.is_empty() && name.iter().copied().all(is_token))
            .ok_or(Refused::Malformed("The name of a header field is malformed."))?;
        if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(Refused::Malformed("The value of a header field contains a control character."));
        }
        let value = value.trim_ascii();
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.host(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => self.content_length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.transfer_encoding(value),
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &[u8]) -> Result<(), Refused> {
        self.hosts += 1;
        // [RFC 9112 §3.2] "more than one Host header field line or a Host header field with an
        // invalid field value" is 400.
        if self.hosts > 1 || !is_host(value) {
            return Err(Refused::Malformed("The request does not name one valid host."));
        }
        Ok(())
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Refused> {
        let digits = value.iter().all(u8::is_ascii_digit).then_some(value);
        let length = digits.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| digits.parse().ok());
        match (self.content_length, length) {
            (None, Some(length)) => self.content_length = Some(length),
            (Some(_), _) | (None, None) => {
                return Err(Refused::Malformed("The content length is not one number."));
            }
        }
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refused> {
        if self.transfer_encoding || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Refused::Malformed("The transfer encoding is not chunked."));
        }
        self.transfer_encoding = true;
        Ok(())
    }

    fn framing(&self) -> Result<Framing, Refused> {
        let http_11 = self.version == Some(Version::Http11);
        if http_11 && self.hosts == 0 {
            return Err(Refused::Malformed("The request does not name one valid host."));
        }
        match (self.transfer_encoding, self.content_length) {
            (false, length) => Ok(Framing::Length(length.unwrap_or(0))),
            (true, None) if http_11 => Ok(Framing::Chunked),
            // [RFC 9112 §6.3] such a message "ought to be handled as an error".
            (true, Some(_)) => Err(Refused::Malformed("The request has a transfer encoding and a content length.")),
            (true, None) => Err(Refused::Malformed("HTTP/1.0 knows no transfer encoding.")),
        }
    }
}

fn request_line(line: &[u8], limits: &HeadLimits) -> Result<Version, Refused> {
    const MALFORMED: Refused = Refused::Malformed("The request line is malformed.");
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(MALFORMED);
    };
    if method.is_empty() || method.len() > 32 || !method.iter().copied().all(is_token) {
        return Err(MALFORMED);
    }
    if target.len() > limits.target {
        return Err(Refused::TargetTooLong);
    }
    if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
        return Err(MALFORMED);
    }
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        _ => Err(MALFORMED),
    }
}

/// The path that a head asks for, as far as it can be read without doubt: whole, short and plain.
pub(super) fn plain_path(received: &[u8]) -> Option<&[u8]> {
    const LONGEST: usize = 256;
    let line = received.strip_prefix(b"\r\n").unwrap_or(received);
    let target = line.iter().position(|byte| *byte == b' ').and_then(|at| line.get(at + 1..))?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~');
    let end = target.iter().take(LONGEST).position(|byte| !is_plain(*byte))?;
    let path = target.get(..end).filter(|path| path.starts_with(b"/"))?;
    matches!(target.get(end), Some(b' ' | b'?')).then_some(path)
}

/// [RFC 9110 §5.6.2] the characters of methods and field names.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// A name or address with an optional port, as every client of ours writes it; no user, no list.
pub(super) fn is_host(value: &[u8]) -> bool {
    !value.is_empty()
        && value.len() <= 255 + 6
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'[' | b']'))
}

/// Follows a chunked body to its end [RFC 9112 §7.1]. It decodes nothing: it counts.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    part: Part,
    /// Bytes of the current line, or of all trailers together.
    taken: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum Part {
    /// The hexadecimal size, and whether its digits are over.
    #[default]
    Begin,
    Size(u64),
    Extension(u64),
    SizeEnd(u64),
    Data(u64),
    DataEnd,
    DataEndLf,
    /// In the trailers; whether the current line is still empty.
    Trailer(bool),
    TrailerEnd(bool),
    Over,
}

/// A chunked body that is not one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Garbled;

impl Chunks {
    /// How long a size line with its extension, or all trailers together, may be.
    const LINE: usize = 1024;

    /// How many of these bytes belong to the body, and whether it ends with them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(usize, bool), Garbled> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Part::Data(left) = self.part {
                let there = bytes.len() - at;
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(there);
                at += here;
                let left = left - here as u64;
                self.part = if left == 0 { Part::DataEnd } else { Part::Data(left) };
                continue;
            }
            self.part = self.step(byte)?;
            at += 1;
            if matches!(self.part, Part::Over) {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    fn step(&mut self, byte: u8) -> Result<Part, Garbled> {
        self.taken += 1;
        if self.taken > Self::LINE {
            return Err(Garbled);
        }
        let digit = || char::from(byte).to_digit(16).map(u64::from);
        match (self.part, byte) {
            (Part::Begin, _) => digit().map(Part::Size),
            (Part::Size(size) | Part::Extension(size), b'\r') => Some(Part::SizeEnd(size)),
            (Part::Size(size), b';' | b' ' | b'\t') | (Part::Extension(size), b'\t' | b' '..=b'~' | 0x80..) => {
                Some(Part::Extension(size))
            }
            // Eight digits are four gigabytes, more than anybody may send.
            (Part::Size(size), _) if size < 1 << 28 => digit().map(|digit| Part::Size(size << 4 | digit)),
            (Part::SizeEnd(size), b'\n') => {
                self.taken = 0;
                Some(if size == 0 { Part::Trailer(true) } else { Part::Data(size) })
            }
            (Part::DataEnd, b'\r') => Some(Part::DataEndLf),
            (Part::DataEndLf, b'\n') => {
                self.taken = 0;
                Some(Part::Begin)
            }
            (Part::Trailer(empty), b'\r') => Some(Part::TrailerEnd(empty)),
            (Part::Trailer(_), b'\t' | b' '..=b'~' | 0x80..) => Some(Part::Trailer(false)),
            (Part::TrailerEnd(true), b'\n') => Some(Part::Over),
            (Part::TrailerEnd(false), b'\n') => Some(Part::Trailer(true)),
            (
                Part::Size(_)
                | Part::Extension(_)
                | Part::SizeEnd(_)
                | Part::Data(_)
                | Part::DataEnd
                | Part::DataEndLf
                | Part::Trailer(_)
                | Part::TrailerEnd(_)
                | Part::Over,
                _,
            ) => None,
        }
        .ok_or(Garbled)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        for field in ["X: a\r\n b", "X: a\r\n\tb", "X : a", ": a", "X", "X\u{e9}: a", "X: a\0b", "X: a\u{7f}", "(X): a"]
        {
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
}
