//! The log that SQLite commits to, synced by us: while one commit goes to the disk, the next one is written.

use std::{fs::File, path::PathBuf};

use sqlx::AnyConnection;

use super::Result;

/// A handle to the log, open as long as the writer.
pub(crate) struct Log(File);

impl Log {
    /// Of the database that `conn` has open.
    pub(super) async fn open(conn: &mut AnyConnection) -> Result<Self> {
        let database: String =
            sqlx::query_scalar("select file from pragma_database_list where name = 'main'").fetch_one(conn).await?;
        let path = PathBuf::from(format!("{database}-wal"));
        let log = File::open(&path)?;
        // Whoever made the file may never sync it.
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(Self(log))
    }

    /// Waits until all that was committed is on the disk. Where it cannot be, the process ends: what was committed can be
    /// read and may be lost, so there is nothing left that anybody could be told.
    pub(crate) fn sync(&self) {
        if let Err(error) = self.0.sync_data() {
            tracing::error!(%error, "the database's log could not be synced: the process ends");
            std::process::abort();
        }
    }
}
