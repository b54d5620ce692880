fn main(){}
#[allow(dead_code)]
mod nod { include!(concat!(env!("OUT_DIR"), "/nod.rs")); }
