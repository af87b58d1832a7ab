//! What can be counted of large calls and of many calls: statements, transactions, and bytes of memory for each item.

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    dialects::Dialect,
    group_commit::figure,
    hexnode, memory, onlyoffice, oracle,
    support::{Account, Reply, Server, wait_until},
    sweeppea, vault,
};

/// Ids in one call.
const MANY: usize = 10_000;
/// Statements for a thousand ids in one call at the most: a handful.
const A_THOUSAND: usize = 4;

/// Makes so many live files in an account's root folder, as rows beside the server: uploading them would take longer than
/// what is tried here. Gives their ids and uids. Their objects are not in storage. Only on SQLite.
pub(crate) async fn plant(server: &Server, account: i64, files: usize) -> Vec<(i64, String)> {
    let before = server.sql("select coalesce(max(id), 0) from node").await[0][0].as_i64().unwrap();
    for statement in [
        format!(
            "with recursive n (i) as (select 1 union all select i + 1 from n where i < {files}) \
             insert into node (uid, account_id, parent_id, kind, state, depth, name, files, folders, bytes, creator_id, \
             private, created_at, modified_at, folded) select \
             '00000000-0000-4000-8000-' || substr(cast(1000000000000 + {before} + i as text), 2), id, root_id, 'file', 1, \
             1, 'planted' || ({before} + i), 0, 0, 10, id, 1, 1, 1, 'planted' || ({before} + i) from n, account \
             where account.id = {account}"
        ),
        format!(
            "insert into version (node_id, number, size, sha256, media_type, object_key, creator_id, created_at) \
             select id, 1, 10, '', 'text/plain', 'ab/planted' || id, {account}, 1 from node where id > {before}"
        ),
        format!(
            "update node set version_id = (select id from version where node_id = node.id) where id > {before} \
             and kind = 'file'"
        ),
        format!(
            "update node set files = files + {files}, bytes = bytes + {files} * 10 where id = \
             (select root_id from account where id = {account})"
        ),
        format!("update account set used = used + {files} * 10 where id = {account}"),
    ] {
        server.sql(&statement).await;
    }
    let rows = server.sql(&format!("select id, uid from node where id > {before} order by id")).await;
    assert_eq!(rows.len(), files);
    rows.iter().map(|row| (row[0].as_i64().unwrap(), row[1].as_str().unwrap().to_owned())).collect()
}

/// A server whose log has a line for each statement, and that purges nothing meanwhile.
async fn talkative() -> (Server, Account) {
    let env = [("RUST_LOG", "warn,sqlx::query=debug"), ("UNFILE_PURGE_DELAY", "1h"), ("UNFILE_SWEEPPEA_RATE", "0")];
    let server = Server::start_embedded_with(&env).await;
    let ann = server.account("ann").await;
    (server, ann)
}

/// The statements that a server logs while a call runs, up to the one that begins so.
async fn statements(server: &Server, up_to: &str, call: impl Future<Output = Reply>) -> Vec<String> {
    let before = server.log().lines().count();
    let reply = call.await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let summaries = || -> Vec<String> {
        let log = server.log();
        let of_statement =
            |line: &str| Some(line.split_once("sqlx::query: summary=\"")?.1.split('"').next()?.to_owned());
        log.lines().skip(before).filter_map(of_statement).collect()
    };
    wait_until("the log has caught up", || async { summaries().iter().any(|line| line.starts_with(up_to)) }).await;
    summaries()
}

#[tokio::test]
async fn ten_thousand_ids_in_one_call_are_a_handful_of_statements_a_thousand() {
    let (server, ann) = talkative().await;
    let (server, key) = (&server, ann.key.as_str());
    let check = |what: &str, statements: Vec<String>| {
        assert!(statements.len() >= 5, "{what}: the log shows no statements: {statements:?}");
        assert!(
            statements.len() <= MANY / 1000 * A_THOUSAND,
            "{what}: {} statements: {statements:#?}",
            statements.len()
        );
    };
    let ids = async || -> Vec<i64> { plant(server, ann.id, MANY).await.into_iter().map(|(id, _)| id).collect() };

    let body = json!(ids().await).to_string();
    check("hexnode", statements(server, "insert into audit", hexnode::delete(server, key, &body)).await);

    let uids: Vec<String> = plant(server, ann.id, MANY).await.into_iter().map(|(_, uid)| uid).collect();
    let uids: Vec<&str> = uids.iter().map(String::as_str).collect();
    check("vault", statements(server, "insert into audit", vault::delete_files(server, key, &uids)).await);

    let onlyoffice = async |call: &str, body: Value| {
        let sent = onlyoffice::put(server, key, call, body);
        check(call, statements(server, "insert into operation", sent).await);
    };
    let files = ids().await;
    onlyoffice("fileops/markasread", json!({"fileIds": files, "returnSingleOperation": true})).await;
    onlyoffice("fileops/delete", json!({"fileIds": files, "returnSingleOperation": true})).await;
    let body = json!({"fileIds": ids().await, "immediately": true, "returnSingleOperation": true});
    onlyoffice("fileops/delete", body).await;

    // A refusal costs no more: the last of the ids is nobody's.
    let mut refused = ids().await;
    refused[MANY - 1] = i64::from(u32::MAX);
    let before = server.log().lines().count();
    assert_eq!(hexnode::delete(server, key, &json!(refused).to_string()).await.status, 404);
    let lines = server.log().lines().skip(before).filter(|line| line.contains("sqlx::query")).count();
    assert!(lines <= MANY / 1000 * A_THOUSAND, "{lines} statements for a refusal");
}

