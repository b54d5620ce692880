#[cfg(test)]
mod backends;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod sql_contract;
#[cfg(test)]
mod store_contract;
