//! The socket of the Workload API.

use super::{
    Workloads,
    grpc::{Asking, User, router},
};
use crate::gateway::Gateway;
use axum::body::Body;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use std::{
    fs::{self, Permissions},
    io,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Semaphore;

/// Most connections at a time: one of a process is enough for all that it asks.
const CONNECTIONS: usize = 256;
/// Most calls of one connection at a time.
const STREAMS: u32 = 32;
/// After how long whoever is silent is asked whether it is there still.
const SILENT: Duration = Duration::from_secs(30);

/// A socket on which processes of this machine ask. It is removed when it is dropped.
#[derive(Debug)]
pub struct WorkloadSocket {
    listener: UnixListener,
    path: PathBuf,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadSocketError {
    /// Somebody listens there, or something else is there.
    #[error("`{}` is there, and no socket that was left behind; name another path", .path.display())]
    Taken {
        /// The path.
        path: PathBuf,
    },
    /// It can't be made.
    #[error("the socket `{}` can't be made: {reason}", .path.display())]
    Failed {
        /// The path.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl Drop for WorkloadSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl WorkloadSocket {
    /// Listens at a path, where any user of this machine may knock: who that is says the system. A socket that was left behind is replaced.
    ///
    /// # Errors
    /// [`WorkloadSocketError`].
    pub fn bind(path: &Path) -> Result<Self, WorkloadSocketError> {
        let failed = |error: io::Error| WorkloadSocketError::Failed {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
            Ok(found) => {
                let is_left = found.file_type().is_socket()
                    && UnixStream::connect(path)
                        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
                if !is_left {
                    return Err(WorkloadSocketError::Taken { path: path.to_owned() });
                }
                fs::remove_file(path).map_err(failed)?;
            }
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        let socket = Self { listener, path: path.to_owned() };
        fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(failed)?;
        socket.listener.set_nonblocking(true).map_err(failed)?;
        Ok(socket)
    }

    /// Answers there until this ends, as agents of a gateway's organization. It is for within a tokio runtime.
    ///
    /// # Errors
    /// [`WorkloadSocketError::Failed`].
    pub async fn serve(
        &self,
        gateway: Arc<Gateway>,
        workloads: Workloads,
    ) -> Result<(), WorkloadSocketError> {
        let failed = |error: io::Error| WorkloadSocketError::Failed {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let listener =
            self.listener.try_clone().and_then(tokio::net::UnixListener::from_std).map_err(failed)?;
        let (routes, places) = (router(Asking { gateway, workloads }), Arc::new(Semaphore::new(CONNECTIONS)));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                // The system is out of something; what waits, waits.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(user) = stream.peer_cred().map(|peer| User(peer.uid())) else { continue };
            let routes = routes.clone();
            tokio::spawn(async move {
                let routes = tower::util::MapRequest::new(routes, move |request: http::Request<_>| {
                    let mut request = request.map(Body::new);
                    request.extensions_mut().insert(user);
                    request
                });
                let mut builder = Builder::new(TokioExecutor::new()).http2_only();
                builder
                    .http2()
                    .timer(TokioTimer::new())
                    .max_concurrent_streams(STREAMS)
                    .keep_alive_interval(SILENT)
                    .keep_alive_timeout(SILENT);
                // Whoever goes away while it is answered has gone away.
                let _ =
                    builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)).await;
                drop(place);
            });
        }
    }
}
