//! Many clients at a time. The client shares the cores with the server, so it does as little as it can: requests are
//! bytes, of an answer only status and length are read, and all connections live on one thread.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::measure::Latencies;

/// An answer: its status, and its body's bytes.
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

/// A connection that is kept open.
pub struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self { address, stream: connect(address).await?, read: Vec::with_capacity(4096) })
    }

    /// Sends a request and waits for the end of its answer.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.read.clear();
        let (head, length) = loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the server has closed the connection");
            }
            if let Some(found) = head_of(&self.read)? {
                break found;
            }
        };
        while self.read.len() < head + length {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the server has closed the connection");
            }
        }
        let status = std::str::from_utf8(&self.read[9..12])?.parse()?;
        if closes(&self.read[..head]) {
            self.stream = connect(self.address).await?;
        }
        Ok(Answer { status, body: &self.read[head..head + length] })
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Where the head ends and how many bytes follow, once the head is there.
fn head_of(read: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let length = header(&read[..end], "content-length").context("an answer without a length")?.parse()?;
    Ok(Some((end + 4, length)))
}

fn closes(head: &[u8]) -> bool {
    header(head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    text.split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then(|| value.trim()))
}

/// A request with a body, as it goes over the wire.
pub fn request(method: &str, path: &str, key: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(200 + body.len());
    let content = match content_type {
        "" => String::new(),
        content_type => format!("Content-Type: {content_type}\r\n"),
    };
    bytes.extend_from_slice(
        format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: {key}\r\n{content}Content-Length: {}\r\n\r\n",
            body.len()
        )
        .as_bytes(),
    );
    bytes.extend_from_slice(body);
    bytes
}

/// What became of many requests.
#[derive(Debug)]
pub struct Outcome {
    pub took: Duration,
    pub latencies: Latencies,
    /// Answers by status; 0: none came.
    pub statuses: BTreeMap<u16, usize>,
}

impl Outcome {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.statuses.values().sum::<usize>() as f64 / self.took.as_secs_f64()
    }

    /// # Errors
    /// Some request was not answered with success.
    pub fn all_good(self) -> Result<Self> {
        match self.statuses.keys().all(|status| (200..300).contains(status)) {
            true => Ok(self),
            false => bail!("answers by status: {:?}", self.statuses),
        }
    }
}

/// What is sent, and when.
pub struct Plan<F> {
    pub connections: usize,
    pub requests: usize,
    /// Each connection sends its next request so long after its last one, or as soon as that is answered if this is later;
    /// it waits for its answer from the moment on when it should have been sent.
    pub pause: Duration,
    /// The bytes of a request by its number; `None`: no more.
    pub make: F,
}

/// Sends so many requests over so many connections: each sends the next one as soon as its last one is answered.
/// `make` gives the bytes of a request by its number.
///
/// # Errors
/// Nobody listens.
pub async fn run(
    address: SocketAddr,
    connections: usize,
    requests: usize,
    make: impl Fn(usize) -> Vec<u8>,
) -> Result<Outcome> {
    let make = |at| Some(make(at));
    run_plan(address, Plan { connections, requests, pause: Duration::ZERO, make }).await
}

/// Sends what the plan says.
///
/// # Errors
/// Nobody listens.
pub async fn run_plan(address: SocketAddr, plan: Plan<impl Fn(usize) -> Option<Vec<u8>>>) -> Result<Outcome> {
    let mut open = Vec::new();
    for at in 0..plan.connections.min(plan.requests) {
        open.push((at, Connection::open(address).await?));
    }
    let (plan, next) = (&plan, Cell::new(0));
    let micros = RefCell::new(Vec::new());
    let statuses = RefCell::new(BTreeMap::new());
    let start = Instant::now();
    try_join_all(open.into_iter().map(async |(number, mut connection)| {
        // Connections that pause do not all send at the same moment.
        let mut due = start + plan.pause.mul_f64(number as f64 / plan.connections as f64);
        while next.get() < plan.requests {
            let Some(request) = (plan.make)(next.replace(next.get() + 1)) else { break };
            let sent = if plan.pause.is_zero() {
                Instant::now()
            } else {
                let sent = due;
                tokio::time::sleep_until(sent.into()).await;
                due += plan.pause;
                sent
            };
            let status = match connection.ask(&request).await {
                Ok(answer) => answer.status,
                Err(_) => {
                    connection = Connection::open(address).await?;
                    0
                }
            };
            micros.borrow_mut().push(sent.elapsed().as_micros() as u32);
            *statuses.borrow_mut().entry(status).or_insert(0) += 1;
        }
        Ok::<(), anyhow::Error>(())
    }))
    .await?;
    let took = start.elapsed();
    Ok(Outcome { took, latencies: Latencies::new(micros.into_inner()), statuses: statuses.into_inner() })
}

/// Has so many clients at a time do something of several requests, so often in all; each with its own connection. What
/// is counted is the time of the whole, and the status that it comes to.
///
/// # Errors
/// Nobody listens, or those of the work.
pub async fn run_clients(
    address: SocketAddr,
    clients: usize,
    times: usize,
    work: impl AsyncFn(&mut Connection, usize) -> Result<u16>,
) -> Result<Outcome> {
    let (work, next) = (&work, Cell::new(0));
    let micros = RefCell::new(Vec::with_capacity(times));
    let statuses = RefCell::new(BTreeMap::new());
    let start = Instant::now();
    try_join_all((0..clients.min(times)).map(async |_| {
        let mut connection = Connection::open(address).await?;
        while next.get() < times {
            let at = next.replace(next.get() + 1);
            let begun = Instant::now();
            let status = work(&mut connection, at).await?;
            micros.borrow_mut().push(begun.elapsed().as_micros() as u32);
            *statuses.borrow_mut().entry(status).or_insert(0) += 1;
        }
        Ok::<(), anyhow::Error>(())
    }))
    .await?;
    let took = start.elapsed();
    Ok(Outcome { took, latencies: Latencies::new(micros.into_inner()), statuses: statuses.into_inner() })
}
