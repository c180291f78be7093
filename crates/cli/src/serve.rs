//! `legation serve`.

use crate::{
    args::ServeArgs,
    output::{Failure, Output, complain},
};
use legation_host::{TlsFiles, router, serve};
use serde_json::json;
use tokio::net::TcpListener;

pub(crate) fn run(args: &ServeArgs) -> Result<Output, Failure> {
    if !args.folder.is_dir() {
        return Err(Failure::file(format!("`{}` is no folder", args.folder.display())));
    }
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => {
            Some(TlsFiles { certificate: certificate.clone(), key: key.clone() })
        }
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::network("runtime", format!("the runtime did not start: {error}")))?;
    runtime.block_on(async {
        let unreachable = |error: std::io::Error| {
            Failure::network("listen", format!("can't listen at {}: {error}", args.listen))
        };
        let listener = TcpListener::bind(args.listen).await.map_err(unreachable)?;
        let address = listener.local_addr().map_err(unreachable)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        complain(&format!("serving {} at {scheme}://{address}; end with Ctrl-C\n", args.folder.display()));
        serve(listener, router(args.folder.clone()), tls, stopped())
            .await
            .map_err(|error| Failure::file(error.to_string()))?;
        Ok(Output::done(json!({"served": args.folder.display().to_string()}), "stopped"))
    })
}

/// Completes when the process is asked to end.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
