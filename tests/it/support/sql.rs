//! Rows straight from the database.

use std::path::Path;

use serde_json::Value;
use sqlx::{
    ConnectOptions, Connection as _, PgConnection, Row, SqliteConnection, TypeInfo, ValueRef,
    postgres::PgRow,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

/// A time as the rows keep it, an hour from now.
pub fn in_an_hour() -> i64 {
    (time::OffsetDateTime::now_utc().unix_timestamp() + 3_600) * 1_000_000
}

/// A connection beside the server's own.
pub enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A connection to an SQLite file.
pub async fn open(database: &Path, read_only: bool) -> Connection {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .read_only(read_only)
        .busy_timeout(std::time::Duration::from_secs(20));
    Connection::Sqlite(options.connect().await.unwrap())
}

/// A connection to PostgreSQL.
pub async fn connect(url: &str) -> Connection {
    Connection::Postgres(PgConnection::connect(url).await.unwrap())
}

impl Connection {
    pub async fn close(self) {
        match self {
            Connection::Sqlite(connection) => connection.close().await.unwrap(),
            Connection::Postgres(connection) => connection.close().await.unwrap(),
        }
    }

    /// Begins a transaction that keeps everybody else from writing.
    pub async fn take_turn(&mut self) {
        let begin = match self {
            Connection::Sqlite(_) => "begin immediate",
            Connection::Postgres(_) => "begin; update turn set taken = taken + 1",
        };
        self.rows(begin).await;
    }

    /// Runs one statement and gives its rows as JSON values: null, number or text.
    pub async fn rows(&mut self, statement: &str) -> Vec<Vec<Value>> {
        match self {
            Connection::Sqlite(connection) => {
                let rows = sqlx::query(sqlx::AssertSqlSafe(statement)).fetch_all(connection).await;
                let rows = rows.unwrap_or_else(|error| panic!("{statement}: {error}"));
                rows.iter().map(|row| (0..row.columns().len()).map(|at| sqlite_value(row, at)).collect()).collect()
            }
            Connection::Postgres(connection) => {
                // Unprepared, so that every value comes as text, whatever its type.
                let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).fetch_all(connection).await;
                let rows = rows.unwrap_or_else(|error| panic!("{statement}: {error}"));
                rows.iter().map(|row| (0..row.columns().len()).map(|at| postgres_value(row, at)).collect()).collect()
            }
        }
    }
}

fn sqlite_value(row: &SqliteRow, column: usize) -> Value {
    let raw = row.try_get_raw(column).unwrap();
    if raw.is_null() {
        return Value::Null;
    }
    match raw.type_info().name() {
        "INTEGER" | "BOOLEAN" => row.get_unchecked::<i64, _>(column).into(),
        "REAL" => row.get_unchecked::<f64, _>(column).into(),
        "BLOB" => String::from_utf8_lossy(&row.get_unchecked::<Vec<u8>, _>(column)).into(),
        _ => row.get_unchecked::<String, _>(column).into(),
    }
}

fn postgres_value(row: &PgRow, column: usize) -> Value {
    let raw = row.try_get_raw(column).unwrap();
    if raw.is_null() {
        return Value::Null;
    }
    let text = raw.as_str().unwrap();
    match raw.type_info().name() {
        "INT2" | "INT4" | "INT8" => text.parse::<i64>().unwrap().into(),
        // A sum of integers is one of these; here it is a whole number again.
        "NUMERIC" | "FLOAT8" => text.parse::<i64>().map_or_else(|_| text.parse::<f64>().unwrap().into(), Value::from),
        _ => text.into(),
    }
}
