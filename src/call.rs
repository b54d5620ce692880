//! The request that is being answered, for whatever runs on its behalf: its identifier, which each line
//! of the log has, what it is about, and for how long it was made to wait on purpose.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::time::Duration;

use http::HeaderValue;
use tokio::task::futures::TaskLocalFuture;
use uuid::Uuid;

/// What the log calls polls that find no answer yet, for whoever wants all or none of them.
pub const POLL: &str = "nod::poll";

#[derive(Debug)]
pub struct Call {
    id: Option<HeaderValue>,
    held: Cell<Duration>,
    question: Cell<Option<Uuid>>,
    person: RefCell<Option<String>>,
    readers: Cell<Readers>,
}

/// Which pages of other origins may read the answer, where they may call at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readers {
    /// It is about nobody.
    #[default]
    Any,
    /// It is about a client that has the page that asks.
    This,
    /// It is about another client.
    None,
}

tokio::task_local! {
    static CALL: Call;
}

/// Does what a request asks for. Not an `async fn`: that would have the work in it twice, and what a
/// request does is moved about with each of them.
pub fn under<F: Future>(id: Option<HeaderValue>, work: F) -> TaskLocalFuture<Call, F> {
    let (held, question, person, readers) = Default::default();
    CALL.scope(Call { id, held, question, person, readers }, work)
}

/// The identifier of the request that is being answered.
pub fn request_id() -> Option<String> {
    CALL.try_with(|call| call.id.as_ref()?.to_str().ok().map(str::to_owned)).ok()?
}

/// It is about this question to a person.
pub fn about(question: Uuid) {
    let _ = CALL.try_with(|call| call.question.set(Some(question)));
}

/// The question that it is about, as far as that is known.
pub fn question() -> Option<Uuid> {
    CALL.try_with(|call| call.question.get()).ok()?
}

/// It is about this person, by user name. A name is no field of an event: those go to logs that are kept, and
/// to whoever collects traces.
pub fn about_person(username: &str) {
    let _ = CALL.try_with(|call| call.person.replace(Some(username.to_owned())));
}

/// The person that it is about, as far as that is known. For somebody who tries things out with people of
/// his own making.
pub fn person() -> Option<String> {
    CALL.try_with(|call| call.person.borrow().clone()).ok()?
}

/// It is about a client, that has the page that asks, or has not.
pub fn is_for_page(of_client: bool) {
    let readers = if of_client { Readers::This } else { Readers::None };
    let _ = CALL.try_with(|call| call.readers.set(readers));
}

/// Which pages may read the answer. Outside a request, none.
pub fn readers() -> Readers {
    CALL.try_with(|call| call.readers.get()).unwrap_or(Readers::None)
}

/// A poll was held for so long.
pub fn held(time: Duration) {
    let _ = CALL.try_with(|call| call.held.set(call.held.get().saturating_add(time)));
}

/// For how long it was held altogether; to be asked once.
pub fn was_held<F: Future>(work: Pin<&mut TaskLocalFuture<Call, F>>) -> Duration {
    work.take_value().map_or(Duration::ZERO, |call| call.held.get())
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn what_is_done_for_a_request_knows_it() {
        held(Duration::from_secs(1));
        assert_eq!(request_id(), None);
        let mut work = pin!(under(Some(HeaderValue::from_static("mine")), async {
            held(Duration::from_secs(2));
            held(Duration::from_secs(3));
            request_id()
        }));
        assert_eq!(work.as_mut().await.as_deref(), Some("mine"));
        assert_eq!(was_held(work), Duration::from_secs(5));
    }
}
