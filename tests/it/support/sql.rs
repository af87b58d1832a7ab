//! Rows straight from the database file.

use std::path::Path;

use serde_json::Value;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, TypeInfo, ValueRef, sqlite::SqliteConnectOptions};

/// Runs one statement and gives its rows as JSON values: null, number or text.
pub async fn rows(database: &Path, statement: &str) -> Vec<Vec<Value>> {
    let mut connection = open(database, false).await;
    let rows = rows_of(&mut connection, statement).await;
    connection.close().await.unwrap();
    rows
}

/// A connection to the file. One that may only read leaves a dead server's log of writes as it found it.
pub async fn open(database: &Path, read_only: bool) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .read_only(read_only)
        .busy_timeout(std::time::Duration::from_secs(20));
    options.connect().await.unwrap()
}

/// As [`rows`], on a connection that is there.
pub async fn rows_of(connection: &mut SqliteConnection, statement: &str) -> Vec<Vec<Value>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
        .fetch_all(connection)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    rows.iter().map(|row| (0..row.columns().len()).map(|column| value(row, column)).collect()).collect()
}

fn value(row: &sqlx::sqlite::SqliteRow, column: usize) -> Value {
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