#[tokio::test]
async fn a_thousand_deletes_at_one_moment_are_a_few_transactions_and_none_hurts_another() {
    // Each has a connection of its own, on both sides.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
    let server = Server::start_embedded_with(&[("UNFILE_PURGE_DELAY", "1h")]).await;
    let ann = server.account("ann").await;
    let mut ids: Vec<i64> = plant(&server, ann.id, 1_000).await.into_iter().map(|(id, _)| id).collect();
    // Every tenth names nobody's file.
    ids.iter_mut().step_by(10).for_each(|id| *id += 1_000_000);

    let mut held = server.installation().connect(false).await;
    held.take_turn().await;
    let before = (figure(&server, "unfile_commits").await, figure(&server, "unfile_committed_requests").await);
    let deletes = join_all(ids.iter().map(|id| {
        let (server, key) = (&server, &ann.key);
        async move { hexnode::delete(server, key, &format!("[{id}]")).await.status }
    }));
    let meanwhile = async {
        // All but those of the batch that was begun first, 512 at the most.
        wait_until("they wait", || async { figure(&server, "unfile_waiting_requests").await >= 488 }).await;
        held.rows("rollback").await;
    };
    let (statuses, ()) = tokio::join!(deletes, meanwhile);
    held.close().await;
    for (at, status) in statuses.iter().enumerate() {
        assert_eq!(*status, if at % 10 == 0 { 404 } else { 200 }, "the {at}th");
    }
    let commits = figure(&server, "unfile_commits").await - before.0;
    let requests = figure(&server, "unfile_committed_requests").await - before.1;
    assert!(requests >= 1_000, "{requests} requests");
    assert!(commits <= 20, "{commits} transactions for {requests} requests");
    let live = server.sql("select count(*) from node where kind = 'file' and state = 1").await;
    assert_eq!(live[0][0], 100);
}

#[tokio::test]
async fn an_upload_is_two_transactions_and_few_statements() {
    let (server, ann) = talkative().await;
    for (dialect, most) in [(Dialect::Sweeppea, 32), (Dialect::OnlyOffice, 32), (Dialect::Oracle, 40)] {
        // The first of an account may make more.
        upload(&server, &ann, dialect, "first.txt").await;
        let of_one = statements(&server, "insert into version", upload(&server, &ann, dialect, "second.txt")).await;
        let count = |beginning: &str| of_one.iter().filter(|line| line.starts_with(beginning)).count();
        // Sweeppea's calls are written down once a second, in a transaction of their own.
        assert!(count("commit") <= 2 + count("insert into call_count"), "{dialect:?}: {of_one:#?}");
        assert!(of_one.len() <= most, "{dialect:?}: {} statements: {of_one:#?}", of_one.len());
    }
}

