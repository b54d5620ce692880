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
mod faults;
#[cfg(test)]
mod kill_points;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod races;
#[cfg(test)]
mod sql_contract;
#[cfg(test)]
mod store_contract;
#[cfg(test)]
mod world;
