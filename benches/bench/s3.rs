//! Raw DeleteObjects: the reference for purging in a bucket. Signed by `object_store`, sent by its connections.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};
use object_store::{
    ClientOptions,
    aws::AwsAuthorizer,
    client::{HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector},
    signer::{HeaderValue, Method},
};

use crate::support::weed::Bucket;

/// Keys in one call.
const KEYS: usize = 1_000;

/// Deletes these keys, so many calls at a time; gives the keys a second.
///
/// # Errors
/// The store refused one.
pub async fn delete_all(bucket: &Bucket, keys: &[String], at_once: usize) -> Result<f64> {
    let store = bucket.store();
    let client = ReqwestConnector::default().connect(&ClientOptions::new().with_allow_http(true))?;
    let calls: Vec<String> = keys.chunks(KEYS).map(|keys| body(bucket, keys)).collect();
    let start = Instant::now();
    stream::iter(calls)
        .map(Ok::<_, anyhow::Error>)
        .try_for_each_concurrent(at_once, async |body| {
            let expected = body.matches("<Key>").count();
            let digest = HeaderValue::from_str(&BASE64_STANDARD.encode(Md5::digest(&body)))?;
            let mut request = HttpRequest::new(HttpRequestBody::from(body));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = format!("{}/{}?delete=", bucket.endpoint, bucket.name).parse()?;
            request.headers_mut().insert("content-md5", digest);
            request.headers_mut().insert("content-type", HeaderValue::from_static("application/xml"));
            let credential = store.credentials().get_credential().await?;
            AwsAuthorizer::new(&credential, "s3", "us-east-1").try_authorize(&mut request, None)?;
            let answer = client.execute(request).await?;
            let (parts, body) = answer.into_parts();
            let text = String::from_utf8(body.bytes().await?.to_vec())?;
            ensure!(parts.status.is_success(), "DeleteObjects: {} {text}", parts.status);
            let deleted = text.matches("<Deleted>").count();
            ensure!(deleted == expected, "DeleteObjects: {deleted} of {expected} were deleted");
            Ok(())
        })
        .await
        .context("DeleteObjects")?;
    let took = start.elapsed().max(Duration::from_micros(1));
    Ok(keys.len() as f64 / took.as_secs_f64())
}

fn body(bucket: &Bucket, keys: &[String]) -> String {
    let objects: String =
        keys.iter().map(|key| format!("<Object><Key>{}/{key}</Key></Object>", bucket.prefix)).collect();
    format!("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{objects}<Quiet>false</Quiet></Delete>")
}
