//! The generator of the corpus.
//!
//! | module | what it holds |
//! |---|---|
//! | [`actors`] | who plays: each with a DID and a key that is always the same |
//! | [`sealed`] | a JWS that a case may bend anywhere, before and after it is signed |
//! | [`draft`] | the good scene (three links, a document, a status list), and steps in it |
//! | [`tricks`] | what attackers do to bytes and signatures |
//! | [`cases`] | one call per vector |

pub(crate) mod actors;
pub(crate) mod cases;
pub(crate) mod draft;
pub(crate) mod sealed;
pub(crate) mod tricks;
