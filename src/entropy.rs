//! Randomness, drawn in one place.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};
use uuid::Uuid;

use crate::secret::Secret;

/// The source of every random value: identifiers, tokens, nonces, keys.
#[derive(Debug)]
pub struct Entropy(Source);

#[derive(Debug)]
enum Source {
    System(SystemRandom),
    /// A repeatable stream: SHA-256 over seed and counter. Only tests build it.
    Seeded {
        seed: u64,
        counter: AtomicU64,
    },
}

impl Default for Entropy {
    fn default() -> Self {
        Self(Source::System(SystemRandom::new()))
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
            Source::System(random) => random.fill(out).expect("the system has randomness"),
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

    /// A random (version 4) UUID.
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
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
