//! A connection whose first bytes were read, to know which HTTP it speaks.

use core::{
    pin::Pin,
    task::{Context, Poll},
};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What a connection by HTTP/2 begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection, and what was read of it and is to be read once more.
#[derive(Debug)]
pub(crate) struct Begun<S> {
    head: Vec<u8>,
    /// How much of that was given.
    given: usize,
    rest: S,
}

impl<S: AsyncRead + Unpin> Begun<S> {
    /// Reads as much as is needed to tell HTTP/2 from anything else.
    ///
    /// # Errors
    /// What reading fails with.
    pub(crate) async fn read(mut rest: S) -> io::Result<Self> {
        let mut head = Vec::with_capacity(PREFACE.len());
        while head.len() < PREFACE.len() && PREFACE.starts_with(&head) {
            let left = PREFACE.len().saturating_sub(head.len());
            let left = u64::try_from(left).unwrap_or_default();
            if (&mut rest).take(left).read_buf(&mut head).await? == 0 {
                break;
            }
        }
        Ok(Self { head, given: 0, rest })
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.head == PREFACE
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let left = this.head.get(this.given..).unwrap_or_default();
        if left.is_empty() {
            return Pin::new(&mut this.rest).poll_read(context, into);
        }
        let (now, _) = left.split_at(left.len().min(into.remaining()));
        into.put_slice(now);
        this.given = this.given.saturating_add(now.len());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.rest).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.rest).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.rest.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn what_was_read_is_read_once_more_and_nothing_is_waited_for_that_is_not_needed() {
        for (sent, is_http2) in [
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest".as_slice(), true),
            (b"PRI * HTTP/2.0\r\n\r\nSN\r\n\r\nrest", false),
            (b"POST / HTTP/1.1\r\n\r\n", false),
            (b"PRI", false),
            (b"", false),
        ] {
            let mut begun = Begun::read(sent).await.unwrap();
            assert_eq!(begun.is_http2(), is_http2);
            let mut all = Vec::new();
            begun.read_to_end(&mut all).await.unwrap();
            assert_eq!(all, sent);
        }
        // A client that says `GET` and waits is not waited for.
        let (mut client, server) = tokio::io::duplex(64);
        tokio::io::AsyncWriteExt::write_all(&mut client, b"G").await.unwrap();
        assert!(!Begun::read(server).await.unwrap().is_http2());
    }
}
