//! Stretches of an account's list of files in which a folder in the trash hides every one.
//!
//! A folder hides what lies below it by its own row alone, for as long as it stays in the trash. A list that comes upon
//! its files reads past them, a million of them if so many lie there, and remembers from which id to which it saw
//! nothing to show. New files have higher ids, and what shows an old one again counts that on its account: until then
//! every other list steps over the gap.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::model::AccountId;

/// Shorter gaps than so many ids are read again each time.
const SHORTEST: i64 = 1000;

/// Gaps of one account, and accounts, that are remembered at the most.
const AT_MOST: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Gaps {
    accounts: Mutex<HashMap<AccountId, Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// How often something had been shown again.
    as_of: i64,
    /// First and last ids.
    gaps: Vec<(i64, i64)>,
}

impl Gaps {
    /// The other end of the gap that a file lies in, for a list that goes up or down the ids.
    pub(super) fn end(&self, account: AccountId, as_of: i64, file: i64, descending: bool) -> Option<i64> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = accounts.get(&account).filter(|known| known.as_of == as_of)?;
        let (first, last) = *known.gaps.iter().find(|(first, last)| (*first..=*last).contains(&file))?;
        Some(if descending { first } else { last })
    }

    /// Remembers that from one id to another, both included, no file is to be seen. `as_of` was read before that was
    /// looked for, and both ids are of files that were there.
    pub(super) fn add(&self, account: AccountId, as_of: i64, one: i64, other: i64) {
        let (mut first, mut last) = (one.min(other), one.max(other));
        if last - first < SHORTEST {
            return;
        }
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= AT_MOST && !accounts.contains_key(&account) {
            accounts.clear();
        }
        let known = accounts.entry(account).or_default();
        // What was read before the last change tells nothing that still holds.
        if known.as_of > as_of {
            return;
        }
        if known.as_of < as_of || known.gaps.len() >= AT_MOST {
            *known = Known { as_of, gaps: Vec::new() };
        }
        let (touching, mut gaps): (Vec<_>, Vec<_>) =
            known.gaps.drain(..).partition(|gap| gap.0 <= last.saturating_add(1) && first <= gap.1.saturating_add(1));
        for gap in touching {
            (first, last) = (first.min(gap.0), last.max(gap.1));
        }
        gaps.push((first, last));
        known.gaps = gaps;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: AccountId = AccountId(1);

    #[test]
    fn lists_step_over_a_gap_in_both_directions_until_something_is_shown_again() {
        let gaps = Gaps::default();
        gaps.add(ANN, 3, 5000, 1000);
        assert_eq!(gaps.end(ANN, 3, 2000, true), Some(1000));
        assert_eq!(gaps.end(ANN, 3, 2000, false), Some(5000));
        assert_eq!(gaps.end(ANN, 3, 999, false), None);
        assert_eq!(gaps.end(ANN, 4, 2000, false), None);
        assert_eq!(gaps.end(AccountId(2), 3, 2000, false), None);
        gaps.add(ANN, 4, 7000, 9000);
        assert_eq!(gaps.end(ANN, 4, 2000, false), None, "of what was before");
        gaps.add(ANN, 3, 1000, 5000);
        assert_eq!(gaps.end(ANN, 4, 2000, false), None, "read before the change");
    }

    #[test]
    fn gaps_that_touch_become_one_and_short_ones_are_none() {
        let gaps = Gaps::default();
        gaps.add(ANN, 0, 1000, 2999);
        gaps.add(ANN, 0, 3000, 5000);
        gaps.add(ANN, 0, 4000, 8000);
        gaps.add(ANN, 0, 20_000, 20_500);
        assert_eq!((gaps.end(ANN, 0, 1500, false), gaps.end(ANN, 0, 20_100, false)), (Some(8000), None));
    }
}
