//! Object keys: minted here, never reused.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use rand::RngExt;

/// Where an object's bytes stand: `3f/0c41…`, a folder of two hex digits and 32 random ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// A key that the database kept.
    pub fn kept(text: String) -> Self {
        Self(text)
    }

    /// A key that storage named, if it could have been minted here.
    pub fn minted(text: &str) -> Option<Self> {
        let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let (folder, name) = text.split_once('/')?;
        (folder.len() == 2 && name.len() == 32 && hex(folder) && hex(name)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder part.
    pub fn folder(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

/// Mints keys. Neighbours in time share a folder, because what was stored together is often deleted together, and a
/// batch of deletes costs one sync a folder.
#[derive(Debug, Default)]
pub struct KeyMint {
    minted: AtomicU64,
    folder: Mutex<u8>,
}

impl KeyMint {
    const KEYS_IN_A_ROW: u64 = 1_000;

    pub fn mint(&self) -> ObjectKey {
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

    #[test]
    fn only_what_could_have_been_minted_is_taken_for_a_key() {
        let minted = KeyMint::default().mint();
        assert_eq!(ObjectKey::minted(minted.as_str()), Some(minted.clone()));
        let upper = minted.as_str().replace(|c: char| c.is_ascii_digit(), "A");
        for other in ["", "3f", "3f/", "uploads/0", &upper, &minted.as_str()[1..], &format!("{}0", minted.as_str())] {
            assert_eq!(ObjectKey::minted(other), None, "{other}");
        }
    }
}
