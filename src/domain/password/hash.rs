//! How a password rests: Argon2id [RFC 9106] of its HMAC under a key that is not in the database. Whoever
//! has the database alone cannot even begin to guess.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::{NewPassword, Password};
use crate::protocol::id::UserId;
use crate::secret::{Digest, MasterKey, constant_time_eq};

pub const SALT: usize = 16;
const OUTPUT: usize = 32;

/// What one hash costs whoever computes it. One lane: more of them help who has more processors, and the
/// server has others to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// In KiB.
    pub memory: u32,
    pub iterations: u32,
}

impl Default for Cost {
    /// [OWASP Password Storage] of the sets that it calls equal, the one with most memory: it helps most
    /// against hardware made for guessing. The least memory that `config` takes is 19456 KiB, twice.
    fn default() -> Self {
        Self { memory: 47_104, iterations: 1 }
    }
}

impl Cost {
    /// A row that asks for more was not written by us, and would stop the server.
    const MOST: Self = Self { memory: 1 << 21, iterations: 64 };

    fn params(self) -> Option<Params> {
        let within = self.memory <= Self::MOST.memory && self.iterations <= Self::MOST.iterations;
        Params::new(self.memory, self.iterations, 1, Some(OUTPUT)).ok().filter(|_| within)
    }
}

/// A key that goes into every hash and is not in the database.
pub struct Pepper {
    key: ring::hmac::Key,
    id: String,
}

impl Pepper {
    pub fn new(master: &MasterKey) -> Self {
        let key = master.derive("password pepper v1");
        // Tells one key from another, and nothing of either. No password is two bytes here: a user is before it.
        let id = Digest::<Self>::keyed(&key, b"id").to_string();
        Self { key, id }
    }

    /// Bound to the user: a hash that was copied to another row opens nothing there.
    fn season(&self, user: UserId, password: &Password) -> Zeroizing<[u8; OUTPUT]> {
        let mut context = ring::hmac::Context::with_key(&self.key);
        context.update(user.uuid().as_bytes());
        context.update(password.as_bytes());
        let mut seasoned = Zeroizing::new([0; OUTPUT]);
        seasoned.copy_from_slice(context.sign().as_ref());
        seasoned
    }
}

/// A password as it rests: a PHC string, and the name of the pepper in it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    pub phc: String,
    pub pepper: String,
}

/// Not what it is: guessing begins with it.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

impl PasswordHash {
    /// What it was made with. `None`: not by us.
    pub fn cost(&self) -> Option<Cost> {
        Phc::parse(&self.phc).map(|phc| phc.cost)
    }
}

/// What a look at a password says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// And its hash is to be made anew: it has another cost, or another pepper.
    RightButOutdated,
    Wrong,
    /// The hash has a pepper that is not ours, or cannot be read: nobody can tell.
    Unreadable,
}

/// The machine has no memory for a hash now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory for a password hash")]
pub struct OutOfMemory;

pub struct Hasher {
    pub pepper: Pepper,
    pub cost: Cost,
}

impl Hasher {
    /// Takes as long as its cost says: not on a thread that serves requests.
    pub fn hash(&self, user: UserId, password: &NewPassword, salt: [u8; SALT]) -> Result<PasswordHash, OutOfMemory> {
        self.rehash(user, &password.0, salt)
    }

    /// As [`Hasher::hash`], of a password that was right.
    pub fn rehash(&self, user: UserId, password: &Password, salt: [u8; SALT]) -> Result<PasswordHash, OutOfMemory> {
        let output = *argon2id(&*self.pepper.season(user, password), &salt, self.cost)?;
        Ok(self.stored(&Phc { cost: self.cost, salt: salt.to_vec(), output }))
    }

    fn stored(&self, phc: &Phc) -> PasswordHash {
        PasswordHash { phc: phc.to_string(), pepper: self.pepper.id.clone() }
    }

