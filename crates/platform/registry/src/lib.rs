//! The verbs of an organization: its teams and agents, their keys, delegations, budgets, models. No HTTP, no SQL.
//!
//! | module | what it holds |
//! |---|---|
//! | [`registry`] | [`Registry`]: an organization of a store, and the signer that holds its keys |
//! | [`holders`], [`import`] | [`init`]; teams and agents: added, suspended, resumed, retired; many at once |
//! | [`budgets`] | budgets set and raised, and what of them is taken |
//! | [`links`], [`blocks`] | delegations: issued, renewed, revoked; those that agents made themselves, blocked |
//! | [`preview`] | what a new agent would be given, before it is |
//! | [`history`] | what was: a team, an agent, a delegation as of a moment |
//! | [`rotation`] | keys in custody that are replaced |
//! | [`processes`] | processes of agents, whose requests the signer signs |
//! | [`master`] | all that is sealed, sealed anew; all keys made anew where the master key was lost |
//! | [`integrity`], [`retention`] | whether what is kept is what was written; for how long |
//! | [`restored`] | what was put back from a backup: opened again, confirmed |
//! | [`webvh`] | the log of all versions of the organization's document, where it has one |
//! | [`linkage`], [`domains`] | the tie between the organization's DID and its domain; further domains that it controls |
//! | [`cards`] | agent cards: signed, kept in versions |
//! | [`api_keys`], [`adopted`] | what an agent shows that can't sign; keys of another gateway, for a while |
//! | [`approvals`] | requests that wait for somebody's approval |
//! | [`mcp`] | MCP servers: whose a session is, which tools were looked at |
//! | [`a2a`], [`overlays`] | A2A agents: whose a task is; cards for those who call through the gateway |
//! | [`configured`], [`model`], [`route`] | models with their prices, routes, secrets of upstreams |
//! | [`partner`] | other organizations whose agents may call here |
//! | [`policies`], [`tried`] | policies in versions, bound; what one would have changed |
//! | [`quarantine`], [`activity`] | rules that suspend agents, or tell of them, by what they did; what an agent does against what it did |
//! | [`shadow`], [`watched`] | agents that are only watched for a while; what they did, and what would fit |
//! | [`view`] | what gateway and host read: who a key stands for, what is published |
//! | [`receipts`] | receipts, signed and summed up; events |
//! | [`log`] | the log: what was decided and changed, carried over under signed checkpoints |
//! | [`admins`], [`claim`] | who may change the organization from afar, by a delegation; the first one, by a code that is typed |
//! | [`identity`] | admins whom an OpenID provider knows |
//! | [`console`] | admins of some hours, who sign in to the console by a code |
//! | [`alerts`] | webhooks that are told what an operator has to know |
//! | `spiffe`, [`trust`] | the organization as a SPIFFE trust domain; other trust domains, and whose workloads are its agents |
//! | [`signals`] | streams of Security Event Tokens: whoever has one is told what happens to delegations |
//! | [`tokens`], [`issued`] | the keys that sign agents' identity tokens; tokens that were issued, and revoked |
//! | [`once`] | writes that are done once, however often they are asked for |
//! | [`proof`] | that an agent holds the key that it brings |
//! | [`profile`], [`mod@budget`], [`names`] | what is written down of a holder; `5USD/day`; names and DIDs |
//! | `status` | the organization's status lists |
//!
//! An organization delegates to its teams, a team to its agents: each step is a delegation, signed by a key in custody, so
//! that a team's budget is an ancestor's of all its agents. Each delegation names its account, which outlives it: renewing
//! it refills nothing.

pub mod a2a;
pub mod activity;
pub mod admins;
pub mod adopted;
pub mod alerts;
pub mod api_keys;
pub mod approvals;
pub mod blocks;
pub mod budget;
pub mod budgets;
pub mod cards;
pub mod claim;
pub mod configured;
pub mod console;
pub mod domains;
pub mod error;
pub mod history;
pub mod holders;
pub mod identity;
pub mod import;
pub mod integrity;
pub mod issued;
pub mod linkage;
pub mod links;
pub mod log;
pub mod master;
pub mod mcp;
pub mod model;
pub mod names;
pub mod once;
pub mod overlays;
pub mod partner;
pub mod policies;
pub mod preview;
pub mod processes;
pub mod profile;
pub mod proof;
pub mod quarantine;
pub mod receipts;
pub mod registry;
pub mod restored;
pub mod retention;
pub mod rotation;
pub mod route;
pub mod shadow;
pub mod signals;
mod spiffe;
mod status;
pub mod theirs;
pub mod tokens;
pub mod tried;
pub mod trust;
pub mod view;
pub mod watched;
pub mod webvh;

pub use admins::Admin;
pub use alerts::Alert;
pub use api_keys::NewKey;
pub use budget::{Budget, duration};
pub use budgets::{Budgeted, Taken};
pub use cards::SignedCard;
pub use error::RegistryError;
pub use history::Past;
pub use holders::{Find, Shown, init, init_with_history};
pub use import::{Imported, NewAgent};
pub use once::{Answered, Once};
pub use policies::Kept;
pub use preview::Preview;
pub use profile::Profile;
pub use registry::{FIRST_TEAM, Registry};
pub use rotation::Rotated;
pub use shadow::Shadowed;
pub use signals::SignalError;
pub use tried::{Trial, Tried};
pub use view::{Caller, CallerError};
pub use webvh::HistoryState;
