//! SQLite and PostgreSQL have the same schema: what one of them lacks would be found by the first who needs it there.

use std::collections::BTreeSet;

use sqlx::Connection;
use unfile::{clock::Clock, fault::Faults};

use crate::support::{
    in_process,
    installation::{Backend, Installation},
};

/// What the two are asked, in the words of each; the answers are lists of texts.
struct Question {
    about: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const QUESTIONS: [Question; 6] = [
    Question {
        about: "columns, their kind, whether they may be null, and their defaults",
        sqlite: "select t.name, c.name, case c.type when 'TEXT' then 'text' else 'integer' end, \
                 case when c.\"notnull\" = 1 or c.pk > 0 then 'not null' else '' end, coalesce(c.dflt_value, '') \
                 from sqlite_master t join pragma_table_info(t.name) c where t.type = 'table'",
        // Text that is not compared byte by byte would be another kind.
        postgres: "select table_name, column_name, case when data_type = 'bigint' then 'integer' \
                   when data_type = 'text' and collation_name = 'C' then 'text' else data_type end, \
                   case is_nullable when 'NO' then 'not null' else '' end, \
                   coalesce(replace(column_default, '::text', ''), '') \
                   from information_schema.columns where table_schema = 'public'",
    },
    Question {
        about: "ids that are given out by the database",
        sqlite: "select name from sqlite_master where type = 'table' and sql like '%autoincrement%'",
        postgres: "select table_name from information_schema.columns where table_schema = 'public' \
                   and is_identity = 'YES'",
    },
    Question {
        about: "unique keys",
        sqlite: "select t.name, (select group_concat(name, ', ') from (select name from pragma_index_info(i.name) \
                 order by seqno)) from sqlite_master t join pragma_index_list(t.name) i \
                 where t.type = 'table' and i.\"unique\" = 1 \
                 union select t.name, c.name from sqlite_master t join pragma_table_info(t.name) c \
                 where t.type = 'table' and c.pk > 0 and c.type = 'INTEGER'",
        postgres: "select t.relname, (select string_agg(a.attname, ', ' order by k.at) from pg_attribute a \
                   join unnest(i.indkey) with ordinality k (attnum, at) on k.attnum = a.attnum \
                   where a.attrelid = t.oid) from pg_index i join pg_class t on t.oid = i.indrelid \
                   where i.indisunique and t.relnamespace = 'public'::regnamespace",
    },
    Question {
        about: "indexes, their columns, and which rows they hold",
        sqlite: "select t.name, i.name, (select group_concat(name, ', ') from (select name from \
                 pragma_index_info(i.name) order by seqno)), \
                 coalesce((select case when instr(sql, ' where ') > 0 then substr(sql, instr(sql, ' where ') + 7) end \
                 from sqlite_master x where x.name = i.name), '') \
                 from sqlite_master t join pragma_index_list(t.name) i where t.type = 'table' and i.origin = 'c'",
        postgres: "select t.relname, x.relname, (select string_agg(a.attname, ', ' order by k.at) from pg_attribute a \
                   join unnest(i.indkey) with ordinality k (attnum, at) on k.attnum = a.attnum \
                   where a.attrelid = t.oid), \
                   coalesce(replace(translate(lower(pg_get_expr(i.indpred, i.indrelid)), '()', ''), '::text', ''), '') \
                   from pg_index i join pg_class t on t.oid = i.indrelid join pg_class x on x.oid = i.indexrelid \
                   where (not i.indisunique or i.indpred is not null) and t.relnamespace = 'public'::regnamespace",
    },
    Question {
        about: "references",
        sqlite: "select t.name, f.\"from\", f.\"table\" from sqlite_master t join pragma_foreign_key_list(t.name) f \
                 where t.type = 'table'",
        postgres: "select t.relname, a.attname, r.relname from pg_constraint c join pg_class t on t.oid = c.conrelid \
                   join pg_class r on r.oid = c.confrelid join pg_attribute a on a.attrelid = t.oid \
                   and a.attnum = c.conkey[1] where c.contype = 'f'",
    },
    Question {
        about: "how many checks a table makes",
        sqlite: "select name, cast((length(sql) - length(replace(sql, 'check (', ''))) / 7 as text) \
                 from sqlite_master where type = 'table'",
        postgres: "select t.relname, (select count(*)::text from pg_constraint c where c.conrelid = t.oid \
                   and c.contype = 'c') from pg_class t where t.relkind = 'r' \
                   and t.relnamespace = 'public'::regnamespace",
    },
];

/// The row that PostgreSQL's writers change in turn; what the two programs keep for themselves.
const OF_ONE_ALONE: [&str; 3] = ["turn", "sqlite_sequence", "_sqlx_migrations"];

/// References that PostgreSQL would check row by row where rows go by the thousand: SQLite alone has them.
const OF_SQLITE_ALONE: [[&str; 3]; 6] = [
    ["edit_session", "node_id", "node"],
    ["link", "node_id", "node"],
    ["purge", "account_id", "account"],
    ["share", "node_id", "node"],
    ["trash", "node_id", "node"],
    ["version", "node_id", "node"],
];

/// What an account's trash comes to is in the index that finds it. On PostgreSQL every change of a folder's totals would
/// need a new entry in each of its indexes.
const TRASHED_ON_SQLITE: [&str; 4] = ["node", "node_trashed", "account_id, kind, id, bytes", "state = 2"];
const TRASHED_ON_POSTGRES: [&str; 4] = ["node", "node_trashed", "account_id, kind, id", "state = 2"];

#[tokio::test]
async fn both_databases_have_the_same_schema() {
    let (file, server) =
        tokio::join!(Installation::in_memory(Backend::Embedded), Installation::in_memory(Backend::Postgres));
    for installation in [&file, &server] {
        in_process::open(installation, &Clock::default(), &Faults::default()).await.close().await;
    }
    for Question { about, sqlite, postgres } in QUESTIONS {
        let (sqlite, postgres) = (answers(&file, sqlite).await, answers(&server, postgres).await);
        assert!(sqlite.len() > 5, "{about}: {sqlite:?}");
        let only = |one: &BTreeSet<_>, other| one.difference(other).cloned().collect::<Vec<Vec<String>>>();
        let differ = (only(&sqlite, &postgres), only(&postgres, &sqlite));
        let row = |row: &[&str]| row.iter().map(|&text| text.to_owned()).collect::<Vec<String>>();
        let expected = match about {
            "references" => (OF_SQLITE_ALONE.iter().map(|of_sqlite| row(of_sqlite)).collect(), vec![]),
            "indexes, their columns, and which rows they hold" => {
                (vec![row(&TRASHED_ON_SQLITE)], vec![row(&TRASHED_ON_POSTGRES)])
            }
            _ => (vec![], vec![]),
        };
        assert_eq!(differ, expected, "{about}: on SQLite alone, on PostgreSQL alone");
    }
}

async fn answers(installation: &Installation, statement: &str) -> BTreeSet<Vec<String>> {
    let rows = installation.sql(statement).await;
    let texts = |row: Vec<serde_json::Value>| row.iter().map(|value| value.as_str().unwrap().to_owned()).collect();
    let rows = rows.into_iter().map(texts).filter(|row: &Vec<String>| !OF_ONE_ALONE.contains(&row[0].as_str()));
    rows.collect()
}

#[tokio::test]
async fn connections_to_sqlite_do_not_share_one_cache_behind_one_lock() {
    let mut sqlite = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let options: Vec<String> = sqlx::query_scalar("pragma compile_options").fetch_all(&mut sqlite).await.unwrap();
    assert!(options.contains(&"DEFAULT_MEMSTATUS=0".to_owned()), "{options:?}");
    assert!(!options.contains(&"ENABLE_MEMORY_MANAGEMENT".to_owned()), "{options:?}");
}

#[tokio::test]
async fn totals_are_in_no_index_of_postgresql() {
    let installation = Installation::in_memory(Backend::Postgres).await;
    in_process::open(&installation, &Clock::default(), &Faults::default()).await.close().await;
    // Columns, expressions and the condition of an index all count.
    let held = "select d.objid::regclass::text, a.attname from pg_depend d join pg_index i on i.indexrelid = d.objid \
                join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid where \
                d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and \
                ((d.refobjid = 'node'::regclass and a.attname in ('files', 'folders', 'bytes')) or \
                (d.refobjid = 'account'::regclass and \
                a.attname in ('used', 'purging', 'entries', 'emptied_to', 'shown_again')))";
    assert_eq!(installation.sql(held).await, Vec::<Vec<serde_json::Value>>::new());
}