    /// What [`Hasher::verify`] spends on it.
    pub fn price(&self, stored: &PasswordHash) -> Cost {
        self.readable(stored).map_or(self.cost, |phc| phc.cost)
    }

    fn readable(&self, stored: &PasswordHash) -> Option<Phc> {
        Phc::parse(&stored.phc).filter(|_| stored.pepper == self.pepper.id)
    }

    /// One hash, whatever comes of it: the time tells nothing.
    pub fn verify(&self, user: UserId, password: &Password, stored: &PasswordHash) -> Result<Verdict, OutOfMemory> {
        let seasoned = self.pepper.season(user, password);
        let Some(phc) = self.readable(stored) else {
            argon2id(&*seasoned, &[0; SALT], self.cost)?;
            return Ok(Verdict::Unreadable);
        };
        let output = argon2id(&*seasoned, &phc.salt, phc.cost)?;
        Ok(match (constant_time_eq(&*output, &phc.output), phc.cost == self.cost) {
            (true, true) => Verdict::Right,
            (true, false) => Verdict::RightButOutdated,
            (false, _) => Verdict::Wrong,
        })
    }

    /// The hash of no password, for whom there is none: to look at it costs the same.
    pub fn decoy(&self, (salt, output): ([u8; SALT], [u8; OUTPUT])) -> PasswordHash {
        self.stored(&Phc { cost: self.cost, salt: salt.to_vec(), output })
    }
}

fn argon2id(input: &[u8], salt: &[u8], cost: Cost) -> Result<Zeroizing<[u8; OUTPUT]>, OutOfMemory> {
    let params = cost.params().ok_or(OutOfMemory)?;
    let mut output = Zeroizing::new([0; OUTPUT]);
    // Lengths are in their bounds: only the memory can be missing.
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(input, salt, &mut *output)
        .map_err(|_| OutOfMemory)?;
    Ok(output)
}

/// `$argon2id$v=19$m=47104,t=1,p=1$salt$output`, as every implementation writes it.
struct Phc {
    cost: Cost,
    salt: Vec<u8>,
    output: [u8; OUTPUT],
}

impl Phc {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("$argon2id$v=19$m=")?.split('$');
        let (cost, salt, output) = (parts.next()?, parts.next()?, parts.next()?);
        let (memory, rest) = cost.split_once(",t=")?;
        let iterations = rest.strip_suffix(",p=1")?;
        let cost = Cost { memory: memory.parse().ok()?, iterations: iterations.parse().ok()? };
        let salt = STANDARD_NO_PAD.decode(salt).ok().filter(|salt| (8..=64).contains(&salt.len()))?;
        let output = STANDARD_NO_PAD.decode(output).ok()?.try_into().ok()?;
        cost.params()?;
        parts.next().is_none().then_some(Self { cost, salt, output })
    }
}

