//! OpenAI's interface: what a request asks for, what it costs at most, and what it really cost.
//!
//! | module | what it holds |
//! |---|---|
//! | [`request`] | [`Chat`]: a request, read strictly; what is not listed there does not pass |
//! | [`responses`] | [`Responses`]: a request of the newer interface, likewise |
//! | [`embeddings`] | [`Embeddings`]: texts as vectors |
//! | [`image_edit`] | [`ImageEdit`]: pictures that are made of pictures |
//! | [`images`] | [`Images`]: pictures, by how many, which size and which quality |
//! | [`speech`] | [`Speech`]: a text that is spoken, by its characters |
//! | [`transcription`] | [`Transcription`]: speech that is written down, by its seconds |
//! | [`bound`] | [`AtMost`]: the most tokens and money that it can take; its facts |
//! | [`forward`] | the body that the provider gets |
//! | [`usage`] | [`Usage`]: the tokens that an answer says it took |
//! | [`stream`] | [`Meter`]: the same of a streamed answer, which passes meanwhile |
//! | [`error`] | [`ErrorShape`]: a refusal as the provider's SDKs read one |
//! | [`models`] | the answers of `/v1/models` |
//! | [`refusal`] | [`ChatError`]: why a request does not pass |
//! | `message` | which messages and tools pass |
//!
//! Nothing here opens a socket, reads a clock or keeps a prompt. As of the API in 2026, by the types of OpenAI's own
//! SDKs for Python (2.x) and Node (6.x).

pub mod bound;
pub mod embeddings;
pub mod error;
pub mod forward;
pub mod image_edit;
pub mod images;
mod message;
pub mod models;
pub mod refusal;
pub mod request;
pub mod responses;
pub mod speech;
pub mod stream;
pub mod transcription;
pub mod usage;

pub use bound::AtMost;
pub use embeddings::Embeddings;
pub use error::ErrorShape;
pub use image_edit::ImageEdit;
pub use images::Images;
pub use refusal::ChatError;
pub use request::Chat;
pub use responses::Responses;
pub use speech::Speech;
pub use stream::{Ended, Meter};
pub use transcription::Transcription;
pub use usage::{Usage, UsageError, of_answer};
