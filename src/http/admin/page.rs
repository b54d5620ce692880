//! Parts of lists: how many, and where the next one begins.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Timestamp;
use crate::protocol::admin_error::AdminErrorCode;
use crate::secret::constant_time_eq;
use crate::usecase::admin::{AdminError, Position};

const USUAL: u32 = 50;
const MOST: u32 = 200;

/// What the document says is checked already; this is what holds.
pub fn limit(asked: Option<u32>) -> u32 {
    asked.unwrap_or(USUAL).clamp(1, MOST)
}

/// How many there are in all parts of a list, for whoever wants to know: nobody else waits for that.
pub async fn total<E>(
    wanted: Option<bool>,
    count: impl Future<Output = Result<u64, E>> + Send,
) -> Result<Option<u64>, E> {
    if wanted == Some(true) { count.await.map(Some) } else { Ok(None) }
}

/// What a list is called that begins at a time: another list than the whole one.
pub fn since(list: &str, since: Option<Timestamp>) -> String {
    since.map_or_else(|| list.to_owned(), |since| format!("{list} since {since}"))
}

/// Writes and reads cursors: a place in one list, under a mark that only this server makes. The list's
/// filters are under it too, so that a cursor is no key to another list.
#[derive(Clone)]
pub struct Cursors(Arc<ring::hmac::Key>);

const MARK: usize = 16;

impl Cursors {
    pub fn new(key: ring::hmac::Key) -> Self {
        Self(Arc::new(key))
    }

    pub fn next(&self, list: &str, next: Option<&Position>) -> Option<String> {
        let position = next?;
        let mut bytes = position.at.to_be_bytes().to_vec();
        bytes.extend_from_slice(&position.id);
        let mark = self.mark(list, &bytes);
        bytes.extend_from_slice(&mark);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub fn open(&self, list: &str, cursor: Option<&str>) -> Result<Option<Position>, AdminError> {
        let Some(cursor) = cursor else { return Ok(None) };
        let refuse =
            || AdminError::parameter(AdminErrorCode::InvalidCursor, "cursor", "None that this list has given.");
        Ok(Some(self.position(list, cursor).ok_or_else(refuse)?))
    }

    fn position(&self, list: &str, cursor: &str) -> Option<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (said, mark) = bytes.split_at_checked(bytes.len().checked_sub(MARK)?)?;
        if !constant_time_eq(&self.mark(list, said), mark) {
            return None;
        }
        let (at, id) = said.split_first_chunk::<8>()?;
        Some(Position { at: i64::from_be_bytes(*at), id: id.to_vec() })
    }

    fn mark(&self, list: &str, said: &[u8]) -> [u8; MARK] {
        let mut context = ring::hmac::Context::with_key(&self.0);
        context.update(&(list.len() as u64).to_be_bytes());
        context.update(list.as_bytes());
        context.update(said);
        context.sign().as_ref().first_chunk::<MARK>().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors(key: &[u8]) -> Cursors {
        Cursors::new(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key))
    }

    #[test]
    fn a_cursor_is_good_for_its_list_alone() {
        let cursors = cursors(b"one");
        let position = Position { at: -7, id: b"shop".to_vec() };
        let cursor = cursors.next("clients", Some(&position)).unwrap();
        assert_eq!(cursors.open("clients", Some(&cursor)).unwrap(), Some(position));
        assert!(cursors.open("users", Some(&cursor)).is_err());
        assert!(self::cursors(b"two").open("clients", Some(&cursor)).is_err());
        assert_eq!(cursors.next("clients", None), None);
        assert_eq!(cursors.open("clients", None).unwrap(), None);
    }

    #[test]
    fn an_altered_cursor_is_none() {
        let cursors = cursors(b"one");
        let cursor = cursors.next("clients", Some(&Position { at: 1, id: b"shop".to_vec() })).unwrap();
        for at in 0..cursor.len() {
            let mut altered = cursor.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(cursors.open("clients", Some(&altered)).is_err(), "{altered}");
        }
        for bad in ["", "A", "AAAA", &format!("{cursor}A"), "\u{e9}"] {
            assert!(cursors.open("clients", Some(bad)).is_err(), "{bad}");
        }
    }
}
