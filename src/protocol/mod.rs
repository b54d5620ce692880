//! The specifications' words and rules. Pure: no I/O, no clock, no randomness of its own.

pub mod access_token;
pub mod acr;
pub mod admin_error;
pub mod admin_scope;
pub mod algorithm;
pub mod authorization_request;
pub mod authorization_response;
pub mod backchannel_authentication;
pub mod binding_message;
pub mod client_assertion;
pub mod client_credentials;
pub mod confirmation;
pub mod device_error;
pub mod dpop;
pub mod error;
pub mod flow_api;
pub mod id;
pub mod id_token;
pub mod jwt;
pub mod merge_patch;
pub mod parameters;
pub mod pkce;
pub mod public_id;
pub mod redirect_uri;
pub mod scope;
pub mod user_code;
mod words;
