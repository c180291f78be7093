//! The address at which proxies ask about requests that they hold.

use super::bind;
use crate::{
    args::UpArgs,
    output::{Failure, complain},
    serve,
};
use legation_gateway::{Gateway, Origins, authz_router};
use legation_host::{ServeError, Serving, serve_as};
use std::{net::TcpListener, sync::Arc, time::Duration};

/// The address, and whose requests are decided there.
#[derive(Debug)]
pub(super) struct Door {
    listener: TcpListener,
    origins: Origins,
}

/// Listens, where proxies are to ask. What is answered there is believed by whoever asked, and nobody shows who it is: over a
/// network anybody between the two could let requests pass.
pub(super) fn open(args: &UpArgs) -> Result<Option<Door>, Failure> {
    let Some(address) = args.authz_listen else { return Ok(None) };
    if !address.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--authz-listen is `{address}`, which others reach, too; run a gateway beside the proxy and listen on 127.0.0.1"
        )));
    }
    let origins = Origins::new(&args.authz_origin)
        .map_err(|error| Failure::usage(format!("--authz-origin: {error}")))?;
    Ok(Some(Door { listener: bind(address)?, origins }))
}

/// Serves there, until it is asked to end.
pub(super) async fn serve(
    door: Option<Door>,
    gateway: &Arc<Gateway>,
    (connections, drain): (usize, Duration),
) -> Result<(), ServeError> {
    let Some(Door { listener, origins }) = door else { return Ok(()) };
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            complain(&format!("proxies can't ask: {error}\n"));
            return Ok(());
        }
    };
    if let Ok(address) = listener.local_addr() {
        complain(&format!("proxies ask at http://{address}\n"));
    }
    let serving = Serving { drain, connections, ..Serving::default() };
    serve_as(listener, authz_router(Arc::clone(gateway), origins), serving, serve::stopped()).await
}
