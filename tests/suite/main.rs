//! The suite: one binary, one file per chapter.

#[cfg(test)]
mod account;
#[cfg(test)]
mod admin;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod audit_trail;
#[cfg(test)]
mod away_store;
#[cfg(test)]
mod backends;
#[cfg(test)]
mod backings;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod ciba_07_hint_token;
#[cfg(test)]
mod ciba_07_request;
#[cfg(test)]
mod ciba_07_signed_request;
#[cfg(test)]
mod ciba_07_user_code;
#[cfg(test)]
mod ciba_10_2_ping;
#[cfg(test)]
mod ciba_10_token;
#[cfg(test)]
mod ciba_11_errors;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod compatible;
#[cfg(test)]
mod cross_origin;
#[cfg(test)]
mod dev_mode;
#[cfg(test)]
mod device_api;
#[cfg(test)]
mod device_sdk;
#[cfg(test)]
mod device_trust;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod docs_pages;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod forgetful_store;
#[cfg(test)]
mod handles;
#[cfg(test)]
mod jose_bombs;
#[cfg(test)]
mod key_rotation;
#[cfg(test)]
mod kill_points;
#[cfg(test)]
mod long_poll;
#[cfg(test)]
mod mutual_tls;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod openapi_examples;
#[cfg(test)]
mod packaging;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod primary_first;
#[cfg(test)]
mod push;
#[cfg(test)]
mod races;
#[cfg(test)]
mod rates;
#[cfg(test)]
mod relying_party;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod rfc6749_client_auth;
#[cfg(test)]
mod rfc6749_refresh;
#[cfg(test)]
mod rfc7009_revocation;
#[cfg(test)]
mod rfc7523_client_auth;
#[cfg(test)]
mod rfc7591_registration;
#[cfg(test)]
mod rfc7591_software_statements;
#[cfg(test)]
mod rfc7592_management;
#[cfg(test)]
mod rfc7662_introspection;
#[cfg(test)]
mod rfc8693_token_exchange;
#[cfg(test)]
mod rfc9449_ciba;
#[cfg(test)]
mod rfc9449_dpop;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod security_profiles;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod slow_redis;
#[cfg(test)]
mod smtp;
#[cfg(test)]
mod spec_table;
#[cfg(test)]
mod sql_contract;
#[cfg(test)]
mod store_contract;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod token_races;
#[cfg(test)]
#[cfg(feature = "otel")]
mod traces;
#[cfg(test)]
mod unreadable_rows;
#[cfg(test)]
mod userinfo;
#[cfg(test)]
mod users_and_devices;
#[cfg(test)]
mod world;
