//! The verifier and the agent for Python. What Python gets is texts of JSON, and errors whose argument is one; the package
//! around it (`../legation`) makes objects of them. A call lets other threads run meanwhile.

mod desk;
mod holder;

use legation_calls::{Failure, card, entry, holder::nonce as new_nonce, place, receipt};
use pyo3::{create_exception, exceptions::PyException, prelude::*};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

create_exception!(_legation, RawFailure, PyException, "Why there is no answer: the text of its JSON.");

fn error(failure: Failure) -> PyErr {
    RawFailure::new_err(failure.to_json().to_string())
}

fn answer(value: Result<impl ToString, Failure>) -> PyResult<String> {
    value.map(|value| value.to_string()).map_err(error)
}

/// A nonce of 144 random bits.
#[pyfunction]
fn nonce() -> PyResult<String> {
    answer(new_nonce())
}

/// The DID that a card claims, unverified.
#[pyfunction]
fn card_claims(card: &[u8]) -> PyResult<String> {
    answer(card::claimed(card))
}

/// Verifies a card by the document of its DID.
#[pyfunction]
fn verify_card(py: Python<'_>, card: &[u8], document: &[u8], now: i64) -> PyResult<String> {
    answer(py.detach(|| card::by_document(card, document, now)))
}

/// Verifies a card by a JWK set.
#[pyfunction]
fn verify_card_by_keys(py: Python<'_>, card: &[u8], keys: &[u8]) -> PyResult<String> {
    answer(py.detach(|| card::by_key_set(card, keys)))
}

/// Verifies a signed receipt.
#[pyfunction]
fn verify_receipt(py: Python<'_>, receipt: &str, document: &[u8]) -> PyResult<String> {
    answer(py.detach(|| receipt::verify(receipt, document)))
}

/// Verifies the proof of an entry of a log, and decides the entry again.
#[pyfunction]
#[pyo3(signature = (proof, document=None))]
fn verify_entry(py: Python<'_>, proof: &str, document: Option<&[u8]>) -> PyResult<String> {
    answer(py.detach(|| entry::verify(proof, document)))
}

/// The URL of a did:web's document.
#[pyfunction]
fn document_url(did: &str) -> PyResult<Option<String>> {
    place::of_document(did).map_err(error)
}

#[pymodule]
fn _legation(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("RawFailure", module.py().get_type::<RawFailure>())?;
    module.add_class::<desk::Desk>()?;
    module.add_class::<desk::Look>()?;
    module.add_class::<holder::Holder>()?;
    module.add_class::<holder::Meeting>()?;
    module.add_function(wrap_pyfunction!(nonce, module)?)?;
    module.add_function(wrap_pyfunction!(card_claims, module)?)?;
    module.add_function(wrap_pyfunction!(verify_card, module)?)?;
    module.add_function(wrap_pyfunction!(verify_card_by_keys, module)?)?;
    module.add_function(wrap_pyfunction!(verify_receipt, module)?)?;
    module.add_function(wrap_pyfunction!(verify_entry, module)?)?;
    module.add_function(wrap_pyfunction!(document_url, module)?)?;
    Ok(())
}
