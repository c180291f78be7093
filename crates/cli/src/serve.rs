//! `legation serve`.

use crate::{
    args::ServeArgs,
    files,
    output::{Failure, Output, complain, tell_noticed},
    renewal::Renewal,
};
use legation_host::{TlsFiles, router, serve};
use serde_json::json;
use std::net::SocketAddr;
use tokio::net::TcpListener;

pub(crate) fn run(args: &ServeArgs) -> Result<Output, Failure> {
    if !args.folder.is_dir() {
        return Err(Failure::file(format!("`{}` is no folder", args.folder.display())));
    }
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => {
            files::look_who_reads(key, "TLS key");
            Some(TlsFiles { certificate: certificate.clone(), key: key.clone() })
        }
        _ => None,
    };
    keep_lists(args)?;
    crate::warnings::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::network("runtime", format!("the runtime did not start: {error}")))?;
    runtime.block_on(async {
        let (listener, address) = listen(args.listen).await?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut routes = router(args.folder.clone());
        let mut own = None;
        if !args.vc_api.is_empty() {
            // Whoever may reach the folder need not reach what signs.
            let shared = args.vc_api_listen == args.listen;
            let apart = if shared { None } else { Some(listen(args.vc_api_listen).await?) };
            let at = apart.as_ref().map_or(address, |(_, at)| *at);
            let origin = args.origin.clone().unwrap_or_else(|| format!("{scheme}://{at}"));
            let api = vc_api(args, &origin, at)?;
            match apart {
                Some((listener, _)) => own = Some((listener, api)),
                None => routes = routes.merge(api),
            }
        }
        tell_noticed();
        complain(&format!("serving {} at {scheme}://{address}; end with Ctrl-C\n", args.folder.display()));
        let folder = serve(listener, routes, tls.clone(), stopped());
        match own {
            Some((listener, api)) => tokio::try_join!(folder, serve(listener, api, tls, stopped())).map(drop),
            None => folder.await,
        }
        .map_err(|error| Failure::file(error.to_string()))?;
        Ok(Output::done(json!({"served": args.folder.display().to_string()}), "stopped"))
    })
}

/// Listens at an address, and says which it is where any port will do.
pub(crate) async fn listen(at: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error: std::io::Error| Failure::network("listen", format!("can't listen at {at}: {error}"));
    let listener = TcpListener::bind(at).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Signs the status lists anew that there is a key for: what is due before anybody asks for it, and from then on as
/// it gets due, on a thread of its own that ends with the process. A list is written whole or not at all.
fn keep_lists(args: &ServeArgs) -> Result<(), Failure> {
    if args.status_key.is_empty() {
        return Ok(());
    }
    let keys = files::load_keys(&args.status_key, &args.status_passphrase_file)?;
    let mut renewal = Renewal::new(&args.folder, keys);
    renewal.look();
    std::thread::Builder::new()
        .name("status lists".to_owned())
        .spawn(|| renewal.run())
        .map(|_| ())
        .map_err(|error| Failure::network("runtime", format!("a thread did not start: {error}")))
}

/// The routes of the VC API.
#[cfg(feature = "vc-api")]
fn vc_api(args: &ServeArgs, origin: &str, at: SocketAddr) -> Result<axum::Router, Failure> {
    use legation_vc_api::{Access, Service, SigningKey, router};
    let load = |key: &std::path::PathBuf| {
        let passphrase_file = args.passphrase_file.clone();
        files::load_signing_key(&crate::args::KeyArgs { key: key.clone(), passphrase_file })
    };
    let keys: Result<Vec<SigningKey>, Failure> = args.vc_api.iter().map(load).collect();
    let keys = keys?;
    for key in &keys {
        let (multikey, algorithm) = (key.to_multikey(), key.algorithm());
        complain(&format!("the VC API at {origin} issues as did:key:{multikey} by {algorithm}\n"));
    }
    let issuing = issuing(args, origin, at)?;
    let fetcher = crate::network::fetcher(&args.network)?;
    let contexts = crate::credential::contexts(&args.context)?;
    let service = std::sync::Arc::new(Service::new(keys, fetcher, origin).reading_by(contexts));
    Ok(router(service, Access::new(origin, issuing)))
}

/// For whom the VC API issues; told, since it signs.
#[cfg(feature = "vc-api")]
fn issuing(args: &ServeArgs, origin: &str, at: SocketAddr) -> Result<legation_vc_api::Issuing, Failure> {
    use legation_vc_api::{BearerToken, Issuing};
    if args.vc_api_open {
        let whom = if at.ip().is_loopback() { "every program of this machine" } else { "WHOEVER REACHES IT" };
        complain(&format!(
            "WARNING: the VC API at {origin} issues and revokes for {whom}, without a token (--vc-api-open): \
             what these keys sign now says nothing. Use keys of their own for it, and --vc-api-token otherwise\n"
        ));
        return Ok(Issuing::Open);
    }
    let Some(path) = &args.vc_api_token else {
        complain(&format!("the VC API at {origin} issues and revokes for nobody: no --vc-api-token\n"));
        return Ok(Issuing::Off);
    };
    files::look_who_reads(path, "token file");
    let token = files::read_text(path)?;
    let token = BearerToken::parse(&token)
        .map_err(|error| Failure::file(format!("`{}` holds no token: {error}", path.display())))?;
    complain(&format!("the VC API at {origin} issues and revokes for whoever has the token\n"));
    Ok(Issuing::Token(token))
}

/// The routes of the VC API, which this build leaves out.
#[cfg(not(feature = "vc-api"))]
fn vc_api(_: &ServeArgs, _: &str, _: SocketAddr) -> Result<axum::Router, Failure> {
    let text =
        "this command was built without the VC API; build it by `cargo build --release --features vc-api`";
    Err(Failure::usage(text))
}

/// Completes when the process is asked to end.
pub(crate) async fn stopped() {
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
