//! TLS: a certificate and its key from files, which are read again when they change.

use crate::server::{ServeError, TlsFiles, acceptor};
use std::{
    fs,
    path::Path,
    sync::{Arc, PoisonError, RwLock, Weak},
    time::{Duration, SystemTime},
};
use tokio_rustls::TlsAcceptor;

/// How often it is looked whether the files have changed.
const LOOK: Duration = Duration::from_secs(2);

/// What connections are taken with.
#[derive(Clone)]
pub(crate) struct Tls {
    current: Arc<RwLock<TlsAcceptor>>,
}

impl Tls {
    /// Reads the files, and from then on reads them again when they have changed, for as long as this is kept.
    pub(crate) fn start(files: TlsFiles) -> Result<Self, ServeError> {
        let seen = stamps(&files);
        let current = Arc::new(RwLock::new(acceptor(&files)?));
        tokio::spawn(keep_fresh(Arc::downgrade(&current), files, seen));
        Ok(Self { current })
    }

    /// The newest.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn keep_fresh(current: Weak<RwLock<TlsAcceptor>>, files: TlsFiles, mut seen: Stamps) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(current) = current.upgrade() else { return };
        let found = stamps(&files);
        if found == seen {
            continue;
        }
        let of = files.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || acceptor(&of)).await else { continue };
        seen = found;
        match read {
            Ok(anew) => *current.write().unwrap_or_else(PoisonError::into_inner) = anew,
            // Perhaps only one of the two is written yet: they are looked at again once they change.
            Err(error) => {
                tracing::warn!(
                    "the certificate has changed and can't be used; the one before goes on: {error}"
                );
            }
        }
    }
}

type Stamps = [Option<(SystemTime, u64)>; 2];

/// When both files were changed last, and how long they are.
fn stamps(files: &TlsFiles) -> Stamps {
    let of = |path: &Path| {
        let meta = fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    [of(&files.certificate), of(&files.key)]
}
