//! Nod: an `OpenID` Provider that asks people for a yes on the devices they trust.
//!
//! A map, lower layers first. Upper ones name lower ones, never the other way round.
//!
//! | module | what it is |
//! |---|---|
//! | [`clock`], [`entropy`], [`secret`] | leaves: time, randomness, values that must not leak |
//! | [`protocol`] | the specifications' words and rules; pure |
//! | [`domain`] | our nouns and their lives; pure |
//! | [`store`] | ephemeral state (Redis or embedded) and SQL |
//! | [`outbound`] | everything that we call |
//! | [`http`] | the edge: accept loop, limits, bodies, headers |

pub mod clock;
pub mod config;
pub mod entropy;
pub mod secret;

pub mod protocol;

pub mod domain;

pub mod store;

pub mod outbound;

pub mod http;
