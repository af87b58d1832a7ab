//! Which bucket, where it is, and how it is reached: what the `AWS_*` variables say.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider},
    client::{HttpClient, HttpConnector, ReqwestConnector},
};
use reqwest::Url;

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long the store may be silent. A body has no end time as long as something of it moves.
const SILENT_AT_MOST: Duration = Duration::from_secs(60);
/// The same for a copy inside the store, which is silent until up to 5 GiB are copied.
const COPY_SILENT_AT_MOST: Duration = Duration::from_secs(600);
/// How often, and for how long, a call is repeated that may be.
const TRIES: usize = 3;
const TRY_AGAIN_WITHIN: Duration = Duration::from_secs(15);

/// A bucket, and the ways to reach it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(super) bucket: Arc<str>,
    /// Without `/` at its end.
    pub(super) bucket_url: Arc<str>,
    pub(super) region: Arc<str>,
    pub(super) credentials: AwsCredentialProvider,
    pub(super) client: HttpClient,
    /// For calls that do the same when they are repeated.
    pub(super) repeating: Arc<AmazonS3>,
    /// For calls that are made once: each may leave a version of an object behind, or do so later.
    pub(super) once: Arc<AmazonS3>,
    /// As `once`, for copies.
    pub(super) copying: Arc<AmazonS3>,
}

impl Place {
    /// Nothing is looked at yet.
    ///
    /// # Errors
    /// What the `AWS_*` variables say cannot be.
    pub(in crate::objects) fn new(
        bucket: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        let given = variables.into_iter().fold(AmazonS3Builder::new(), |given, (name, value)| {
            let key = name.starts_with("AWS_").then(|| name.to_ascii_lowercase().parse().ok()).flatten();
            match key {
                Some(key) => given.with_config(key, value),
                None => given,
            }
        });
        let given = given.with_bucket_name(bucket);
        let region = given.get_config_value(&AmazonS3ConfigKey::Region).unwrap_or_else(|| "us-east-1".to_owned());
        let virtual_host = given.get_config_value(&AmazonS3ConfigKey::VirtualHostedStyleRequest).unwrap_or_default();
        let virtual_host = match virtual_host.to_ascii_lowercase().as_str() {
            "true" => true,
            "false" | "" => false,
            _ => anyhow::bail!("AWS_VIRTUAL_HOSTED_STYLE_REQUEST: expected true or false, not {virtual_host}"),
        };
        let endpoint = given
            .get_config_value(&AmazonS3ConfigKey::S3Endpoint)
            .or_else(|| given.get_config_value(&AmazonS3ConfigKey::Endpoint))
            .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let bucket_url = bucket_url(&endpoint, bucket, virtual_host)?;
        // The library puts the bucket behind an endpoint with path style, and takes the other as it is.
        let endpoint = if virtual_host { bucket_url.clone() } else { endpoint.trim_end_matches('/').to_owned() };
        let options = |silent| {
            ClientOptions::new()
                .with_allow_http(endpoint.starts_with("http://"))
                .with_connect_timeout(CONNECT_WITHIN)
                .with_timeout_disabled()
                .with_read_timeout(silent)
                .with_pool_max_idle_per_host(64)
        };
        let connect = |silent| ReqwestConnector {}.connect(&options(silent)).map(Connected).context("AWS_ENDPOINT_URL");
        let (client, patient) = (connect(SILENT_AT_MOST)?, connect(COPY_SILENT_AT_MOST)?);
        let given = given
            .with_region(region.clone())
            .with_config(AmazonS3ConfigKey::S3Endpoint, endpoint.clone())
            .with_virtual_hosted_style_request(virtual_host);
        let store = |client: &Connected, silent, tries| {
            let store = given
                .clone()
                .with_client_options(options(silent))
                .with_http_connector(client.clone())
                .with_retry(RetryConfig {
                    backoff: BackoffConfig {
                        init_backoff: Duration::from_millis(100),
                        max_backoff: Duration::from_secs(2),
                        base: 2.0,
                    },
                    max_retries: tries,
                    retry_timeout: TRY_AGAIN_WITHIN,
                })
                .build();
            store.map(Arc::new).context("what the AWS_* variables say of the object store")
        };
        let repeating = store(&client, SILENT_AT_MOST, TRIES)?;
        Ok(Self {
            bucket: bucket.into(),
            bucket_url: bucket_url.into(),
            region: region.into(),
            credentials: Arc::clone(repeating.credentials()),
            repeating,
            once: store(&client, SILENT_AT_MOST, 0)?,
            copying: store(&patient, COPY_SILENT_AT_MOST, 0)?,
            client: client.0,
        })
    }
}

/// Where a bucket's own calls go: `http://host/bucket`, or `http://bucket.host` with the virtual-host style.
fn bucket_url(endpoint: &str, bucket: &str, virtual_host: bool) -> anyhow::Result<String> {
    let wrong = || format!("AWS_ENDPOINT_URL: expected http://HOST:PORT or https://HOST, not {endpoint}");
    let mut url = Url::parse(endpoint).with_context(wrong)?;
    let host = url.host_str().with_context(wrong)?;
    anyhow::ensure!(matches!(url.scheme(), "http" | "https") && url.query().is_none(), wrong());
    if virtual_host && !host.starts_with(&format!("{bucket}.")) {
        let host = format!("{bucket}.{host}");
        url.set_host(Some(&host)).with_context(wrong)?;
    }
    let url = url.as_str().trim_end_matches('/');
    Ok(if virtual_host { url.to_owned() } else { format!("{url}/{bucket}") })
}

/// One pool of connections for all calls.
#[derive(Debug, Clone)]
struct Connected(HttpClient);

impl HttpConnector for Connected {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_bucket_is() {
        let url = |endpoint, virtual_host| bucket_url(endpoint, "files", virtual_host).unwrap();
        assert_eq!(url("http://127.0.0.1:8333", false), "http://127.0.0.1:8333/files");
        assert_eq!(url("http://s3.example.com:8333/", true), "http://files.s3.example.com:8333");
        assert_eq!(url("https://files.s3.example.com", true), "https://files.s3.example.com");
        for wrong in ["127.0.0.1:8333", "ftp://host", "", "http://host?x"] {
            assert!(bucket_url(wrong, "files", false).is_err(), "{wrong}");
        }
    }
}
