//! The network as a command uses it.

use crate::{
    args::NetworkArgs,
    files,
    output::{Failure, working},
};
use legation_resolver::{FetchError, Fetcher, Options};
use std::path::PathBuf;

/// A fetcher as the arguments want it.
pub(crate) fn fetcher(args: &NetworkArgs) -> Result<Fetcher, Failure> {
    let options = Options {
        allow_private: args.allow_private,
        http_on_loopback: args.http_on_loopback,
        extra_root_certificates: certificates(&args.ca)?,
        ..Options::default()
    };
    Fetcher::new(options).map_err(|error| Failure::file(error.to_string()))
}

/// The certificate authorities that are trusted beside the system's.
pub(crate) fn certificates(files: &[PathBuf]) -> Result<Vec<Vec<u8>>, Failure> {
    files.iter().map(|path| files::read(path)).collect()
}

/// A fetch that failed, with the flag that would allow it.
pub(crate) fn failed(error: &FetchError) -> Failure {
    let hint = match error {
        FetchError::AddressRefused { host, .. } if is_local(host) => {
            "; try --http-on-loopback, or --allow-private"
        }
        FetchError::AddressRefused { .. } => "; try --allow-private",
        FetchError::UrlRefused { url, .. } if url.strip_prefix("http://").is_some_and(is_local) => {
            "; try --http-on-loopback"
        }
        _ => "",
    };
    Failure::network(error.code(), format!("{error}{hint}"))
}

fn is_local(host: &str) -> bool {
    host.split([':', '/']).next().is_some_and(|name| name == "localhost" || name.ends_with(".localhost"))
}

/// Runs something that waits for the network.
pub(crate) fn wait<T>(message: &str, work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::network("runtime", format!("the runtime did not start: {error}")))?;
    Ok(working(message, || runtime.block_on(work)))
}
