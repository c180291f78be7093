//! The body of a request, within a size and a time.

use crate::problem::problem;
use axum::{
    body::{Body, Bytes, to_bytes},
    response::{IntoResponse, Response},
};
use core::time::Duration;
use serde_json::Map;

/// How long a body may take to arrive. Nobody has proved who asks until it has: a client that sends a
/// byte now and then must not hold memory and a connection for as long as it likes.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is larger than the limit, or ended early.
    Size {
        /// Most bytes.
        limit: usize,
    },
    /// It took longer than [`DEADLINE`].
    Slow,
}

pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let read = tokio::time::timeout(DEADLINE, to_bytes(body, limit)).await;
    read.map_err(|_| BodyError::Slow)?.map_err(|_| BodyError::Size { limit })
}

impl IntoResponse for BodyError {
    fn into_response(self) -> Response {
        let (status, code, detail) = match self {
            Self::Size { limit } => {
                let detail = format!("the body did not arrive whole, or has more than {limit} bytes");
                (413, "input_too_large", detail)
            }
            Self::Slow => {
                (408, "body_timeout", format!("the body did not arrive within {} s", DEADLINE.as_secs()))
            }
        };
        problem(status, code, &detail, Map::new())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use core::{
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll},
    };
    use http_body::Frame;

    /// A body of which nothing arrives.
    struct Silent;

    impl http_body::Body for Silent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let began = tokio::time::Instant::now();
        assert_eq!(read(Body::new(Silent), 10).await, Err(BodyError::Slow));
        assert_eq!(began.elapsed().as_secs(), DEADLINE.as_secs());
        assert_eq!(BodyError::Slow.into_response().status(), 408);
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        assert_eq!(read(Body::from("1234567890"), 10).await.unwrap(), "1234567890");
        assert_eq!(read(Body::from("12345678901"), 10).await, Err(BodyError::Size { limit: 10 }));
    }
}
