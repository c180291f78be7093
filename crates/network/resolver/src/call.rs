//! One call of a service that a stranger may have named, within the limits of every fetch.

use crate::{FetchError, Fetcher};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

pub use reqwest::{Method, header};

/// What is asked of a service.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// The whole URL.
    pub url: &'a str,
    /// The headers, besides those that HTTP itself needs.
    pub headers: HeaderMap,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
}

/// What a service answered, whatever its status.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most [`Options::max_bytes`](crate::Options::max_bytes).
    pub body: Vec<u8>,
}

impl Fetcher {
    /// Whether a URL may be called at all, before anything is looked up: by its scheme, and by its host where that is an address.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn check(&self, url: &str) -> Result<(), FetchError> {
        self.parse(url).map(drop)
    }

    /// Calls a service once. Redirects are not followed: what was signed for one place is for no other.
    ///
    /// # Errors
    /// [`FetchError`] where no complete answer came, or one that leads elsewhere.
    pub async fn call(&self, call: Call<'_>) -> Result<Reply, FetchError> {
        let url = self.parse(call.url)?;
        let request = self.client_for(&url)?.request(call.method, url.clone());
        let request = request.headers(call.headers).body(call.body);
        let response = request.send().await.map_err(|error| self.failed(&url, &error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_redirection() {
            return Err(FetchError::RedirectRefused { url: url.to_string(), status: status.as_u16() });
        }
        if let Some(found) = headers.get(CONTENT_ENCODING).filter(|found| *found != "identity") {
            let found = String::from_utf8_lossy(found.as_bytes()).into_owned();
            return Err(FetchError::ContentEncoding { url: url.to_string(), found });
        }
        let body = self.body(&url, response, self.options.max_bytes).await?;
        Ok(Reply { status: status.as_u16(), headers, body })
    }
}
