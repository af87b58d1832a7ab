//! More clients than there is room for: each is answered, in its dialect's words if it is refused, and what was
//! answered is true.

use std::cell::Cell;

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
};

use crate::{
    counts::plant,
    dialects::{ALL, Dialect},
    group_commit::figure,
    hexnode,
    support::{Server, promises, wait_until},
};

/// What a dialect says when the server is busy: the status, and a part of the body.
fn busy(dialect: Dialect) -> (u16, &'static str) {
    match dialect {
        Dialect::Hexnode => (503, r#"{"detail":"Service temporarily unavailable, try again later."}"#),
        Dialect::Vault => (
            500,
            r#"{"message":"Server is temporarily unavailable","ui_message_key":"API_SERVER_UNAVAILABLE","status_code":"InternalServerError"}"#,
        ),
        Dialect::Sweeppea => (500, r#""Message":"Internal Server Error""#),
        Dialect::Oracle => (503, r#""errorCode":"-32""#),
        Dialect::OnlyOffice => (503, r#""message":"Service temporarily unavailable""#),
    }
}

/// A request of each dialect, as it goes over the wire.
fn request(dialect: Dialect) -> String {
    let (line, body) = match dialect {
        Dialect::Hexnode => ("POST /api/v1/filemanagement/delete-files/", r#"{"file_ids":[7]}"#),
        Dialect::Vault => ("DELETE /vault_rest/files", r#"["05a89617d2e44c409654f516eab085a5"]"#),
        Dialect::Sweeppea => ("POST /files/delete", r#"{"FileToken":"05a89617-d2e4-4c40-9654-f516eab085a5"}"#),
        Dialect::Oracle => ("DELETE /documents/api/1.2/files/D05A89617D2E44C409654F516EAB085A500000000000", ""),
        Dialect::OnlyOffice => ("PUT /api/2.0/files/fileops/delete", r#"{"fileIds":[7]}"#),
    };
    with_body(line, "", body)
}

fn with_body(line: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{line} HTTP/1.1\r\nhost: x\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(("127.0.0.1", server.port())).await.unwrap()
}

/// What a connection says until the server closes it.
async fn all_that_is_said(connection: &mut TcpStream, request: &str) -> String {
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    connection.read_to_end(&mut said).await.unwrap();
    String::from_utf8(said).unwrap()
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

/// Takes a place among the connections that are served, and keeps it.
async fn served(server: &Server) -> TcpStream {
    let mut connection = connect(server).await;
    connection.write_all(HEALTH.as_bytes()).await.unwrap();
    let mut answer = [0; 512];
    let length = connection.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("connection: close"), "{answer}");
    connection
}

#[tokio::test]
async fn one_connection_too_many_is_told_that_the_server_is_busy() {
    let server = Server::start_with(&[("UNFILE_MAX_CONNECTIONS", "2")]).await;
    let mut open = vec![served(&server).await, served(&server).await];
    for dialect in ALL {
        let (status, body) = busy(dialect);
        let said = all_that_is_said(&mut connect(&server).await, &request(dialect)).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{dialect:?}: {said}");
        assert!(said.contains("retry-after: 1\r\n") && said.contains("x-request-id: "), "{dialect:?}: {said}");
        assert!(said.contains("connection: close\r\n") && said.contains(body), "{dialect:?}: {said}");
    }
    let put = with_body("PUT /s3/hexnode/x", "", "");
    let said = all_that_is_said(&mut connect(&server).await, &put).await;
    assert!(said.starts_with("HTTP/1.1 503 ") && said.contains("<Code>SlowDown</Code>"), "{said}");
    let said = all_that_is_said(&mut connect(&server).await, HEALTH).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "who watches over the server is answered: {said}");

    // A place is given back.
    open.pop();
    wait_until("a place is free", || async {
        let request = HEALTH.replace("\r\n\r\n", "\r\nconnection: keep-alive\r\n\r\n");
        let mut connection = connect(&server).await;
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 512];
        let length = connection.read(&mut answer).await.unwrap();
        !String::from_utf8_lossy(&answer[..length]).contains("connection: close")
    })
    .await;
}

#[tokio::test]
async fn beyond_those_who_are_told_a_connection_waits_for_its_place() {
    let server = Server::start_with(&[("UNFILE_MAX_CONNECTIONS", "2")]).await;
    let _open = [served(&server).await, served(&server).await];
    // One place is there for telling, and somebody silent has it.
    let silent = connect(&server).await;
    let mut waiting = connect(&server).await;
    waiting.write_all(HEALTH.as_bytes()).await.unwrap();
    drop(silent);
    let mut said = String::new();
    waiting.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
}

#[tokio::test]
async fn a_full_queue_is_told_in_each_dialects_words() {
    let server = Server::start_with(&[("UNFILE_TEST_QUEUE", "4")]).await;
    let ann = server.account("ann").await;
    let mut of_dialects = Vec::new();
    for dialect in ALL {
        of_dialects.push((dialect, Dialect::Hexnode.upload(&server, &ann.key, &format!("{dialect:?}"), b"x").await));
    }
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(hexnode::upload(&server, &ann.key, &format!("{number}"), b"x").await);
    }
    let mut held = server.installation().connect(false).await;
    held.take_turn().await;
    // They come one at a time: before the writer takes its batch, and while it does, a crowd could be refused, and what
    // had waited be taken all the same.
    let (turns, refused) = (Semaphore::new(0), Cell::new(false));
    let deletes = join_all(ids.iter().map(|id| {
        let (server, key, turns, refused) = (&server, &ann.key, &turns, &refused);
        async move {
            turns.acquire().await.unwrap().forget();
            let status = hexnode::delete(server, key, &format!("[{id}]")).await.status;
            refused.set(refused.get() || status == 503);
            status
        }
    }));
    let meanwhile = async {
        let times_full = Cell::new(0);
        wait_until("the queue is full and stays so", || async {
            if figure(&server, "unfile_waiting_requests").await == 4 {
                times_full.set(times_full.get() + 1);
            } else {
                times_full.set(0);
                turns.add_permits(1);
            }
            times_full.get() == 10
        })
        .await;
        turns.add_permits(ids.len());
        for (dialect, file) in &of_dialects {
            let reply = dialect.delete(&server, &ann.key, &dialect.ids(file)[0]).await;
            let (status, body) = busy(*dialect);
            assert_eq!((reply.status, reply.header("retry-after")), (status, "1"), "{dialect:?}: {}", reply.text());
            assert!(reply.text().contains(body), "{dialect:?}: {}", reply.text());
        }
        wait_until("one of the others is refused", || async { refused.get() }).await;
        held.rows("rollback").await;
    };
    let (statuses, ()) = tokio::join!(deletes, meanwhile);
    let listed = hexnode::listed(&server, &ann.key).await;
    for (id, status) in ids.iter().zip(&statuses) {
        assert!(matches!(status, 200 | 503), "{status}");
        assert_eq!(listed.contains(id), *status == 503, "{id} was answered with {status}");
    }
    let done = statuses.iter().filter(|status| **status == 200).count();
    assert!((5..ids.len()).contains(&done), "one was under way, four waited, others were refused: {statuses:?}");
    // Nothing has happened to those who were told to come again.
    for (dialect, file) in &of_dialects {
        assert!(listed.contains(&file.id), "{dialect:?}");
        let reply = dialect.delete(&server, &ann.key, &dialect.ids(file)[0]).await;
        assert_eq!(reply.status, 200, "{dialect:?}: {}", reply.text());
    }
    held.close().await;
    server.run_jobs().await;
    promises::assert_kept(server.installation()).await;
}

#[tokio::test]
async fn of_more_clients_than_connections_each_is_answered_and_every_answer_is_true() {
    let server = Server::start_embedded_with(&[("UNFILE_MAX_CONNECTIONS", "32"), ("UNFILE_PURGE_DELAY", "1h")]).await;
    let ann = server.account("ann").await;
    let ids = plant(&server, ann.id, 400).await;
    let answers = join_all(ids.iter().map(|(id, _)| {
        let (server, key) = (&server, &ann.key);
        async move {
            let headers = format!("authorization: {key}\r\nconnection: close\r\n");
            let body = format!(r#"{{"file_ids":[{id}]}}"#);
            let request = with_body("POST /api/v1/filemanagement/delete-files/", &headers, &body);
            all_that_is_said(&mut connect(server).await, &request).await
        }
    }))
    .await;
    let rows = server.sql("select id from node where state = 1 and kind = 'file'").await;
    let live: Vec<i64> = rows.iter().map(|row| row[0].as_i64().unwrap()).collect();
    let mut done = 0;
    for ((id, _), answer) in ids.iter().zip(&answers) {
        let refused = answer.starts_with("HTTP/1.1 503 ");
        assert!(refused || answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(live.contains(id), refused, "{id}: {answer}");
        done += usize::from(!refused);
    }
    assert!(done >= 32, "{done} were served");
}
