//! Everything an operator can set: flags before environment before file, validated once.
//!
//! The flags are the source: [`file::merge`] turns a file's entries into arguments that stand before the user's own,
//! so that clap reads, defaults and checks all three in one pass and a setting is written down in one place.

mod at;
pub mod file;
mod units;

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use axum::http::Uri;
use clap::builder::{OsStringValueParser, TypedValueParser};

pub use self::at::DatabaseAt;
pub(crate) use self::at::{parse_database, parse_objects};
pub(crate) use self::units::{parse_bytes, parse_duration, parse_listen, parse_time};
use self::{file::Dialects, units::parse_presign_ttl};
use crate::engine::{ObjectsAt, model::Rules};

/// Where an installation lies: what every command needs to know.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// TOML file with any of these settings, named as the flags are
    // Taken as it is, since an empty variable counts as unset; `file::merge` has read it by then.
    #[arg(long, env = "UNFILE_CONFIG", value_name = "FILE", value_parser = OsStringValueParser::new().map(PathBuf::from), global = true)]
    pub config: Option<PathBuf>,
    /// Data directory, made if it is not there
    #[arg(long, env = "UNFILE_DATA", value_name = "DIR", default_value = "./unfile-data", global = true)]
    pub data: PathBuf,
    /// Database, sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME [default: sqlite:DATA/unfile.db]
    #[arg(long, env = "UNFILE_DATABASE", value_name = "URL", value_parser = parse_database, global = true)]
    database: Option<DatabaseAt>,
    /// Object storage, file:PATH or s3://BUCKET/PREFIX [default: file:DATA/objects]
    #[arg(long, env = "UNFILE_OBJECTS", value_name = "URL", value_parser = parse_objects, global = true)]
    objects: Option<ObjectsAt>,
    /// Quota of a new account, as 5000MiB or in bytes; 0 = none
    #[arg(long, env = "UNFILE_DEFAULT_QUOTA", value_name = "SIZE", value_parser = parse_bytes, default_value = "5000MiB", global = true)]
    default_quota: u64,
}

impl Place {
    pub fn database(&self) -> DatabaseAt {
        self.database.clone().unwrap_or_else(|| DatabaseAt::File(self.data.join("unfile.db")))
    }

    pub fn objects(&self) -> ObjectsAt {
        self.objects.clone().unwrap_or_else(|| ObjectsAt::Folder(self.data.join("objects")))
    }

    /// The rules for a command, which runs no jobs and opens no uploads: of all the rules only the quota of a new
    /// account concerns it.
    pub fn rules(&self) -> Rules {
        Rules {
            default_quota: self.default_quota,
            purge_delay: Duration::ZERO,
            purge_rate: 0,
            overdue_after: Duration::ZERO,
            audit_keep: Duration::from_secs(400 * 86_400),
            trash_keep: Duration::ZERO,
            vault_bin: None,
            edit_life: Duration::ZERO,
            applink_access_life: Duration::ZERO,
            applink_refresh_life: Duration::ZERO,
        }
    }
}

