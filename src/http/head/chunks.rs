//! Where a chunked body ends.

/// Follows a chunked body to its end [RFC 9112 §7.1]. It decodes nothing: it counts.
#[derive(Debug, Default)]
pub(in crate::http) struct Chunks {
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
pub(in crate::http) struct Garbled;

impl Chunks {
    /// How long a size line with its extension, or all trailers together, may be.
    const LINE: usize = 1024;

    /// How many of these bytes belong to the body, and whether it ends with them.
    pub(in crate::http) fn take(&mut self, bytes: &[u8]) -> Result<(usize, bool), Garbled> {
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
