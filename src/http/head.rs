//! The head of an HTTP/1 request, judged before the HTTP library sees it.
//!
//! The library is lenient where two readers can differ: it drops a `Content-Length` beside a
//! `Transfer-Encoding`, takes a bare LF for a line end and does not ask for a `Host`. A proxy in
//! front may decide otherwise, and the difference is how requests are smuggled. So a head is let
//! through only when it has one meaning; what the library does with it afterwards is then beyond
//! doubt, and this module knows where the message ends.

mod chunks;
#[cfg(test)]
mod tests;

pub(super) use self::chunks::Chunks;

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