/// The flags of `unfile serve`.
#[derive(Debug, Clone, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    place: Place,
    /// Address and port to answer on
    #[arg(long, env = "UNFILE_LISTEN", value_name = "ADDR", value_parser = parse_listen, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How clients reach this server [default: http://LISTEN]
    #[arg(long, env = "UNFILE_PUBLIC_URL", value_name = "URL", value_parser = parse_origin)]
    public_url: Option<String>,
    /// Certificate chain, PEM; with --tls-key the server answers HTTPS
    #[arg(long, env = "UNFILE_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, env = "UNFILE_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Life of a presigned upload URL, 1s to 7d
    #[arg(long, env = "UNFILE_PRESIGN_TTL", value_name = "TIME", value_parser = parse_presign_ttl, default_value = "180m")]
    presign_ttl: Duration,
    /// Hexnode calls a minute for each key; 0 = no limit
    #[arg(long, env = "UNFILE_HEXNODE_RATE", value_name = "CALLS", default_value = "0")]
    hexnode_rate: u32,
    /// Sweeppea calls a minute for each account; 0 = no limit
    #[arg(long, env = "UNFILE_SWEEPPEA_RATE", value_name = "CALLS", default_value = "150")]
    sweeppea_rate: u32,
    /// Pause between a delete and the purge of its bytes
    #[arg(long, env = "UNFILE_PURGE_DELAY", value_name = "TIME", value_parser = parse_duration, default_value = "0s")]
    purge_delay: Duration,
    /// Objects a second that this server removes at the most; 0 = as the store allows
    #[arg(long, env = "UNFILE_PURGE_RATE", value_name = "KEYS", default_value = "0")]
    purge_rate: u32,
    /// Age at which an entry of the purge queue counts as overdue
    #[arg(long, env = "UNFILE_OVERDUE_AFTER", value_name = "TIME", value_parser = parse_duration, default_value = "24h")]
    overdue_after: Duration,
    /// How long audit rows are kept
    #[arg(long, env = "UNFILE_AUDIT_KEEP", value_name = "TIME", value_parser = parse_duration, default_value = "400d")]
    audit_keep: Duration,
    /// How long a deleted file or folder stays in the trash
    #[arg(long, env = "UNFILE_TRASH_KEEP", value_name = "TIME", value_parser = parse_duration, default_value = "30d")]
    trash_keep: Duration,
    /// Days that what is deleted through Vault stays in the bin; 0 = no bin, its bytes go at once
    #[arg(long, env = "UNFILE_VAULT_BIN_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(..=36_500), default_value = "0")]
    vault_bin_days: u32,
    /// An edit session without a call for so long has ended
    #[arg(long, env = "UNFILE_EDIT_TTL", value_name = "TIME", value_parser = parse_duration, default_value = "10m")]
    edit_ttl: Duration,
    /// Life of an applink's access token
    #[arg(long, env = "UNFILE_APPLINK_TTL", value_name = "TIME", value_parser = parse_duration, default_value = "15m")]
    applink_ttl: Duration,
    /// Life of an applink's refresh token
    #[arg(long, env = "UNFILE_APPLINK_REFRESH_TTL", value_name = "TIME", value_parser = parse_duration, default_value = "24h")]
    applink_refresh_ttl: Duration,
    /// Open connections at most, on each listener
    #[arg(long, env = "UNFILE_MAX_CONNECTIONS", value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..), default_value = "4096")]
    max_connections: u32,
}

/// The whole configuration of a server, validated.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub data: PathBuf,
    pub database: DatabaseAt,
    pub objects: ObjectsAt,
    /// Without a final `/`. Empty until [`Config::bound`] if the operator gave none.
    pub public_url: String,
    pub tls: Option<Tls>,
    pub presign_ttl: Duration,
    /// Calls a minute, 0 = no limit.
    pub hexnode_rate: u32,
    pub sweeppea_rate: u32,
    /// Bytes, 0 = none.
    pub default_quota: u64,
    pub purge_delay: Duration,
    /// Keys a second, 0 = as the store allows.
    pub purge_rate: u32,
    pub overdue_after: Duration,
    pub audit_keep: Duration,
    pub trash_keep: Duration,
    pub vault_bin_days: u32,
    pub edit_ttl: Duration,
    pub applink_ttl: Duration,
    pub applink_refresh_ttl: Duration,
    /// On each listener, at least 1.
    pub max_connections: u32,
    pub dialects: Dialects,
    /// For the first start: the key of the account `admin`, instead of a random one.
    pub admin_key: Option<Secret>,
    /// For the first start: its password.
    pub admin_password: Option<Secret>,
}

