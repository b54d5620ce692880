//! The device API, `/device/v1`: pairing, proofs, questions and answers.

mod answers;
mod guesses;
mod haste;
mod live;
mod logs;
mod pairing;
mod proofs;
mod said;
