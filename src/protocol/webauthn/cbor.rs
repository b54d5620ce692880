//! As much of CBOR as authenticators write [CTAP 2 §8]: of definite length, at most a few levels deep. Bytes
//! come from anybody, so each step says whether there was one.

/// Deeper than a credential ever is.
const MAX_DEPTH: u8 = 8;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// Reads from the front. `None` everywhere: it is no CBOR, or something else than was expected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// Major type and argument [RFC 8949 §3].
    fn head(&mut self) -> Option<(u8, u64)> {
        let [first] = self.array()?;
        let argument = match first & 0x1f {
            small @ 0..=23 => u64::from(small),
            24 => u64::from(u8::from_be_bytes(self.array()?)),
            25 => u64::from(u16::from_be_bytes(self.array()?)),
            26 => u64::from(u32::from_be_bytes(self.array()?)),
            27 => u64::from_be_bytes(self.array()?),
            // Reserved, or of no definite length.
            _ => return None,
        };
        Some((first >> 5, argument))
    }

    fn of(&mut self, major: u8) -> Option<u64> {
        self.head().filter(|(own, _)| *own == major).map(|(_, argument)| argument)
    }

    /// The number of pairs that follow.
    pub(super) fn map(&mut self) -> Option<u64> {
        self.of(MAP)
    }

    pub(super) fn int(&mut self) -> Option<i64> {
        let (major, argument) = self.head()?;
        let argument = i64::try_from(argument).ok()?;
        match major {
            UNSIGNED => Some(argument),
            NEGATIVE => Some(-1 - argument),
            _ => None,
        }
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.of(BYTES)?;
        self.take(usize::try_from(count).ok()?)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let count = self.of(TEXT)?;
        std::str::from_utf8(self.take(usize::try_from(count).ok()?)?).ok()
    }

    /// Whatever comes next.
    pub(super) fn skip(&mut self) -> Option<()> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: u8) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let (major, argument) = self.head()?;
        let items = match major {
            BYTES | TEXT => return self.take(usize::try_from(argument).ok()?).map(drop),
            ARRAY => argument,
            MAP => argument.checked_mul(2)?,
            TAG => 1,
            // Numbers and simple values are their head.
            _ => 0,
        };
        // Each has a byte at least: a number that promises more ends here.
        if items > u64::try_from(self.rest.len()).ok()? {
            return None;
        }
        (0..items).try_for_each(|_| self.skip_at(depth + 1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rfc8949_a_the_examples_of_the_specification() {
        for (bytes, number) in [
            (&[0x00][..], 0),
            (&[0x17], 23),
            (&[0x18, 0x18], 24),
            (&[0x19, 0x03, 0xe8], 1000),
            (&[0x1a, 0x00, 0x0f, 0x42, 0x40], 1_000_000),
            (&[0x20], -1),
            (&[0x39, 0x03, 0xe7], -1000),
        ] {
            assert_eq!(Reader::new(bytes).int(), Some(number));
        }
        assert_eq!(Reader::new(&[0x64, b'I', b'E', b'T', b'F']).text(), Some("IETF"));
        assert_eq!(Reader::new(&[0x44, 1, 2, 3, 4]).bytes(), Some(&[1, 2, 3, 4][..]));
        // {"a": 1, "b": [2, 3]} and a byte behind it.
        let mut reader = Reader::new(&[0xa2, 0x61, 0x61, 0x01, 0x61, 0x62, 0x82, 0x02, 0x03, 0xff]);
        assert_eq!((reader.skip(), reader.rest()), (Some(()), &[0xff][..]));
    }

    #[test]
    fn what_has_no_end_or_promises_more_than_there_is_is_refused() {
        for bytes in [&[0x9f, 0x01, 0xff][..], &[0x5f], &[0x44, 1, 2], &[0xbb, 0xff, 0xff, 0xff, 0xff], &[]] {
            assert_eq!(Reader::new(bytes).skip(), None, "{bytes:?}");
        }
        assert_eq!(Reader::new(&[0x81; 40]).skip(), None, "too deep");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while reader.skip().is_some() && !reader.rest().is_empty() {}
        }
    }
}
