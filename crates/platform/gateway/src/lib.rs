//! The gateway: an agent's key is a delegation, in front of models and services.
//!
//! A request passes: auth → map → verify → authorize → policy → reserve → record → forward → settle → record.
//!
//! | module | step |
//! |---|---|
//! | `auth`, `signature`, `known` | who calls: an API key stands for an agent in custody, a signature for whoever signs |
//! | `frees` | what of a caller's budgets is left, and when there is more |
//! | `own` | what an agent asks about itself: its delegations, its budgets |
//! | `call` | a call of a model, from the request to the last byte of its answer |
//! | `asked` | what is asked of a model, by which interface: what each of them says alike |
//! | `balance` | which of a model's targets is asked first, and which next |
//! | `stop` | what runs ends within a second of its caller being stopped |
//! | `http_route` | a request of any other service: the action `http:METHOD` on the upstream's own URL |
//! | `kept` | files and batches, which a provider keeps and which belong to the agent that made them |
//! | `approve` | what needs an approval is held until somebody has decided |
//! | `authzen` | decisions that others ask for (AuthZEN): the same, without forwarding |
//! | `authz` | decisions that proxies ask for before they pass a request on: Envoy, nginx, Traefik |
//! | `mcp` | messages to MCP servers: calls of tools with their arguments, lists of what may be called |
//! | `a2a` | messages to A2A agents: skills with their data, tasks that are of who began them, cards as they are |
//! | `rpc` | what both have in common on their way there and back |
//! | `models` | what is configured; which model is meant |
//! | `foreign` | agents of partners, under the ceiling that the partner has here |
//! | `policy` | what the organization forbids, whatever the chain permits |
//! | `shadow` | an agent that is only watched: what is denied is told, and passes up to what its team has |
//! | `decide` | verify, authorize, policy, reserve: decided again where the organization changed meanwhile |
//! | `counted` | which denials count against an agent, for rules of quarantine |
//! | `token` | identity tokens for services that know OAuth: who asks, what is decided, what is signed |
//! | `authorize`, [`words`] | a person is asked what a program may do, in plain words, and consents |
//! | `resource` | routes that take identity tokens: whom one stands for, and what is told of where to get one |
//! | `admit` | a request of an admin, decided in the same way: what the administration of an organization asks |
//! | `turns`, `bodies` | how many calls go on at a time, and how many bodies arrive: of all, and of one agent |
//! | `record` | receipts of what was decided and settled |
//! | `forward` | to the first target that can be reached, with its own key in place of the caller's |
//! | `answer` | what a caller gets; the one place where outcomes are counted |
//! | `access`, `trace`, `logs`, [`lines`] | what is told of a request: a line of the access log, spans; what administrators did |
//! | `whose` | of which organization a request is, where a process serves several and its host does not say |
//! | `settle` | what it really cost, by what the provider says |
//! | `workload` | the SPIFFE Workload API on a unix socket: SVIDs for processes of agents of this machine |
//! | [`mod@router`] | where callers find what |
//! | [`openai`] | OpenAI's chat completions, responses and embeddings: bounded before, counted after |
//! | [`anthropic`] | Anthropic's messages, likewise |
//! | `form`, `json`, `members`, `weight`, `sse` | forms and JSON that are read strictly, JSON objects as they are written, what a text weighs, events of a stream |
//! | [`gateway`], [`refused`], `telling` | what a gateway is made of; why something does not pass; what is counted |
//!
//! Nothing is forwarded before its permit and its receipt are kept, at the epoch of that moment: whatever was blocked,
//! suspended or revoked is refused on the next call, and a gateway that is cut off from its store lets nothing through.

mod a2a;
mod access;
mod admit;
mod answer;
pub mod anthropic;
mod approve;
mod asked;
mod auth;
mod authorize;
mod authz;
mod authzen;
mod balance;
mod bodies;
mod call;
mod counted;
mod decide;
mod foreign;
mod form;
mod forward;
mod frees;
pub mod gateway;
mod http_route;
mod json;
mod kept;
mod known;
pub mod lines;
mod logs;
mod mcp;
mod members;
mod models;
pub mod openai;
mod own;
mod policy;
mod record;
pub mod refused;
mod resource;
pub mod router;
mod rpc;
mod settle;
mod shadow;
mod signature;
mod sse;
mod stop;
mod telling;
mod theirs;
mod token;
mod trace;
mod turns;
mod weight;
mod whose;
pub mod words;
mod workload;

pub use admit::Admitted;
pub use authz::{OriginError, Origins, authz_router};
pub use gateway::{Gateway, Limits, StartError};
pub use lines::{Lines, Place};
pub use logs::Logs;
pub use refused::Refused;
pub use router::{KeptOpen, router, told};
pub use telling::of_several;
pub use whose::whose;
pub use workload::{WorkloadSocket, WorkloadSocketError, Workloads};
