//! Looking at domains that an organization says are its own: the file at their origin, then the DNS.

use hickory_resolver::{TokioResolver, config::ResolverConfig, name_server::TokioConnectionProvider};
use legation_registry::{
    Registry, RegistryError,
    domains::{Domain, FILE, LABEL, Method, expected},
};
use legation_resolver::{Fetcher, Options};
use std::{net::SocketAddr, time::Duration};
use tokio::time::timeout;

/// How long looking in one place may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of the file.
const MAX_BYTES: usize = 4096;
/// Most TXT records that are read of one name.
const MAX_RECORDS: usize = 100;

/// Looks at domains.
#[derive(Debug)]
pub struct Domains {
    fetcher: Fetcher,
    dns: Option<TokioResolver>,
}

impl Domains {
    /// By the name servers of this machine, or by one. `private` says that domains may be at private addresses.
    ///
    /// # Errors
    /// [`legation_resolver::SetupError`].
    pub fn new(private: bool, server: Option<SocketAddr>) -> Result<Self, legation_resolver::SetupError> {
        let options = Options {
            timeout: PATIENCE,
            max_bytes: MAX_BYTES,
            allow_private: private,
            http_on_loopback: private,
            ..Options::default()
        };
        let builder = match server {
            Some(server) => {
                let servers = hickory_resolver::config::NameServerConfigGroup::from_ips_clear(
                    &[server.ip()],
                    server.port(),
                    true,
                );
                let config = ResolverConfig::from_parts(None, Vec::new(), servers);
                Some(TokioResolver::builder_with_config(config, TokioConnectionProvider::default()))
            }
            // Where the machine has none, files are looked at all the same.
            None => TokioResolver::builder_tokio().ok(),
        };
        let build = |mut builder: hickory_resolver::ResolverBuilder<TokioConnectionProvider>| {
            // What was not there a moment ago may be there now.
            builder.options_mut().cache_size = 0;
            builder.build()
        };
        Ok(Self { fetcher: Fetcher::new(options)?, dns: builder.map(build) })
    }

    /// Where the token of a domain is found now.
    pub async fn look(&self, domain: &Domain) -> Option<Method> {
        let expected = expected(domain);
        let url = format!("https://{}{FILE}", domain.name);
        let file = self.fetcher.file(&url, &["text/plain"], MAX_BYTES).await;
        let is_there = |bytes: Vec<u8>| {
            let text = String::from_utf8_lossy(&bytes);
            text.lines().any(|line| line.trim() == expected)
        };
        if file.is_ok_and(is_there) {
            return Some(Method::File);
        }
        // The host's port is nothing of the DNS's; the last dot keeps search lists out of it.
        let host = domain.name.split(':').next().unwrap_or_default();
        let name = format!("{LABEL}{host}.");
        let records = timeout(PATIENCE, self.dns.as_ref()?.txt_lookup(name)).await.ok()?.ok()?;
        let text = |record: &hickory_resolver::proto::rr::rdata::TXT| record.txt_data().concat();
        records
            .iter()
            .take(MAX_RECORDS)
            .any(|record| text(record) == expected.as_bytes())
            .then_some(Method::Dns)
    }

    /// Looks at a domain, and keeps what was found. The store is not waited for meanwhile, nor by others.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn check(
        &self,
        registry: &Registry,
        domain: &Domain,
        runtime: &tokio::runtime::Handle,
        now: i64,
    ) -> Result<Domain, RegistryError> {
        let found = runtime.block_on(self.look(domain));
        registry.looked_at_domain(domain, found, now)
    }

    /// Looks at all that are due. Gives how many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn check_due(
        &self,
        registry: &Registry,
        runtime: &tokio::runtime::Handle,
        now: i64,
    ) -> Result<usize, RegistryError> {
        let due = registry.domains_due(now)?;
        for domain in &due {
            self.check(registry, domain, runtime, now)?;
        }
        Ok(due.len())
    }
}
