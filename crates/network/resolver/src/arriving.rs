//! A call whose answer is passed on while it arrives, within the limits of every fetch.

use crate::{Call, FetchError, Fetcher};
use reqwest::{
    Response, Url,
    header::{CONTENT_ENCODING, HeaderMap},
};

/// An answer whose head is there. Its body comes piece by piece, within the time that a fetch may take in all; how
/// long it is, is the caller's to bound.
#[derive(Debug)]
pub struct Arriving {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    response: Response,
    url: Url,
    fetcher: Fetcher,
}

/// Why no head of an answer came.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct NoAnswer {
    /// What is wrong.
    pub error: FetchError,
    /// Whether something may have been sent: `false` where no connection came about, so that the call can be made elsewhere.
    pub sent: bool,
}

impl Fetcher {
    /// Calls a service once, as [`Fetcher::call`], and answers as soon as the head of the answer is there.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn begin(&self, call: Call<'_>) -> Result<Arriving, NoAnswer> {
        let unsent = |error| NoAnswer { error, sent: false };
        let url = self.parse(call.url).map_err(unsent)?;
        let client = self.client_for(&url).map_err(unsent)?;
        let request = client.request(call.method, url.clone()).headers(call.headers).body(call.body);
        let response = request
            .send()
            .await
            .map_err(|error| NoAnswer { error: self.failed(&url, &error), sent: !error.is_connect() })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let wrong = |error| NoAnswer { error, sent: true };
        if status.is_redirection() {
            return Err(wrong(FetchError::RedirectRefused { url: url.to_string(), status: status.as_u16() }));
        }
        if let Some(found) = headers.get(CONTENT_ENCODING).filter(|found| *found != "identity") {
            let found = String::from_utf8_lossy(found.as_bytes()).into_owned();
            return Err(wrong(FetchError::ContentEncoding { url: url.to_string(), found }));
        }
        Ok(Arriving { status: status.as_u16(), headers, response, url, fetcher: self.clone() })
    }
}

impl Arriving {
    /// The next piece of the body; `None` where it has ended as it should.
    ///
    /// # Errors
    /// [`FetchError`] where it broke off.
    pub async fn piece(&mut self) -> Result<Option<Vec<u8>>, FetchError> {
        let piece = self.response.chunk().await.map_err(|error| self.fetcher.failed(&self.url, &error))?;
        Ok(piece.map(|bytes| bytes.to_vec()))
    }
}
