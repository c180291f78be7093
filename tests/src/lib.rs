//! The test corpus: one file per case in `vectors/`, each with one defect or, beside it, the
//! neighbour that passes. And the servers that tests stand on.
//!
//! | module | what it holds |
//! |---|---|
//! | [`vector`] | the format of a file, and its loader |
//! | [`run`](mod@run) | a vector through the library: what came out of each step, and why |
//! | [`pages`] | a page for each code of a denial, with an example of the corpus |
//! | [`told`](mod@told) | all that a verification says, to compare one with another |
//! | [`fuzz`] | the fuzz targets |
//! | [`postgres`] | a PostgreSQL server, real, to be crashed and hung |
//! | `signer` | a signer, real, with a folder of its own; a feature |
//! | [`sdk`] | the official OpenAI SDK, and what it makes of calls |
//! | [`upstream`] | a model server whose words are scripted |
//!
//! `tests/corpus.rs` runs every file through the library; the command's own tests load the same
//! files and run them through the command. The binary `make-vectors` wrote them.
//!
//! ```
//! for vector in legation_tests::load_all()? {
//!     let expected: Vec<_> = vector.steps.iter().map(|step| step.expect).collect();
//!     assert_eq!(legation_tests::run(&vector), expected, "{}", vector.name);
//! }
//! # Ok::<(), legation_tests::LoadError>(())
//! ```

pub mod fuzz;
pub mod pages;
pub mod postgres;
pub mod run;
pub mod sdk;
#[cfg(feature = "signer")]
pub mod signer;
pub mod told;
pub mod upstream;
pub mod vector;

pub use run::{explain, run};
pub use vector::{LoadError, Outcome, RequestParts, Step, Vector, directory, load, load_all};
