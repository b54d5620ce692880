//! What progenitor makes.
#![allow(clippy::all, dead_code, unused_imports)]

include!(concat!(env!("OUT_DIR"), "/nod.rs"));
