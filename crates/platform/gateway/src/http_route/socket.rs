//! A WebSocket: bytes both ways, until one side ends it, its caller is stopped, or nothing moves any more. What is in them
//! nobody reads here.

use crate::{http_route::flow::Exchange, refused::Refused, stop::Guard};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use legation_resolver::passing::Upgraded;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    time::{sleep, timeout},
};

/// Bytes that are held of each direction.
const HELD: usize = 16 << 10;
/// For how long the caller's connection may take to become one.
const SWITCH: Duration = Duration::from_secs(10);
/// For how long one direction goes on after the other has ended: what was under way arrives.
const AFTER: Duration = Duration::from_secs(5);

/// Passes bytes between a caller and a service. Both connections are closed when it ends.
pub(crate) async fn run(
    upgrade: OnUpgrade,
    service: Upgraded,
    (exchange, mut guard): (Arc<Exchange>, Guard),
) {
    let Ok(Ok(caller)) = timeout(SWITCH, upgrade).await else {
        exchange.ends(Refused::new("caller_gone", "the caller did not take its socket"));
        return;
    };
    let (mut from_caller, mut to_caller) = split(TokioIo::new(caller));
    let (mut from_service, mut to_service) = split(service);
    let sending = copy(&mut from_caller, &mut to_service, |bytes| exchange.add_sent(bytes));
    let receiving = copy(&mut from_service, &mut to_caller, |bytes| exchange.add_received(bytes));
    let both = async {
        tokio::pin!(sending, receiving);
        tokio::select! {
            _ = &mut sending => drop(timeout(AFTER, &mut receiving).await),
            _ = &mut receiving => drop(timeout(AFTER, &mut sending).await),
        }
    };
    tokio::select! {
        () = both => {}
        refused = guard.stopped() => exchange.ends(refused),
        () = exchange.is_idle(exchange.timeouts.idle()) => {
            exchange.ends(Refused::new("idle", "nothing moved on the socket for too long"));
        },
        () = sleep(exchange.timeouts.socket()) => {
            exchange.ends(Refused::new("too_long", "the socket was open for too long"));
        },
    }
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    count: impl Fn(usize),
) -> io::Result<()> {
    let mut held = vec![0; HELD];
    loop {
        let read = from.read(&mut held).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        count(read);
        to.write_all(held.get(..read).unwrap_or_default()).await?;
        to.flush().await?;
    }
}
