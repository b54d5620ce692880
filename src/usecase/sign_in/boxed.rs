//! Futures that are made where they rest.

use std::pin::Pin;

/// What `make` gives, on the heap. `Box::pin` alone has room for it among what its caller keeps, and a caller that goes on to
/// one of many things has room for all of them: without optimisation the stack of a thread is too small for that.
#[inline(never)]
pub(super) fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::pin(make())
}
