//! The service of an organization: its did:web documents, agent cards and status lists,
//! from a folder.
//!
//! | module | what it holds |
//! |---|---|
//! | [`router`](mod@router) | [`router()`]: which request is answered with which file, and how |
//! | [`organization`] | [`published()`]: what an organization of a store publishes, from its store |
//! | `fresh` | what was published last, for as long as nothing has changed |
//! | [`log`] | [`logs()`]: checkpoints and hash tiles of its logs |
//! | [`mod@api`] | [`api()`]: the administration of an organization, on an origin of its own |
//! | [`domains`] | looks at domains that the organization says are its own |
//! | [`signals`] | streams of Security Event Tokens: Shared Signals' end points, and the sender |
//! | [`listen`] | what partners tell of their delegations: heard, and heeded |
//! | [`mod@spiffe`] | [`spiffe()`]: the bundle of the organization's SPIFFE trust domain; bundles of others, fetched |
//! | [`mod@tokens`] | [`tokens()`]: where identity tokens come from |
//! | [`several`] | several organizations at one address: which of them a request is for |
//! | [`server`] | [`serve`]: connections with their limits, TLS, an orderly end |
//! | `places`, `tls` | of connections the idlest gives way where all places are taken; certificates that are read again when they change |
//! | `begun` | whether a connection without TLS speaks HTTP/2, by its first bytes |
//! | `location` | which file a path means; the one place that decides what is public |
//! | `file` | reads such a file, and nothing outside the folder |
//! | `reads_as` | whether a file is what its place is for; nothing else is served, and nothing that holds a private key |
//! | `problem` | errors as RFC 9457 problem details |
//!
//! The folder is laid out as the paths are: `.well-known/did.json`, `.well-known/agent-card.json`,
//! `agents/mail/did.json`, `agents/mail/agent-card.json`, `status/1`. Nothing else that lies there is served, a key file least of all, be it by such a name or behind a link. A file may be
//! replaced at any time; the next request sees the new one.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! let router = legation_host::router("public".into());
//! legation_host::serve(listener, router, None, std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

pub mod api;
mod begun;
pub mod domains;
mod file;
mod fresh;
pub mod listen;
mod location;
pub mod log;
pub mod organization;
mod places;
mod problem;
mod reads_as;
pub mod router;
pub mod server;
pub mod several;
pub mod signals;
pub mod spiffe;
mod tls;
pub mod tokens;

pub use api::api;
pub use listen::Listening;
pub use log::logs;
pub use organization::published;
pub use router::router;
pub use server::{ServeError, Serving, TlsFiles, serve, serve_as, serve_long, serve_on};
pub use signals::Signals;
pub use spiffe::spiffe;
pub use tokens::tokens;
