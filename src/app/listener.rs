//! Addresses to answer on: the server's own, and one for each dialect that has its own.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use axum_server::{
    Handle, Server,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::rt::TokioTimer;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::task::JoinSet;

use super::bound::{Door, Welcome, raise_open_files};
use crate::{
    config::{Config, Tls, file::DialectTable},
    http::{App, Part, router},
};

/// From the first byte, or from the answer before, to the end of a request's head.
const HEADER_READ: Duration = Duration::from_secs(30);

/// Connections that wait in the system's queue to be taken.
const QUEUED: i32 = 4_096;

/// An address that is bound, and what it answers to.
pub(crate) struct Listener {
    socket: TcpListener,
    part: Part,
    /// How clients reach it.
    public_url: String,
    tls: Option<RustlsConfig>,
}

/// Binds every address. The configuration comes back with the addresses as they turned out.
pub(crate) async fn bind(config: Config) -> Result<(Config, Vec<Listener>)> {
    let tls = match &config.tls {
        Some(files) => Some(read_tls(files).await?),
        None => None,
    };
    let socket = bind_one("listen", config.listen)?;
    let config = config.bound(socket.local_addr()?);
    let mut main = Part::new(config.listen.ip().is_loopback());
    let mut listeners = Vec::new();
    let tables = &config.dialects;
    let named = [
        ("hexnode", &tables.hexnode),
        ("vault", &tables.vault),
        ("sweeppea", &tables.sweeppea),
        ("oracle", &tables.oracle),
        ("onlyoffice", &tables.onlyoffice),
    ];
    for (name, table) in named {
        match table {
            DialectTable { enabled: false, .. } => {}
            DialectTable { listen: None, .. } => main.add(name),
            DialectTable { listen: Some(address), public_url, .. } => {
                let socket = bind_one(&format!("{name}.listen"), *address)?;
                let address = socket.local_addr()?;
                let mut part = Part::new(address.ip().is_loopback());
                part.add(name);
                listeners.push(Listener {
                    socket,
                    part,
                    public_url: public_url.clone().unwrap_or_else(|| format!("{}://{address}", config.scheme())),
                    tls: tls.clone(),
                });
                tracing::info!(dialect = name, %address, "a listener of its own");
            }
        }
    }
    listeners.push(Listener { socket, part: main, public_url: config.public_url.clone(), tls });
    Ok((config, listeners))
}

fn bind_one(setting: &str, address: SocketAddr) -> Result<TcpListener> {
    let socket = TcpListener::bind(address).with_context(|| format!("{setting}: {address}"))?;
    socket.set_nonblocking(true)?;
    // The library's own queue is short. The system cuts this down to what it allows.
    rustix::net::listen(&socket, QUEUED)?;
    Ok(socket)
}

async fn read_tls(files: &Tls) -> Result<RustlsConfig> {
    let of_cert = || format!("tls-cert: {}", files.cert.display());
    let of_key = || format!("tls-key: {}", files.key.display());
    let certs = tokio::fs::read(&files.cert).await.with_context(of_cert)?;
    let certs = certificates(&certs).with_context(of_cert)?;
    let key = tokio::fs::read(&files.key).await.with_context(of_key)?;
    let key = private_key(&key).with_context(of_key)?;
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(certs, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                anyhow!("{}: is not the key of the certificate {}", of_key(), files.cert.display())
            }
            other => anyhow!("{}: {other}", of_cert()),
        })?;
    // The listeners speak HTTP/1.1 and nothing else; offered HTTP/2, clients would take it.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certs: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow!("is not PEM: {error}"))?;
    match (certs.is_empty(), PrivateKeyDer::from_pem_slice(pem)) {
        (false, _) => Ok(certs),
        (true, Ok(_)) => Err(anyhow!("holds a private key and no certificate")),
        (true, Err(_)) => Err(anyhow!("holds no certificate in PEM form")),
    }
}

/// A key that signs: one that is damaged is found here, before it is blamed on the certificate.
fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>> {
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => match ring::sign::any_supported_type(&key) {
            Ok(_) => Ok(key),
            Err(_) => Err(anyhow!("holds a private key that is damaged or of an unknown kind")),
        },
        Err(_) if CertificateDer::from_pem_slice(pem).is_ok() => Err(anyhow!("holds a certificate and no private key")),
        Err(_) => Err(anyhow!("holds no private key in PEM form")),
    }
}

/// The listeners at work.
pub(crate) struct Running {
    servers: JoinSet<io::Result<()>>,
    handles: Vec<Handle<SocketAddr>>,
}

/// Starts to answer on every listener.
pub(crate) fn run(app: &App, listeners: Vec<Listener>) -> Result<Running> {
    let mut running = Running { servers: JoinSet::new(), handles: Vec::new() };
    let connections = connections(app.config.max_connections as usize, listeners.len());
    for listener in listeners {
        let mut config = Config::clone(&app.config);
        config.public_url = listener.public_url;
        let service = Door::new(router(&app.with_config(config), &listener.part), connections);
        let handle = Handle::new();
        running.handles.push(handle.clone());
        let server = axum_server::from_tcp(listener.socket)?.handle(handle);
        match listener.tls {
            None => {
                let server = bounded(server.acceptor(Welcome));
                running.servers.spawn(async move { server.serve(service).await });
            }
            Some(tls) => {
                let server = bounded(server.acceptor(RustlsAcceptor::new(tls).acceptor(Welcome)));
                running.servers.spawn(async move { server.serve(service).await });
            }
        }
    }
    Ok(running)
}

/// How many connections each listener serves: as many as were set, or as files may be open.
fn connections(set: usize, listeners: usize) -> usize {
    let possible = raise_open_files(listeners);
    if possible < set {
        tracing::warn!(set, possible, "max-connections: the limit of open files allows fewer");
    }
    set.min(possible)
}

fn bounded<A>(server: Server<SocketAddr, A>) -> Server<SocketAddr, A> {
    let mut server = server.http1_only();
    let mut http = server.http_builder().http1();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_READ);
    server
}

impl Running {
    /// Waits for a listener that ends although nobody asked it to.
    pub(crate) async fn ended(&mut self) -> Result<()> {
        match self.servers.join_next().await {
            Some(Ok(Err(error))) => Err(error).context("a listener ended"),
            Some(Ok(Ok(()))) | None => Err(anyhow!("a listener ended")),
            Some(Err(error)) => Err(error).context("a listener ended"),
        }
    }

    /// Takes no more connections and lets running requests end, for at most the given time.
    pub(crate) fn drain(&self, at_most: Duration) {
        for handle in &self.handles {
            handle.graceful_shutdown(Some(at_most));
        }
    }

    /// Waits until all have ended.
    pub(crate) async fn wait(&mut self) {
        while self.servers.join_next().await.is_some() {}
    }

    /// Ends running requests now.
    pub(crate) fn cut(&self) {
        for handle in &self.handles {
            handle.shutdown();
        }
    }
}
