//! Our nouns and their lives. Pure: transitions take `self` and `now`.

pub mod application;
pub mod audit;
pub mod authentication_request;
pub mod client;
pub mod code;
pub mod decision;
pub mod device;
pub mod device_authorization;
pub mod flow;
pub mod grant;
pub mod inbox;
pub mod initial_access_token;
pub mod ladder;
pub mod logout;
pub mod passkey;
pub mod password;
pub mod policy;
pub mod prompt;
pub mod pushed_request;
pub mod refusals;
pub mod session;
pub mod sign_on;
pub mod signing_key;
pub mod trail;
pub mod user;
pub mod webhook;
