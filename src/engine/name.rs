//! Names that are taken in a folder, and the numbered ones that stand in for them.

use std::collections::HashSet;

use super::error::Result;
use crate::store::{Conn, node};

/// The name as it stands, if no live child of the folder has it in any case; else the first of `name(2).ext`,
/// `name(3).ext` and so on that is free. `except` is a child that may have it: the one that is being renamed.
pub(super) async fn numbered(
    conn: &mut Conn,
    folder: i64,
    name: &str,
    is_folder: bool,
    except: Option<i64>,
) -> Result<String> {
    if !node::any_case_taken(conn, folder, name, except).await? {
        return Ok(name.to_owned());
    }
    let (stem, extension) = if is_folder { (name, "") } else { split_extension(name) };
    let beginning = node::folded_beginning(conn, folder, &format!("{stem}(").to_lowercase()).await?;
    let taken: HashSet<String> = beginning.into_iter().collect();
    let mut number = 2;
    loop {
        let candidate = number_name(stem, extension, number);
        number += 1;
        // The second look is for a long stem that had to be cut: its numbered names begin otherwise.
        if !taken.contains(&candidate.to_lowercase()) && !node::any_case_taken(conn, folder, &candidate, except).await?
        {
            return Ok(candidate);
        }
    }
}

/// What a number goes between: `report` and `.pdf`. An ending too long to leave it room is part of the name.
pub(super) fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name[dot..].chars().count() < 200 => name.split_at(dot),
        _ => (name, ""),
    }
}

/// `report(2).pdf`, within the 255 characters of a name.
pub(super) fn number_name(stem: &str, extension: &str, number: u64) -> String {
    let suffix = format!("({number}){extension}");
    let room = 255usize.saturating_sub(suffix.chars().count());
    stem.chars().take(room).chain(suffix.chars()).collect()
}
