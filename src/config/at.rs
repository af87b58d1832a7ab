//! Where rows and objects are: a file and a folder of this machine, or servers that any number of machines share.

use std::path::{Path, PathBuf};

use anyhow::Context;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Secret;
use crate::engine::ObjectsAt;

/// Where the rows are.
#[derive(Debug, Clone)]
pub enum DatabaseAt {
    /// An SQLite file.
    File(PathBuf),
    /// PostgreSQL, by a URL that may hold a password.
    Server(Secret),
}

impl DatabaseAt {
    /// The URL by which it is opened; `create`: a file is made if it is not there.
    ///
    /// # Errors
    /// The path is relative and there is no current directory, or it is not UTF-8.
    pub(crate) fn url(&self, create: bool) -> anyhow::Result<String> {
        /// What stands in a path as it is; a `?` or `%` in a folder's name would mean something else in a URL.
        const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'_').remove(b'-');
        let path = match self {
            DatabaseAt::File(path) => path,
            DatabaseAt::Server(url) => return Ok(url.reveal().to_owned()),
        };
        let absolute = std::path::absolute(path).context("database")?;
        let text = absolute.to_str().with_context(|| format!("database: {} is not UTF-8", path.display()))?;
        let mode = if create { "rwc" } else { "rw" };
        Ok(format!("sqlite:{}?mode={mode}", utf8_percent_encode(text, PLAIN)))
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            DatabaseAt::File(path) => Some(path),
            DatabaseAt::Server(_) => None,
        }
    }

    /// What is given up when the disk of the database is full: it lies beside it.
    pub(crate) fn reserve(&self) -> Option<PathBuf> {
        self.file().map(|file| file.with_file_name("reserve"))
    }
}

/// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`.
pub(crate) fn parse_database(raw: &str) -> Result<DatabaseAt, String> {
    let wrong = || "expected sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME".to_owned();
    match raw.split_once(':') {
        Some(("sqlite", path)) => local_path(path).map(DatabaseAt::File),
        Some(("postgres" | "postgresql", rest)) if rest.len() > 2 && rest.starts_with("//") => {
            Ok(DatabaseAt::Server(Secret(raw.to_owned())))
        }
        _ => Err(wrong()),
    }
}

/// `file:PATH` or `s3://BUCKET/PREFIX`.
pub(crate) fn parse_objects(raw: &str) -> Result<ObjectsAt, String> {
    match raw.split_once(':') {
        Some(("file", path)) => local_path(path).map(ObjectsAt::Folder),
        Some(("s3", rest)) => bucket(rest.strip_prefix("//").unwrap_or_default()),
        _ => Err("expected file:PATH or s3://BUCKET/PREFIX".to_owned()),
    }
}

fn bucket(raw: &str) -> Result<ObjectsAt, String> {
    let (bucket, prefix) = raw.split_once('/').unwrap_or((raw, ""));
    let prefix = prefix.trim_matches('/');
    let named = bucket.len() >= 3
        && bucket.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_'));
    // Nothing that a URL, a signature or a listing writes in more than one way.
    let plain = prefix.split('/').all(|part| {
        (prefix.is_empty() || !part.is_empty())
            && part != "."
            && part != ".."
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    });
    match named && plain {
        true => Ok(ObjectsAt::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() }),
        false => Err("expected s3://BUCKET or s3://BUCKET/PREFIX of letters, digits, - _ . and /".to_owned()),
    }
}

/// What follows the scheme; `//` before an absolute path is how URLs are written.
fn local_path(path: &str) -> Result<PathBuf, String> {
    let path = path.strip_prefix("//").unwrap_or(path);
    match path.is_empty() || path.contains('?') {
        true => Err("expected a path after the scheme, and nothing behind it".to_owned()),
        false => Ok(path.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_leads_to_the_same_path() {
        let url = DatabaseAt::File("/a b/c?d%20/é.db".into()).url(true).unwrap();
        assert_eq!(url, "sqlite:/a%20b/c%3Fd%2520/%C3%A9.db?mode=rwc");
        assert!(DatabaseAt::File("x.db".into()).url(false).unwrap().ends_with("/x.db?mode=rw"));
    }

    #[test]
    fn places() {
        let file = |raw| parse_database(raw).unwrap().file().map(Path::to_owned);
        assert_eq!(file("sqlite:a/b.db"), Some("a/b.db".into()));
        assert_eq!(file("sqlite:///var/b.db"), Some("/var/b.db".into()));
        assert_eq!(parse_database("postgres://u@h/d").unwrap().url(true).unwrap(), "postgres://u@h/d");
        for wrong in ["sqlite:", "/var/b.db", "postgres:", "postgres://", "mysql://u@h/d"] {
            assert!(parse_database(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_objects("file:/var/o"), Ok(ObjectsAt::Folder("/var/o".into())));
        let bucket = |bucket: &str, prefix: &str| ObjectsAt::Bucket { bucket: bucket.into(), prefix: prefix.into() };
        assert_eq!(parse_objects("s3://files"), Ok(bucket("files", "")));
        assert_eq!(parse_objects("s3://files/a/b/"), Ok(bucket("files", "a/b")));
        for wrong in ["s3:", "s3://", "s3://x", "s3:files", "s3://files/a//b", "s3://files/../b", "s3://files/a b", "o"]
        {
            assert!(parse_objects(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_does_not_show_itself() {
        let at = parse_database("postgres://u:sesame@h/d").unwrap();
        assert!(!format!("{at:?}").contains("sesame"));
    }
}
