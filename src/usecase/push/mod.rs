//! Word to phones that do not listen: where they are reached, what is to be told, and the telling [flows.md H.3, F5].

pub mod forget;
pub mod queue;
pub mod register;
pub mod send;
