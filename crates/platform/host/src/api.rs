//! The administration of an organization over HTTP: `/v1`, on an origin of its own that no route of the gateway serves.
//!
//! | module | what it holds |
//! |---|---|
//! | this | [`api()`]: the end points as a router; [`ask`]: the same for who holds the organization's data |
//! | `endpoint` | one end point, and the table of all: it mounts them, and is their description |
//! | `serve` | a request: read, admitted by the gateway, run, answered |
//! | `version` | `ETag` and `If-Match`: nobody overwrites what he has not seen |
//! | `stream` | events and receipts as they come |
//! | `asked`, `error` | what an end point is asked; why it does nothing |
//! | `previews` | what an agent would be given, before it is added |
//! | `holders`, `budgets`, `keys`, `delegations` | teams and agents, and what is theirs |
//! | `configured` | models, routes, secrets of upstreams |
//! | `claims` | the first admin, by a code that is typed |
//! | `console` | codes by which somebody signs in to the console |
//! | `identity` | admins whom an OpenID provider knows, for some hours |
//! | `domains` | further domains that the organization controls |
//! | `people` | people who let programs act for them, their consents, the programs that are known |
//! | `scope` | which team a request is about |
//! | `limits` | how often an admin, and an address, may ask |
//! | `policies` | policies: kept, bound, tried out |
//! | `quarantine` | rules that suspend agents, or tell of them, by what they did |
//! | `admins`, `told` | who administers; the organization itself, spending, receipts, events |
//! | `exports` | the log, in parts that are verified offline |
//! | `signals`, `alerts` | who is told of what happens |
//! | `forms` | how all of it looks as JSON |
//! | [`openapi`] | the description of all of it, OpenAPI 3.1 |
//!
//! **Who may.** An admin is whoever holds a delegation of the organization for actions `admin:…` on `https://HOST/v1/*`. A
//! request is signed as any agent's (RFC 9421, with the chain in `Agent-Delegation`), and the gateway decides on it as on
//! any other: the action of the end point, on the URL at the organization's own origin. There is no second model of
//! permissions, and each request leaves a receipt.
//!
//! **Which URL is signed.** That at the organization's origin, `https://HOST/v1/…`, wherever the API really listens. The
//! origin is what the delegation names and what both sides know without being told: an admin port is reached by
//! tunnels and proxies under names that the process can't know, and `Host` is the sender's to choose. A request that
//! was signed for one organization is of no use at another's, and one that is brought to the gateway in place of the API
//! finds nothing there that its delegation covers; its nonce counts at both.
//!
//! **Once.** A `POST` may carry an `Idempotency-Key`. What was done and what was answered are kept in one transaction, so that
//! whoever asks again, signed anew, is answered the same. The key is not covered by the signature: whoever could change it on
//! the way can make a repetition count as a new request, and nothing else, since each signature counts once.

mod admins;
mod alerts;
mod approvals;
mod asked;
mod audit;
mod budgets;
mod cards;
mod claims;
mod configured;
mod console;
mod delegations;
mod domains;
pub(crate) mod endpoint;
mod error;
mod exports;
mod forms;
mod holders;
mod identity;
mod keys;
mod limits;
mod mcp;
mod migration;
pub mod openapi;
mod overlays;
mod people;
mod policies;
mod previews;
mod processes;
mod quarantine;
mod rotation;
mod scope;
mod serve;
mod signals;
mod stream;
mod told;
mod trust_domains;
mod version;

pub use admins::actions_of;
pub use asked::{MAX_BODY, escape};
pub use configured::problems;
pub use endpoint::{action, ask};
pub use error::ApiError;
pub use forms::{agent_name, model_name};
pub use limits::{Rate, Rates};
pub use serve::{Settings, api, api_with};
