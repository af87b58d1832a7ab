//! A statement that is put together from pieces: lists, whose conditions and orders differ from call to call.

use sqlx::{AssertSqlSafe, any::AnyRow};

use super::{Conn, Result};

/// The text so far, and what is bound to it.
pub(super) struct Statement {
    text: String,
    binds: Vec<Bind>,
}

enum Bind {
    Number(i64),
    Text(String),
}

impl Statement {
    /// `text` is ours alone: nothing that a caller gave.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), binds: Vec::new() }
    }

    /// As in [`Self::new`].
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        self.bind(Bind::Number(number))
    }

    /// As [`Self::number`], of what counts rows.
    pub(super) fn count(&mut self, rows: u64) -> &mut Self {
        self.number(i64::try_from(rows).unwrap_or(i64::MAX))
    }

    pub(super) fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.bind(Bind::Text(text.into()))
    }

    fn bind(&mut self, bind: Bind) -> &mut Self {
        self.binds.push(bind);
        let place = self.binds.len();
        self.push(&format!("${place}"))
    }

    pub(super) async fn fetch_all(self, conn: &mut Conn) -> Result<Vec<AnyRow>> {
        let mut query = sqlx::query(AssertSqlSafe(self.text));
        for bind in self.binds {
            query = match bind {
                Bind::Number(number) => query.bind(number),
                Bind::Text(text) => query.bind(text),
            };
        }
        query.fetch_all(conn).await
    }

    /// The one number that a statement gives.
    pub(super) async fn fetch_number(self, conn: &mut Conn) -> Result<i64> {
        use sqlx::Row;
        let row = self.fetch_all(conn).await?.into_iter().next().ok_or(sqlx::Error::RowNotFound)?;
        row.try_get(0)
    }
}
