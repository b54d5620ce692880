//! The device API, `/device/v1`: pairing, proofs, questions and answers.

mod answers;
mod live;
mod pairing;
mod proofs;
