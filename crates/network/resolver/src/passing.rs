//! A request that is passed on while it arrives, and whose answer is passed back while it does.
//!
//! Neither is held here: bodies flow through, trailers included. Where a service speaks HTTP/2 over TLS (RFC 9113 §3.2), many
//! requests share a connection. A body that flows can't be sent twice, so that nothing is tried again here once a byte of it was
//! taken.

use crate::{FetchError, Fetcher, NoAnswer};
use core::time::Duration;
use reqwest::{Method, Response, StatusCode, Url, header::HeaderMap};

pub use reqwest::{Body, Upgraded};

/// A request to pass on.
#[derive(Debug)]
pub struct Passing<'a> {
    /// The method.
    pub method: Method,
    /// The whole URL.
    pub url: &'a str,
    /// The headers, besides those that HTTP itself needs.
    pub headers: HeaderMap,
    /// The body; whoever makes it says its length by its size hint.
    pub body: Body,
    /// For how long it may take, from looking up the name to the last byte of the answer, whatever
    /// [`Options::timeout`](crate::Options::timeout) says.
    pub whole: Duration,
}

/// What a service made of a request to speak another protocol.
#[derive(Debug)]
pub enum Upgrading {
    /// It does (`101`): its headers, and the connection, which speaks the other protocol from now on.
    Switched(HeaderMap, Upgraded),
    /// It answered as to any request.
    Answered(http::Response<Body>),
}

impl Fetcher {
    /// Passes a request on, and answers as soon as the head of the answer is there. Redirects are not followed, and refused:
    /// what was decided on for one place is for no other. `304` is no redirect.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn pass(&self, passing: Passing<'_>) -> Result<http::Response<Body>, NoAnswer> {
        let url = self.parse(passing.url).map_err(unsent)?;
        let client = self.client_to_pass(&url).map_err(unsent)?;
        let Passing { method, headers, body, whole, .. } = passing;
        let request = client.request(method, url.clone()).headers(headers).body(body).timeout(whole);
        self.answered(&url, request.send().await).map(http::Response::from)
    }

    /// Passes a request on that asks to speak another protocol on its connection, which HTTP/1.1 alone can (RFC 9110 §7.8).
    /// [`Passing::whole`] bounds how long that may take, and nothing of what follows.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn pass_upgrade(&self, passing: Passing<'_>) -> Result<Upgrading, NoAnswer> {
        let url = self.parse(passing.url).map_err(unsent)?;
        let client = self.client_for(&url).map_err(unsent)?;
        let Passing { method, headers, body, whole, .. } = passing;
        let request = client.request(method, url.clone()).headers(headers).body(body).timeout(whole);
        let response = self.answered(&url, request.send().await)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Upgrading::Answered(response.into()));
        }
        let headers = response.headers().clone();
        match response.upgrade().await {
            Ok(connection) => Ok(Upgrading::Switched(headers, connection)),
            Err(error) => Err(NoAnswer { error: self.failed(&url, &error), sent: true }),
        }
    }

    fn answered(&self, url: &Url, sent: reqwest::Result<Response>) -> Result<Response, NoAnswer> {
        let response =
            sent.map_err(|error| NoAnswer { error: self.failed(url, &error), sent: !error.is_connect() })?;
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            let error = FetchError::RedirectRefused { url: url.to_string(), status: status.as_u16() };
            return Err(NoAnswer { error, sent: true });
        }
        Ok(response)
    }
}

fn unsent(error: FetchError) -> NoAnswer {
    NoAnswer { error, sent: false }
}