/// One call that stores a file.
async fn upload(server: &Server, ann: &Account, dialect: Dialect, name: &str) -> Reply {
    let key = ann.key.as_str();
    let bearer = format!("Bearer {key}");
    let name = format!("{dialect:?}-{name}");
    let part = |name: &str, more: &str, text: &str| {
        format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{text}\r\n")
    };
    let file = |field: &str| {
        part(field, &format!("; filename=\"{name}\"\r\nContent-Type: text/plain"), "hello") + "--xx--\r\n"
    };
    let form = ("content-type", "multipart/form-data; boundary=xx");
    let mut reply = match dialect {
        Dialect::Sweeppea => {
            let body = json!({"Filename": name, "MimeType": "text/plain", "FileData": "aGVsbG8=", "Private": true});
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            server.send(Method::POST, "/files/upload", &headers, body.to_string()).await
        }
        Dialect::Oracle => {
            let body = part("jsonInputParameters", "", r#"{"parentID":"self"}"#) + &file("primaryFile");
            let headers = [("authorization", bearer.as_str()), form];
            server.send(Method::POST, "/documents/api/1.2/files/data", &headers, body).await
        }
        _ => {
            server.send(Method::POST, "/api/2.0/files/@my/upload", &[("authorization", key), form], file("file")).await
        }
    };
    assert!(matches!(reply.status, 200 | 201), "{dialect:?}: {}", reply.text());
    reply.status = 200;
    reply
}

#[tokio::test]
async fn an_id_of_a_large_call_takes_few_bytes_of_memory() {
    /// Bytes for each id, in all that a call needs: the request, what is read, what is decided, the answer.
    const EACH: u64 = 8 << 10;
    let server = Server::start_embedded_with(&[("UNFILE_PURGE_DELAY", "1h")]).await;
    let ann = server.account("ann").await;
    let (server, key) = (&server, ann.key.as_str());
    let calls = 3;
    let before = memory::peak_memory(server.pid());
    for _ in 0..calls {
        let ids: Vec<i64> = plant(server, ann.id, MANY).await.into_iter().map(|(id, _)| id).collect();
        assert_eq!(hexnode::delete(server, key, &json!(ids).to_string()).await.status, 200);
        let uids: Vec<String> = plant(server, ann.id, MANY).await.into_iter().map(|(_, uid)| uid).collect();
        let uids: Vec<&str> = uids.iter().map(String::as_str).collect();
        assert_eq!(vault::delete_files(server, key, &uids).await.status, 200);
    }
    // What one call has taken the next one takes again: that there were three does not show.
    let grown = memory::peak_memory(server.pid()).saturating_sub(before);
    assert!(grown <= MANY as u64 * EACH, "{} KiB for {MANY} ids", grown >> 10);

    // Nor does the number of files that are purged, here all of them at once.
    let before = memory::peak_memory(server.pid());
    server.advance(std::time::Duration::from_secs(7_200)).await;
    assert_eq!(server.sql("select count(*) from purge").await[0][0], 0);
    let grown = memory::peak_memory(server.pid()).saturating_sub(before);
    assert!(grown <= 48 << 20, "{} KiB for the purge", grown >> 10);
}

#[tokio::test]
async fn a_list_takes_memory_for_its_page_and_not_for_what_there_is() {
    /// Bytes for each row of a page: what is read, what is shown, the answer.
    const EACH: u64 = 8 << 10;
    /// What a call takes whatever it shows.
    const CALL: u64 = 3 << 20;
    let server = Server::start_embedded_with(&[("UNFILE_PURGE_DELAY", "1h")]).await;
    let ann = server.account("ann").await;
    let (server, key) = (&server, ann.key.as_str());
    let files: Vec<i64> = plant(server, ann.id, 6 * MANY).await.into_iter().map(|(id, _)| id).collect();
    for trashed in files[..2 * MANY].chunks(MANY) {
        let body = json!({"fileIds": trashed, "returnSingleOperation": true});
        assert_eq!(onlyoffice::put(server, key, "fileops/delete", body).await.status, 200);
    }
    let root = vault::root(server, key).await;
    // What all this took is not to hide what a list takes.
    server.stop().await;
    server.start_again().await;
    let onlyoffice = async |path: String| onlyoffice::get(server, key, &path).await;
    let vault = async |path: String| vault::call(server, Method::GET, &path, key).await;
    let hexnode = async |query: String| hexnode::get_list(server, key, &query).await;
    let sweeppea = async |body: String| sweeppea::post(server, key, "/files/fetch", body).await;
    let oracle = async |path: String| oracle::get(server, &path, key).await;
    // Each is asked for one row first, so that only the others count.
    for rows in [1, 100, 200, 1_000] {
        let lists: [(&str, &str, usize, BoxFuture<'_, Reply>); 9] = [
            ("hexnode", "/results", 100, hexnode(format!("?per_page={rows}")).boxed()),
            ("hexnode, far down", "/results", 100, hexnode(format!("?per_page={rows}&page=390")).boxed()),
            ("sweeppea", "/Data/Files", 200, sweeppea(format!(r#"{{"Limit":{rows}}}"#)).boxed()),
            ("vault, files", "/items", 1_000, vault(format!("files/my/0/{rows}")).boxed()),
            ("vault, a folder", "/items", 1_000, vault(format!("folder_content/{root}/0/{rows}")).boxed()),
            ("vault, the bin", "/items", 1_000, vault(format!("recycle_bin/0/{rows}")).boxed()),
            ("onlyoffice, a folder", "/response/files", 1_000, onlyoffice(format!("@my?count={rows}")).boxed()),
            ("onlyoffice, the trash", "/response/files", 1_000, onlyoffice(format!("@trash?count={rows}")).boxed()),
            ("oracle", "/items", 1_000, oracle(format!("folders/items?limit={rows}")).boxed()),
        ];
        for (list, member, _, asked) in lists.into_iter().filter(|(_, _, most, _)| rows <= *most) {
            let before = memory::peak_memory(server.pid());
            let reply = asked.await;
            let shown = reply.json().pointer(member).and_then(Value::as_array).map(Vec::len);
            assert_eq!((reply.status, shown), (200, Some(rows)), "{list}");
            let grown = memory::peak_memory(server.pid()).saturating_sub(before);
            assert!(rows == 1 || grown <= CALL + rows as u64 * EACH, "{list}: {} KiB for {rows} rows", grown >> 10);
        }
    }
}
