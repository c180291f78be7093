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
        let mut routes = router(args.folder.clone());
        if !args.vc_api.is_empty() {
            let origin = args.origin.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
            routes = routes.merge(vc_api(args, &origin)?);
        }
        complain(&format!("serving {} at {scheme}://{address}; end with Ctrl-C\n", args.folder.display()));
        serve(listener, routes, tls, stopped()).await.map_err(|error| Failure::file(error.to_string()))?;
        Ok(Output::done(json!({"served": args.folder.display().to_string()}), "stopped"))
    })
}

/// The routes of the VC API.
#[cfg(feature = "vc-api")]
fn vc_api(args: &ServeArgs, origin: &str) -> Result<axum::Router, Failure> {
    let load = |key: &std::path::PathBuf| {
        let passphrase_file = args.passphrase_file.clone();
        crate::files::load_signing_key(&crate::args::KeyArgs { key: key.clone(), passphrase_file })
    };
    let keys: Result<Vec<legation_vc_api::SigningKey>, Failure> = args.vc_api.iter().map(load).collect();
    let keys = keys?;
    for key in &keys {
        let (multikey, algorithm) = (key.to_multikey(), key.algorithm());
        complain(&format!("the VC API at {origin} issues as did:key:{multikey} by {algorithm}\n"));
    }
    let fetcher = crate::network::fetcher(&args.network)?;
    Ok(legation_vc_api::router(std::sync::Arc::new(legation_vc_api::Service::new(keys, fetcher, origin))))
}

/// The routes of the VC API, which this build leaves out.
#[cfg(not(feature = "vc-api"))]
fn vc_api(_: &ServeArgs, _: &str) -> Result<axum::Router, Failure> {
    let text =
        "this command was built without the VC API; build it by `cargo build --release --features vc-api`";
    Err(Failure::usage(text))
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
