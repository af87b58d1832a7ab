//! `multipart/form-data` bodies: parts one after the other, small ones read whole, a file passed on as it comes.

use std::io;

use axum::{
    body::Body,
    http::{HeaderMap, header::CONTENT_TYPE},
};
use bytes::BytesMut;
use futures_util::{StreamExt, TryStreamExt};
use multer::{Field, Multipart};

use super::body::byte_stream;
use crate::engine::ByteStream;

/// The body breaks the rules of its form, or broke off.
#[derive(Debug)]
pub(crate) struct NotMultipart;

/// The parts of a body, in the order in which the client sends them.
pub(crate) struct Parts(Multipart<'static>);

impl Parts {
    /// # Errors
    /// The content type is another, or has no boundary.
    pub(crate) fn new(headers: &HeaderMap, body: Body) -> Result<Self, NotMultipart> {
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or(NotMultipart)?;
        let boundary = multer::parse_boundary(media_type).map_err(|_| NotMultipart)?;
        Ok(Self(Multipart::new(byte_stream(body), boundary)))
    }

    /// The next part; what was not read of the one before is skipped. `None`: there is none any more.
    pub(crate) async fn next(&mut self) -> Result<Option<Part>, NotMultipart> {
        self.0.next_field().await.map(|field| field.map(Part)).map_err(|_| NotMultipart)
    }
}

/// One part of a body.
pub(crate) struct Part(Field<'static>);

impl Part {
    /// Of the form's field; empty if the part has none.
    pub(crate) fn name(&self) -> &str {
        self.0.name().unwrap_or_default()
    }

    /// `None` also where it is empty.
    pub(crate) fn file_name(&self) -> Option<&str> {
        self.0.file_name().filter(|name| !name.is_empty())
    }

    pub(crate) fn media_type(&self) -> Option<&str> {
        self.0.content_type().map(AsRef::as_ref)
    }

    /// The whole part, of at most `limit` bytes of UTF-8.
    pub(crate) async fn text(mut self, limit: usize) -> Result<String, NotMultipart> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.0.chunk().await.map_err(|_| NotMultipart)? {
            if whole.len() + chunk.len() > limit {
                return Err(NotMultipart);
            }
            whole.extend_from_slice(&chunk);
        }
        String::from_utf8(whole.into()).map_err(|_| NotMultipart)
    }

    /// The part's bytes as they come. A body that ends within them is an error.
    pub(crate) fn bytes(self) -> ByteStream {
        self.0.map_err(io::Error::other).boxed()
    }
}
