//! The suite: one binary, one file per chapter.

#[cfg(test)]
mod backends;
#[cfg(test)]
mod ciba_07_request;
#[cfg(test)]
mod ciba_10_token;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod device_api;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod long_poll;
#[cfg(test)]
mod sql_contract;
#[cfg(test)]
mod store_contract;
#[cfg(test)]
mod world;
