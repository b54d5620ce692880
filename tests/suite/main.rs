#[cfg(test)]
mod backends;
#[cfg(test)]
mod store_contract;
