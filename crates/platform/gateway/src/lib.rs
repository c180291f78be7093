//! The gateway: an agent's key is a delegation, in front of models and services.
//!
//! A request passes: auth → map → verify → authorize → reserve → record → forward → settle → record.
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
//! | `models` | what is configured; which model is meant |
//! | `decide` | verify, authorize, reserve: decided again where the organization changed meanwhile |
//! | `admit` | a request of an admin, decided in the same way: what the administration of an organization asks |
//! | `record` | receipts of what was decided and settled |
//! | `forward` | to the first target that can be reached, with its own key in place of the caller's |
//! | `answer` | what a caller gets; the one place where outcomes are counted |
//! | `settle` | what it really cost, by what the provider says |
//! | [`mod@router`] | where callers find what |
//! | [`openai`] | OpenAI's chat completions, responses and embeddings: bounded before, counted after |
//! | [`anthropic`] | Anthropic's messages, likewise |
//! | `json`, `members`, `weight`, `sse` | JSON that is read strictly, JSON objects as they are written, what a text weighs, events of a stream |
//! | [`gateway`], [`refused`], `telling` | what a gateway is made of; why something does not pass; what is counted |
//!
//! Nothing is forwarded before its permit and its receipt are kept, at the epoch of that moment: whatever was blocked,
//! suspended or revoked is refused on the next call, and a gateway that is cut off from its store lets nothing through.

mod admit;
mod answer;
pub mod anthropic;
mod asked;
mod auth;
mod balance;
mod call;
mod decide;
mod forward;
mod frees;
pub mod gateway;
mod http_route;
mod json;
mod known;
mod members;
mod models;
pub mod openai;
mod own;
mod record;
pub mod refused;
pub mod router;
mod settle;
mod signature;
mod sse;
mod stop;
mod telling;
mod weight;

pub use admit::Admitted;
pub use gateway::{Gateway, StartError};
pub use refused::Refused;
pub use router::router;
