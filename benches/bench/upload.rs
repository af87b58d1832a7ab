//! `upload`: small files, each durable before its answer.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    Bench, baseline, calls,
    fsync::Fsync,
    load::{self, Connection, request},
    measure::{median, mib},
    report::{Goal, Row},
    server::{Account, Installation, Server},
};

const CONNECTIONS: usize = 16;
/// Bytes of a file.
const SIZE: usize = 4_096;

/// # Errors
/// Something could not be measured.
pub async fn run(bench: &mut Bench) -> Result<()> {
    let rounds = 3;
    for fsync in [Fsync::SLOW, Fsync::Disk] {
        let files = if bench.quick { 400 } else { 2_000 };
        let installation = Installation::embedded(bench, fsync).await?;
        let account = installation.account("bench").await?;
        let server = installation.start().await?;
        let reference = || {
            let folder = installation.folder().display().to_string();
            baseline::rate(&bench.shim, fsync, &["uploads", &folder, &files.to_string(), &CONNECTIONS.to_string()])
        };
        let mut references = vec![reference()?];
        let mut rows = Vec::new();
        for (what, by_slot) in [("in one call", false), ("by slot, PUT and verify", true)] {
            let (before, mut outcomes) = (server.usage()?, Vec::new());
            for _ in 0..rounds {
                outcomes.push(upload(&server, &account, files, by_slot).await?.all_good()?);
                references.push(reference()?);
            }
            let after = server.usage()?;
            let thousands = (files * rounds) as f64 / 1_000.0;
            outcomes.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
            let middle = &outcomes[rounds / 2];
            let case = format!("{SIZE} bytes {what}, {CONNECTIONS} connections, {}", fsync.name());
            let row = Row::new("upload", case, middle.rate(), "/s").details(middle.latencies.details());
            rows.push(row.detail("CPU per 1,000", (after.cpu - before.cpu).as_secs_f64() / thousands, "s").detail(
                "peak",
                mib(after.peak),
                "MiB",
            ));
        }
        server.stop().await?;
        let reference = median(references);
        for (at, row) in rows.into_iter().enumerate() {
            let mut row = row.against("/s of write, fsync, rename, fsync of the folder, SQLite commit", reference);
            if at == 0 && fsync == Fsync::SLOW {
                row = row.goal(Goal::RatioAtLeast(0.8));
            }
            bench.report.add(row);
        }
    }
    Ok(())
}

async fn upload(server: &Server, account: &Account, files: usize, by_slot: bool) -> Result<load::Outcome> {
    let key = account.key.as_str();
    let content = [7; SIZE];
    // A name is taken once.
    let run = rand::random::<u64>();
    load::run_clients(server.address, CONNECTIONS, files, async |connection, at| {
        let name = format!("{run:x}-{at}.bin");
        match by_slot {
            false => Ok(connection.ask(&calls::upload(key, &name, &content)).await?.status),
            true => upload_by_slot(connection, key, &name, &content).await,
        }
    })
    .await
}

/// Hexnode's way: announce, PUT, verify.
async fn upload_by_slot(connection: &mut Connection, key: &str, name: &str, content: &[u8]) -> Result<u16> {
    const BASE: &str = "/api/v1/filemanagement";
    let body = format!("{{\"file_name\":\"{name}\",\"content_type\":\"application/pdf\"}}");
    let path = format!("{BASE}/generate-presigned-upload-url");
    let slot = connection.ask(&request("POST", &path, key, "application/json", body.as_bytes())).await?;
    let slot: Value = serde_json::from_slice(slot.body)?;
    let (url, uuid) = (slot["presigned_url"].as_str().context("presigned_url")?, &slot["file_uuid"]);
    let url: axum::http::Uri = url.parse()?;
    let path = url.path_and_query().context("presigned_url")?.as_str();
    let host = url.authority().context("presigned_url")?.as_str();
    let mut put = format!(
        "PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/pdf\r\nContent-Length: {}\r\n\r\n",
        content.len()
    )
    .into_bytes();
    put.extend_from_slice(content);
    let answer = connection.ask(&put).await?;
    ensure!(answer.status == 200, "PUT: {} {}", answer.status, String::from_utf8_lossy(answer.body));
    let body = format!("{{\"file_uuid\":{uuid}}}");
    let verify = request("POST", &format!("{BASE}/verify-file-upload"), key, "application/json", body.as_bytes());
    Ok(connection.ask(&verify).await?.status)
}
