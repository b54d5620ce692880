//! Nod: an `OpenID` Provider that asks people for a yes on the devices they trust.
//!
//! A map, lower layers first. Upper ones name lower ones, never the other way round.
//!
//! | module | what it is |
//! |---|---|
//! | [`clock`], [`entropy`], [`secret`], [`failpoint`], [`metrics`], [`trace`], [`words`] | leaves: time, randomness, values that must not leak, crashes on demand, counters, the context of a trace, what people read |
//! | [`letters`] | what we write to people |
//! | [`protocol`] | the specifications' words and rules; pure |
//! | [`domain`] | our nouns and their lives; pure |
//! | [`store`] | ephemeral state (Redis or embedded) and SQL |
//! | [`outbound`] | everything we call |
//! | [`usecase`] | what the world can ask |
//! | [`http`] | sockets, limits, endpoints |
//! | [`web`] | pages |
//! | [`worker`] | what runs beside the requests |
//! | [`config`], [`telemetry`], [`app`], [`cli`] | settings, logs, the wiring, the command line |

pub mod call;
pub mod clock;
pub mod entropy;
pub mod failpoint;
pub mod letters;
pub mod metrics;
pub mod secret;
pub mod trace;
pub mod words;

pub mod protocol;

pub mod domain;

pub mod outbound;
pub mod store;

pub mod usecase;

pub mod http;
pub mod web;
pub mod worker;

pub mod app;
pub mod cli;
pub mod config;
pub mod telemetry;
