//! A verifier. Threads may share one: each decision is taken whole before the next.

use crate::{answer, error, holder::Holder};
use legation_calls::Shown;
use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A verifier with its trust, its evidence and what was used up.
#[pyclass(frozen)]
pub(crate) struct Desk(Mutex<legation_calls::Desk>);

/// What was shown, while evidence for it is brought.
#[pyclass(frozen)]
pub(crate) struct Look(Mutex<legation_calls::Look>);

/// What a lock holds is whole whenever it is let go: nothing is half written where something fails.
fn hold<T>(one: &Mutex<T>) -> MutexGuard<'_, T> {
    one.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    fn look(&self, py: Python<'_>, shown: Shown<'_>, asked: Option<&str>, now: i64) -> PyResult<Look> {
        let look = py.detach(|| hold(&self.0).look(shown, asked, now));
        look.map(|look| Look(Mutex::new(look))).map_err(error)
    }
}

#[pymethods]
impl Desk {
    #[new]
    #[pyo3(signature = (trust, ledger=None))]
    fn new(trust: &str, ledger: Option<&str>) -> PyResult<Self> {
        legation_calls::Desk::new(trust, ledger).map(|desk| Self(Mutex::new(desk))).map_err(error)
    }

    #[getter]
    fn audience(&self) -> String {
        hold(&self.0).audience().to_owned()
    }

    fn begin_at(&self, now: i64) {
        hold(&self.0).begin_at(now);
    }

    fn set_evidence(&self, py: Python<'_>, text: &str) -> PyResult<()> {
        py.detach(|| hold(&self.0).set_evidence(text)).map_err(error)
    }

    #[pyo3(signature = (presentation, nonce, asked, now))]
    fn look_at_presentation(
        &self,
        py: Python<'_>,
        presentation: &[u8],
        nonce: &str,
        asked: Option<&str>,
        now: i64,
    ) -> PyResult<Look> {
        self.look(py, Shown::Presentation { bytes: presentation, nonce }, asked, now)
    }

    #[pyo3(signature = (method, url, headers, body, asked, now))]
    #[allow(clippy::too_many_arguments, clippy::needless_pass_by_value)]
    fn look_at_request(
        &self,
        py: Python<'_>,
        method: &str,
        url: &str,
        headers: Vec<(String, String)>,
        body: &[u8],
        asked: Option<&str>,
        now: i64,
    ) -> PyResult<Look> {
        self.look(py, Shown::Request { method, url, headers: &headers, body }, asked, now)
    }

    #[pyo3(signature = (chain, agent, known_by, asked, now))]
    fn look_at_vouched(
        &self,
        py: Python<'_>,
        chain: &str,
        agent: &str,
        known_by: &str,
        asked: Option<&str>,
        now: i64,
    ) -> PyResult<Look> {
        self.look(py, Shown::Vouched { chain, agent, known_by }, asked, now)
    }

    fn decide(&self, py: Python<'_>, look: &Look, fetching: bool, now: i64) -> PyResult<String> {
        answer(py.detach(|| hold(&self.0).decide(&mut hold(&look.0), fetching, now)))
    }

    #[pyo3(signature = (look, holder, given=None))]
    fn receipt(
        &self,
        py: Python<'_>,
        look: &Look,
        holder: &Holder,
        given: Option<&[u8]>,
    ) -> PyResult<String> {
        answer(py.detach(|| hold(&self.0).receipt(&hold(&look.0), &holder.read(), given)))
    }
}

#[pymethods]
impl Look {
    fn add_document(&self, did: &str, document: &[u8], at: i64) -> PyResult<()> {
        hold(&self.0).add_document(did, document, at).map_err(error)
    }

    fn add_status_list(&self, url: &str, text: &str, at: i64) {
        hold(&self.0).add_status_list(url, text, at);
    }

    fn add_failure(&self, what: &str, reason: &str, at: i64) {
        hold(&self.0).add_failure(what, reason, at);
    }
}