impl fmt::Display for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { memory, iterations } = self.cost;
        let (salt, output) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(self.output));
        write!(f, "$argon2id$v=19$m={memory},t={iterations},p=1${salt}${output}")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::secret::Secret;

    const CHEAP: Cost = Cost { memory: 64, iterations: 1 };

    fn hasher(master: u8, cost: Cost) -> Hasher {
        Hasher { pepper: Pepper::new(&MasterKey::new(&Secret::new([master; 32]))), cost }
    }

    fn user(n: u128) -> UserId {
        UserId::new(Uuid::from_u128(n))
    }

    fn password(text: &str) -> Password {
        Password::presented(text).unwrap()
    }

    fn new(text: &str) -> NewPassword {
        password(text).chosen_by("alice").unwrap()
    }

    /// Of the reference implementation (phc-winner-argon2, test.c).
    #[test]
    fn rfc9106_the_vectors_of_the_reference_implementation() {
        let phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let cost = Cost { memory: 256, iterations: 2 };
        let parsed = Phc::parse(phc).unwrap();
        assert_eq!((parsed.cost, parsed.salt.as_slice()), (cost, b"somesalt".as_slice()));
        assert_eq!(*argon2id(b"password", b"somesalt", cost).unwrap(), parsed.output);
        assert_eq!(parsed.to_string(), phc);
    }

    #[test]
    fn security_5_1_the_cost_is_in_the_hash() {
        let hash = hasher(7, Cost::default()).hash(user(1), &new("tulips in may"), [1; SALT]).unwrap();
        assert!(hash.phc.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{}", hash.phc);
        assert_eq!(hash.cost(), Some(Cost::default()));
        assert_eq!(format!("{hash:?}"), "PasswordHash");
    }

    #[test]
    fn security_5_1_the_floor_is_verified_and_made_anew() {
        let floor = Cost { memory: 19_456, iterations: 2 };
        let old = hasher(7, floor).hash(user(1), &new("tulips in may"), [1; SALT]).unwrap();
        let now = hasher(7, Cost::default());
        let verify = |hash: &PasswordHash, text: &str| now.verify(user(1), &password(text), hash).unwrap();
        assert_eq!((verify(&old, "tulips in may"), now.price(&old)), (Verdict::RightButOutdated, floor));
        assert_eq!(verify(&old, "tulips in june"), Verdict::Wrong);
        let anew = now.rehash(user(1), &password("tulips in may"), [2; SALT]).unwrap();
        assert_eq!(verify(&anew, "tulips in may"), Verdict::Right);
    }

    #[test]
    fn a_hash_is_of_one_user_one_salt_and_one_pepper() {
        let ours = hasher(7, CHEAP);
        let hash = ours.hash(user(1), &new("tulips in may"), [1; SALT]).unwrap();
        let verify = |hasher: &Hasher, n: u128| hasher.verify(user(n), &password("tulips in may"), &hash).unwrap();
        assert_eq!(verify(&ours, 1), Verdict::Right);
        assert_eq!(verify(&ours, 2), Verdict::Wrong, "copied to another row");
        assert_eq!(verify(&hasher(8, CHEAP), 1), Verdict::Unreadable, "another master key");
        // Even if the name of the pepper was changed with it.
        let other = hasher(8, CHEAP);
        let renamed = PasswordHash { pepper: other.pepper.id.clone(), ..hash.clone() };
        assert_eq!(other.verify(user(1), &password("tulips in may"), &renamed).unwrap(), Verdict::Wrong);
        assert_ne!(hash, ours.hash(user(1), &new("tulips in may"), [2; SALT]).unwrap());
        assert!(!hash.phc.contains("tulips"));
    }

    #[test]
    fn what_we_did_not_write_is_not_read_and_costs_as_much() {
        let ours = hasher(7, CHEAP);
        let good = ours.hash(user(1), &new("tulips in may"), [1; SALT]).unwrap();
        let changed = |from: &str, to: &str| PasswordHash { phc: good.phc.replace(from, to), ..good.clone() };
        let all = [
            changed("argon2id", "argon2i"),
            changed("v=19", "v=16"),
            changed("m=64", "m=4294967295"),
            changed("m=64", "m=1"),
            changed("t=1", "t=65"),
            changed("p=1", "p=2"),
            changed("$argon2id", ""),
            PasswordHash { phc: format!("{}$", good.phc), ..good.clone() },
            PasswordHash { phc: String::new(), ..good.clone() },
        ];
        for hash in all {
            let verdict = ours.verify(user(1), &password("tulips in may"), &hash).unwrap();
            assert_eq!((verdict, ours.price(&hash)), (Verdict::Unreadable, CHEAP), "{}", hash.phc);
        }
    }

    #[test]
    fn a_decoy_is_nobodys_and_costs_as_much() {
        let ours = hasher(7, CHEAP);
        let decoy = ours.decoy(([1; SALT], [2; OUTPUT]));
        assert_eq!(ours.price(&decoy), CHEAP);
        for text in ["", "password", "tulips in may"] {
            assert_eq!(ours.verify(user(0), &password(text), &decoy).unwrap(), Verdict::Wrong);
        }
    }
}
