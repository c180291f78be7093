//! Further domains, looked at while an organization is up.

use crate::{files, output::complain};
use legation_host::domains::Domains;
use legation_registry::Registry;
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::sleep};

/// How often it is looked which are due.
const LOOK: Duration = Duration::from_secs(60);

/// Looks at those that are due, again and again, until the runtime ends. What fails is told once, and tried again.
pub(super) async fn run(registry: Arc<Registry>, private: bool) {
    let Ok(domains) = Domains::new(private, None) else { return };
    let (domains, mut told) = (Arc::new(domains), String::new());
    loop {
        let (registry, domains, runtime) = (Arc::clone(&registry), Arc::clone(&domains), Handle::current());
        let look = move || domains.check_due(&registry, &runtime, files::now());
        let failure = match tokio::task::spawn_blocking(look).await {
            Ok(Ok(_)) => String::new(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        if !failure.is_empty() && failure != told {
            complain(&format!("further domains could not be looked at, and it is tried again: {failure}\n"));
        }
        told = failure;
        sleep(LOOK).await;
    }
}
