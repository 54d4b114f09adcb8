//! SHA-256 of bytes and files, in hexadecimal.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

/// Bytes read at a time: enough that the system call does not count, little enough to stay in the processor's cache.
const CHUNK: usize = 256 * 1024;

/// The SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Copies everything from `source` to `target`; the number of bytes and their SHA-256.
///
/// # Errors
/// What either side says.
pub fn copy_with_sha256(source: &mut impl Read, target: &mut impl Write) -> io::Result<(u64, String)> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0_u8; CHUNK];
    let mut copied = 0_u64;
    loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let chunk = buffer.get(..count).unwrap_or_default();
        digest.update(chunk);
        target.write_all(chunk)?;
        copied += count as u64;
    }
    Ok((copied, hex::encode(digest.finalize())))
}

/// The number of bytes that `source` yields and their SHA-256.
///
/// # Errors
/// What the source says.
pub fn sha256_of(source: &mut impl Read) -> io::Result<(u64, String)> {
    copy_with_sha256(source, &mut io::sink())
}
