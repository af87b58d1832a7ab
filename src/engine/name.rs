//! Names that are taken: what a clash means, and the numbers that tell equal names apart.

use super::error::{Error, Result};
use crate::{
    model::Clash,
    store::{Conn, node},
};

/// What a live node will be called in a folder: the name itself if it is free there, or what `clash` makes of it.
/// `except` is the node that is to have it, if it lies there already.
///
/// # Errors
/// `NameTaken`.
pub(super) async fn settle(
    conn: &mut Conn,
    folder: i64,
    name: &str,
    is_folder: bool,
    clash: Clash,
    except: Option<i64>,
) -> Result<String> {
    let taken = match clash {
        Clash::Keep => None,
        Clash::Refuse => node::taken(conn, folder, name, except).await?,
        Clash::RefuseAnyCase => node::taken_any_case(conn, folder, name, except).await?,
        Clash::NumberAnyCase => return free_any_case(conn, folder, name, is_folder, except).await,
    };
    match taken {
        Some(by) => Err(Error::NameTaken { by }),
        None => Ok(name.to_owned()),
    }
}

/// The name itself, or `report(2).pdf` with the lowest number from 2 on that is free in the folder, compared in any
/// case (oracle.md 4.2). A folder's name has no ending.
pub(super) async fn free_any_case(
    conn: &mut Conn,
    folder: i64,
    name: &str,
    is_folder: bool,
    except: Option<i64>,
) -> Result<String> {
    match node::taken_any_case(conn, folder, name, except).await? {
        Some(_) => numbered_any_case(conn, folder, name, is_folder, except).await,
        None => Ok(name.to_owned()),
    }
}

/// `report(2).pdf` with the lowest number from 2 on that is free in the folder, compared in any case; also where the
/// name itself is free.
pub(super) async fn numbered_any_case(
    conn: &mut Conn,
    folder: i64,
    name: &str,
    is_folder: bool,
    except: Option<i64>,
) -> Result<String> {
    let (stem, ending) = if is_folder { (name, "") } else { split_ending(name) };
    let taken = node::folded_beginning(conn, folder, &format!("{stem}(").to_lowercase()).await?;
    for number in 2u64.. {
        let candidate = number_name(stem, ending, number);
        // The second look is for a long stem that had to be cut: its numbered names begin otherwise.
        if !taken.contains(&candidate.to_lowercase())
            && node::taken_any_case(conn, folder, &candidate, except).await?.is_none()
        {
            return Ok(candidate);
        }
    }
    Err(anyhow::anyhow!("no number is free").into())
}

/// What a number goes between: `report` and `.pdf`. An ending too long to leave it room is part of the name.
pub(super) fn split_ending(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name[dot..].chars().count() < 200 => name.split_at(dot),
        _ => (name, ""),
    }
}

/// `report(2).pdf`, within the 255 characters of a name.
pub(super) fn number_name(stem: &str, ending: &str, number: u64) -> String {
    let suffix = format!("({number}){ending}");
    let room = 255usize.saturating_sub(suffix.chars().count());
    stem.chars().take(room).chain(suffix.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_before_the_ending_and_the_name_stays_a_name() {
        let numbered = |name: &str, number| {
            let (stem, ending) = split_ending(name);
            number_name(stem, ending, number)
        };
        assert_eq!(numbered("report.pdf", 2), "report(2).pdf");
        assert_eq!(numbered("report", 10), "report(10)");
        assert_eq!(numbered(".profile", 2), ".profile(2)");
        assert_eq!(numbered("a.tar.gz", 2), "a.tar(2).gz");
        let long = "x".repeat(251) + ".pdf";
        assert_eq!(numbered(&long, 12), "x".repeat(247) + "(12).pdf");
        let all_ending = format!("a.{}", "x".repeat(253));
        assert_eq!(numbered(&all_ending, 2).chars().count(), 255);
    }
}
