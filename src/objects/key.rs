//! Object keys: minted here, never reused.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use rand::RngExt;

/// Where an object's bytes stand: `3f/0c41…`, a folder of two hex digits and 32 random ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectKey(String);

impl ObjectKey {
    /// A key that the database kept.
    pub(crate) fn kept(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder part.
    pub(crate) fn folder(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

/// Mints keys. Neighbours in time share a folder, because what was stored together is often deleted together, and a
/// batch of deletes costs one sync a folder.
#[derive(Debug, Default)]
pub(crate) struct KeyMint {
    minted: AtomicU64,
    folder: Mutex<u8>,
}

impl KeyMint {
    const KEYS_IN_A_ROW: u64 = 1_000;

    pub(crate) fn mint(&self) -> ObjectKey {
        let mut folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        if self.minted.fetch_add(1, Ordering::Relaxed).is_multiple_of(Self::KEYS_IN_A_ROW) {
            *folder = rand::rng().random();
        }
        ObjectKey(format!("{:02x}/{:032x}", *folder, rand::rng().random::<u128>()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_differ_and_neighbours_share_a_folder() {
        let mint = KeyMint::default();
        let keys: Vec<ObjectKey> = (0..1_000).map(|_| mint.mint()).collect();
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 1_000);
        assert_eq!(keys.iter().map(ObjectKey::folder).collect::<HashSet<_>>().len(), 1);
    }
}
