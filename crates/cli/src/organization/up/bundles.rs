//! Bundles of other SPIFFE trust domains, fetched while an organization is up.

use crate::{files, output::complain};
use legation_host::spiffe::Bundles;
use legation_registry::Registry;
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::sleep};

/// How often it is looked which are due.
const LOOK: Duration = Duration::from_secs(5);

/// Fetches those that are due, again and again, until the runtime ends. What fails is told once, and tried again.
pub(super) async fn run(registry: Arc<Registry>, private: bool) {
    let Ok(bundles) = Bundles::new(private) else { return };
    let (bundles, mut told) = (Arc::new(bundles), String::new());
    loop {
        let (registry, bundles, runtime) = (Arc::clone(&registry), Arc::clone(&bundles), Handle::current());
        let fetch = move || bundles.fetch_due(&registry, &runtime, files::now());
        let failure = match tokio::task::spawn_blocking(fetch).await {
            Ok(Ok(failed)) => {
                let one = |(name, reason): &(String, String)| format!("the bundle of `{name}`: {reason}");
                failed.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        if !failure.is_empty() && failure != told {
            complain(&format!("could not be fetched, and it is tried again: {failure}\n"));
        }
        told = failure;
        sleep(LOOK).await;
    }
}