/// Files in PEM form.
#[derive(Debug, Clone)]
pub struct Tls {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Config {
    /// Checks what clap could not check one by one.
    ///
    /// # Errors
    /// One line that names the setting.
    pub fn new(args: ServeArgs, dialects: Dialects) -> Result<Self> {
        let tls = match (args.tls_cert, args.tls_key) {
            (Some(cert), Some(key)) => {
                readable("tls-cert", &cert)?;
                readable("tls-key", &key)?;
                Some(Tls { cert, key })
            }
            (None, None) => None,
            (Some(_), None) => bail!("tls-cert is set and tls-key is not: they belong together"),
            (None, Some(_)) => bail!("tls-key is set and tls-cert is not: they belong together"),
        };
        Ok(Config {
            listen: args.listen,
            database: args.place.database(),
            objects: args.place.objects(),
            data: args.place.data,
            public_url: args.public_url.unwrap_or_default(),
            tls,
            presign_ttl: args.presign_ttl,
            hexnode_rate: args.hexnode_rate,
            sweeppea_rate: args.sweeppea_rate,
            default_quota: args.place.default_quota,
            purge_delay: args.purge_delay,
            purge_rate: args.purge_rate,
            overdue_after: args.overdue_after,
            audit_keep: args.audit_keep,
            trash_keep: args.trash_keep,
            vault_bin_days: args.vault_bin_days,
            edit_ttl: args.edit_ttl,
            applink_ttl: args.applink_ttl,
            applink_refresh_ttl: args.applink_refresh_ttl,
            max_connections: args.max_connections,
            dialects,
            admin_key: admin_key()?,
            admin_password: admin_password()?,
        })
    }

    pub fn rules(&self) -> Rules {
        Rules {
            default_quota: self.default_quota,
            purge_delay: self.purge_delay,
            purge_rate: self.purge_rate,
            overdue_after: self.overdue_after,
            audit_keep: self.audit_keep,
            trash_keep: self.trash_keep,
            vault_bin: (self.vault_bin_days > 0).then(|| Duration::from_secs(u64::from(self.vault_bin_days) * 86_400)),
            edit_life: self.edit_ttl,
            applink_access_life: self.applink_ttl,
            applink_refresh_life: self.applink_refresh_ttl,
        }
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    /// The configuration once the address is known (port 0 asks the system for one): fills in the public URL.
    #[must_use]
    pub fn bound(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        if self.public_url.is_empty() {
            self.public_url = format!("{}://{address}", self.scheme());
        }
        self
    }
}

/// A secret from the environment. It never shows itself.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Secrets come by environment alone: a command line is open to every user of the machine.
fn secret(name: &str) -> Result<Option<Secret>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(Secret(value))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => bail!("{name}: is not UTF-8"),
    }
}

fn admin_key() -> Result<Option<Secret>> {
    let key = secret("UNFILE_ADMIN_KEY")?;
    if let Some(key) = &key {
        let fits = key.0.len() == 30 && key.0.bytes().all(|byte| byte.is_ascii_alphanumeric());
        ensure!(fits, "UNFILE_ADMIN_KEY: must be 30 characters A-Z, a-z, 0-9");
    }
    Ok(key)
}

/// The credentials file has one line for each value, so line breaks and their kin stay out.
fn admin_password() -> Result<Option<Secret>> {
    let password = secret("UNFILE_ADMIN_PASSWORD")?;
    if let Some(password) = &password {
        let fits = !password.0.is_empty() && !password.0.contains(char::is_control);
        ensure!(fits, "UNFILE_ADMIN_PASSWORD: must not be empty or hold control characters");
    }
    Ok(password)
}

fn readable(setting: &str, path: &Path) -> Result<()> {
    std::fs::File::open(path).with_context(|| format!("{setting}: {}", path.display()))?;
    Ok(())
}

/// A scheme and a host, with or without a port. A final `/` is dropped.
pub(crate) fn parse_origin(raw: &str) -> std::result::Result<String, String> {
    let wrong = || "expected http://HOST or https://HOST, without a path".to_owned();
    let uri: Uri = raw.parse().map_err(|_| wrong())?;
    let good_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    let plain_path = uri.path() == "/" && uri.query().is_none() && !raw.contains('#');
    let no_user = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    match good_scheme && plain_path && no_user {
        true => Ok(raw.trim_end_matches('/').to_owned()),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(parse_origin("https://files.example/"), Ok("https://files.example".to_owned()));
        assert_eq!(parse_origin("http://[::1]:8080"), Ok("http://[::1]:8080".to_owned()));
        for wrong in ["files.example", "ftp://x", "https://x/y", "https://x/?y", "https://u@x", "", "https://"] {
            assert!(parse_origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret("sesame".to_owned())), "***");
    }
}
