//! Randomness, drawn in one place.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::{SecureRandom as _, SystemRandom};
use uuid::Uuid;
use zeroize::{Zeroize as _, Zeroizing};

use crate::clock::Timestamp;
use crate::secret::Secret;

/// The source of every random value: identifiers, tokens, nonces, keys.
#[derive(Debug)]
pub struct Entropy(Source);

enum Source {
    System(SystemRandom, Mutex<Pool>),
    /// A repeatable stream: SHA-256 over seed and counter. Only tests build it.
    Seeded {
        seed: u64,
        counter: AtomicU64,
    },
}

impl Default for Entropy {
    fn default() -> Self {
        Self(Source::System(SystemRandom::new(), Mutex::default()))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System(..) => "System",
            Self::Seeded { .. } => "Seeded",
        })
    }
}

/// Random bytes that nobody has seen yet: a request draws some bytes at several places, and asking the
/// system for them costs the same for few as for many. Each is given out once and wiped.
#[derive(Default)]
struct Pool {
    bytes: Zeroizing<Vec<u8>>,
}

const POOL: usize = 1024;

impl Pool {
    /// Larger draws are seldom, and go to the system.
    const LARGEST: usize = 64;

    fn draw(&mut self, out: &mut [u8], refill: impl FnOnce(&mut [u8])) {
        if self.bytes.len() < out.len() {
            // Apart, and taken over when it is random: a refill that fails must not leave its zeros here.
            let mut fresh = Zeroizing::new(vec![0; POOL]);
            refill(&mut fresh);
            self.bytes = fresh;
        }
        let rest = self.bytes.len() - out.len();
        let (_, drawn) = self.bytes.split_at_mut(rest);
        out.copy_from_slice(drawn);
        drawn.zeroize();
        self.bytes.truncate(rest);
    }
}

impl Entropy {
    /// The same bytes at every run. Never for a server that anybody relies on.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded { seed, counter: AtomicU64::new(0) })
    }

    #[expect(
        clippy::expect_used,
        reason = "an operating system without randomness cannot run an identity provider; stopping the task is right"
    )]
    pub fn fill(&self, out: &mut [u8]) {
        match &self.0 {
            Source::System(random, pool) => {
                let system = |out: &mut [u8]| random.fill(out).expect("the system has randomness");
                if out.len() > Pool::LARGEST {
                    system(out);
                } else {
                    pool.lock().unwrap_or_else(PoisonError::into_inner).draw(out, system);
                }
            }
            Source::Seeded { seed, counter } => {
                for chunk in out.chunks_mut(32) {
                    let n = counter.fetch_add(1, Ordering::SeqCst);
                    let mut input = [0u8; 16];
                    input[..8].copy_from_slice(&seed.to_be_bytes());
                    input[8..].copy_from_slice(&n.to_be_bytes());
                    let block = ring::digest::digest(&ring::digest::SHA256, &input);
                    for (to, from) in chunk.iter_mut().zip(block.as_ref()) {
                        *to = *from;
                    }
                }
            }
        }
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// 256 random bits as 43 characters of `A-Za-z0-9-_`.
    pub fn token(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.bytes::<32>()))
    }

    /// 131 random bits as 22 letters and digits: for what stands in addresses.
    pub fn alphanumeric(&self) -> Secret<String> {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let drawn = (0..22).filter_map(|_| ALPHABET.get(self.below(62) as usize).copied().map(char::from));
        Secret::new(drawn.collect())
    }

    /// What is agreed on with whoever has the other half of `theirs`, an uncompressed point on P-256, by a key that is
    /// drawn here and used once [RFC 8291 §3.1]: our point, and the x-coordinate. The system draws the key, also in tests.
    /// `None`: it is no point of the curve.
    pub fn agree_on_p256(&self, theirs: &[u8; 65]) -> Option<([u8; 65], Secret<[u8; 32]>)> {
        let ours = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).ok()?;
        let point = ours.compute_public_key().ok()?.as_ref().try_into().ok()?;
        let agreed = agree_ephemeral(ours, &UnparsedPublicKey::new(&ECDH_P256, theirs), |agreed| {
            agreed.try_into().map(Secret::<[u8; 32]>::new)
        });
        Some((point, agreed.ok()?.ok()?))
    }

    /// A random (version 4) UUID.
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// A UUID that begins with the time (version 7) [RFC 9562 §5.7]: for what is written to the database
    /// with every request. What was made together then lies together in the indexes, where random keys
    /// would touch a page each. It tells when it was made, and is no secret: half of it can be guessed.
    pub fn ordered_uuid(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    /// A number below `limit`, without modulo bias. Zero when `limit` is zero.
    pub fn below(&self, limit: u32) -> u32 {
        if limit == 0 {
            return 0;
        }
        let bound = u32::MAX - u32::MAX % limit;
        loop {
            let drawn = u32::from_be_bytes(self.bytes());
            if drawn < bound {
                return drawn % limit;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn no_random_byte_is_given_out_twice() {
        let mut pool = Pool::default();
        let mut next = 0_u32;
        let mut refill = |out: &mut [u8]| {
            for chunk in out.chunks_mut(4) {
                next += 1;
                chunk.copy_from_slice(&next.to_be_bytes());
            }
        };
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            let mut drawn = [0; 12];
            pool.draw(&mut drawn, &mut refill);
            for number in drawn.chunks(4) {
                assert!(number != [0; 4] && seen.insert(number.to_vec()), "{number:?}");
            }
        }
    }

    #[test]
    fn a_system_that_fails_leaves_no_zeros_behind() {
        let mut pool = Pool::default();
        let failed = catch_unwind(AssertUnwindSafe(|| pool.draw(&mut [0; 16], |_| panic!("no randomness"))));
        assert!(failed.is_err());
        let mut drawn = [0; 16];
        pool.draw(&mut drawn, |out| out.fill(7));
        assert_eq!(drawn, [7; 16]);
    }

    #[test]
    fn rfc9562_5_7_ordered_uuids_sort_by_time() {
        let entropy = Entropy::seeded(1);
        let drawn: Vec<Uuid> =
            (0..100).map(|n| entropy.ordered_uuid(Timestamp::from_millis(1_800_000_000_000 + n))).collect();
        assert!(drawn.is_sorted());
        assert!(drawn.iter().all(|uuid| uuid.get_version_num() == 7));
        let now = Timestamp::from_millis(1_800_000_000_000);
        assert_ne!(entropy.ordered_uuid(now), entropy.ordered_uuid(now));
    }

    #[test]
    fn the_system_is_random() {
        let entropy = Entropy::default();
        let drawn: std::collections::HashSet<[u8; 16]> = (0..1000).map(|_| entropy.bytes()).collect();
        assert_eq!(drawn.len(), 1000);
    }
}
