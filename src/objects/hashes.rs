//! What is known of an object's bytes once they have passed by.

use md5::Md5;
use sha2::{Digest, Sha256};

use super::Stored;
use crate::hex::hex;

/// Size and hashes so far.
#[derive(Default)]
pub(super) struct Hashes {
    pub(super) size: u64,
    sha256: Sha256,
    md5: Md5,
}

impl Hashes {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.sha256.update(bytes);
        self.md5.update(bytes);
    }

    pub(super) fn finish(self, version: Option<String>) -> Stored {
        Stored { size: self.size, sha256: hex(&self.sha256.finalize()), md5: self.md5.finalize().into(), version }
    }
}
