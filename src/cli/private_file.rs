//! Files for their owner alone.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::entropy::Entropy;
use crate::secret::Secret;

/// A file that did not exist before.
pub(super) fn create(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(file)?.write_all(bytes)
}

/// 32 random bytes, as base64 in a line.
pub(super) fn new_key(entropy: &Entropy) -> Secret<String> {
    Secret::new(format!("{}\n", STANDARD.encode(entropy.bytes::<32>())))
}
