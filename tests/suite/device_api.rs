//! The device API, `/device/v1`: pairing, proofs, questions and answers.

mod answers;
mod haste;
mod live;
mod pairing;
mod proofs;
