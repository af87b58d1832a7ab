//! Removing objects from a bucket that keeps versions: by the names of their versions, never without one.
//!
//! Then the store is asked what else stands under the keys (a write that came twice, or late, or a marker that somebody
//! made), that is removed too, and only a list without anything is a confirmation. Neighbours share a list: what it
//! does not show between two keys that it shows is not there.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::{
    S3,
    delete::{Doomed, LATE},
    leftovers::Versions,
};
use crate::objects::Removal;

/// Lists that are asked for at the same time, of folders and, in each, of keys.
const LISTS_AT_ONCE: usize = 8;
/// Entries of one list.
const PAGE: usize = 1_000;
/// So many keys at the least have to be among those of a page, or each is better asked for by itself.
const WORTH_A_PAGE: usize = 8;
/// How often a key's versions are removed and asked for again in one go.
const ROUNDS: usize = 10;

/// A key and what stands under it.
type Listed = (String, Result<Vec<Doomed>, String>);

impl S3 {
    pub(super) async fn remove_versions(&self, doomed: &[Doomed], end: Instant) -> Vec<Removal> {
        let mut found: Vec<Doomed> = doomed.iter().filter(|doomed| doomed.version.is_some()).cloned().collect();
        let mut left: Vec<&str> = doomed.iter().map(|doomed| doomed.key.as_str()).collect();
        left.sort_unstable();
        left.dedup();
        let mut settled: HashMap<String, Removal> = HashMap::new();
        for _ in 0..ROUNDS {
            let removals = self.delete_objects(&found, end).await;
            for (doomed, removal) in found.iter().zip(removals) {
                if removal != Removal::Gone {
                    settled.insert(doomed.key.clone(), removal);
                }
            }
            left.retain(|&key| !settled.contains_key(key));
            found.clear();
            for (key, list) in self.versions_of_all(&left, end).await {
                match list {
                    Ok(versions) if versions.is_empty() => drop(settled.insert(key, Removal::Gone)),
                    Ok(versions) => found.extend(versions),
                    Err(error) => drop(settled.insert(key, Removal::Failed(error))),
                }
            }
            if found.is_empty() {
                break;
            }
        }
        let of = |doomed: &Doomed| settled.get(&doomed.key).cloned();
        doomed.iter().map(|doomed| of(doomed).unwrap_or_else(|| Removal::Failed(LATE.into()))).collect()
    }

    /// What stands under each of some keys, which are in order: at least some if there is anything.
    async fn versions_of_all(&self, keys: &[&str], end: Instant) -> Vec<Listed> {
        let folders: Vec<_> = keys
            .chunk_by(|one, next| folder(one) == folder(next))
            .map(|keys| self.versions_of_neighbours(keys.iter().map(|&key| key.to_owned()).collect(), end))
            .collect();
        let lists: Vec<Vec<Listed>> = stream::iter(folders).buffer_unordered(LISTS_AT_ONCE).collect().await;
        lists.concat()
    }

    /// As [`Self::versions_of_all`], for keys of one folder: its list is gone through as long as that is fewer calls
    /// than a list for each key.
    async fn versions_of_neighbours(&self, keys: Vec<String>, end: Instant) -> Vec<Listed> {
        let (mut settled, mut from) = (Vec::with_capacity(keys.len()), None);
        let mut left = keys.as_slice();
        for _ in 0..keys.len() / WORTH_A_PAGE {
            let listing = self.list_versions(folder(&keys[0]), from.take(), PAGE);
            let Ok(Ok(page)) = timeout_at(end, listing).await else { break };
            let told = page.tells_all_of(left);
            let mut found: HashMap<&str, Vec<Doomed>> = HashMap::new();
            for doomed in &page.found {
                found.entry(&doomed.key).or_default().push(doomed.clone());
            }
            settled.extend(
                left[..told].iter().map(|key| (key.clone(), Ok(found.remove(key.as_str()).unwrap_or_default()))),
            );
            left = &left[told..];
            from = page.next;
            if left.is_empty() || from.is_none() {
                break;
            }
        }
        let lists = left.iter().map(|key| async move { (key.clone(), self.versions_of(key, end).await) });
        settled
            .extend(stream::iter(lists.collect::<Vec<_>>()).buffer_unordered(LISTS_AT_ONCE).collect::<Vec<_>>().await);
        settled
    }

    /// The versions and markers under a key, at least some if there are any.
    async fn versions_of(&self, key: &str, end: Instant) -> Result<Vec<Doomed>, String> {
        let listed = timeout_at(end, self.list_versions(key, None, PAGE)).await.map_err(|_| LATE.to_owned())?;
        let listed = listed.map_err(|error| self.told(&error))?;
        // Longer keys may begin with this one.
        Ok(listed.found.into_iter().filter(|found| found.key == key).collect())
    }
}

impl Versions {
    /// How many of these keys, which are in order, the list has come past: nothing stands under them but what it shows.
    fn tells_all_of(&self, keys: &[String]) -> usize {
        match &self.next {
            // More of that key itself may follow.
            Some((last, _)) => keys.partition_point(|key| key < last),
            None if self.is_whole => keys.len(),
            None => 0,
        }
    }
}

/// A key up to its last slash.
fn folder(key: &str) -> &str {
    &key[..key.rfind('/').map_or(0, |slash| slash + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(next: Option<&str>, is_whole: bool) -> usize {
        let next = next.map(|key| (key.to_owned(), None));
        let keys = ["p/a", "p/b", "p/c"].map(str::to_owned);
        Versions { found: Vec::new(), next, is_whole }.tells_all_of(&keys)
    }

    #[test]
    fn a_list_tells_of_what_it_has_come_past() {
        assert_eq!(told(None, true), 3);
        assert_eq!(told(None, false), 0, "it went on, and did not say where");
        assert_eq!(told(Some("p/a"), false), 0);
        assert_eq!(told(Some("p/b"), false), 1);
        assert_eq!(told(Some("p/bb"), false), 2);
        assert_eq!(told(Some("q"), false), 3);
    }

    #[test]
    fn a_folder_ends_with_its_slash() {
        assert_eq!(folder("prefix/3f/0c41"), "prefix/3f/");
        assert_eq!(folder("0c41"), "");
    }
}
