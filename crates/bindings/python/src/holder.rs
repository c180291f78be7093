//! An agent, and the handshakes that it begins. Threads may share one.

use crate::{answer, error};
use legation_calls::{holder::ToSign, meeting};
use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

/// An agent: its key, and the delegations that it acts by. It prints as its DID.
#[pyclass(frozen)]
pub(crate) struct Holder(RwLock<legation_calls::Holder>);

impl Holder {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, legation_calls::Holder> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(holder: Result<legation_calls::Holder, legation_calls::Failure>) -> PyResult<Self> {
        holder.map(|holder| Self(RwLock::new(holder))).map_err(error)
    }
}

#[pymethods]
impl Holder {
    #[staticmethod]
    #[pyo3(signature = (text, did=None))]
    fn from_file(text: &str, did: Option<&str>) -> PyResult<Self> {
        Self::of(legation_calls::Holder::from_file(text, did))
    }

    #[staticmethod]
    fn generate() -> PyResult<Self> {
        Self::of(legation_calls::Holder::generate())
    }

    #[staticmethod]
    #[pyo3(signature = (public_jwk, chain, did=None))]
    fn elsewhere(public_jwk: &str, chain: &str, did: Option<&str>) -> PyResult<Self> {
        Self::of(legation_calls::Holder::elsewhere(public_jwk, chain, did))
    }

    #[getter]
    fn did(&self) -> String {
        self.read().did().to_string()
    }

    #[getter]
    fn chain(&self) -> String {
        self.read().chain()
    }

    #[getter]
    fn due(&self) -> i64 {
        self.read().due()
    }

    fn describe(&self) -> PyResult<String> {
        answer(self.read().describe())
    }

    fn renew(&self, chain: &str) -> PyResult<()> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).renew(chain).map_err(error)
    }

    #[pyo3(signature = (audience, nonce, given, now))]
    fn present(
        &self,
        py: Python<'_>,
        audience: &str,
        nonce: &str,
        given: Option<&[u8]>,
        now: i64,
    ) -> PyResult<String> {
        answer(py.detach(|| self.read().present((audience, nonce), given, now)))
    }

    #[pyo3(signature = (method, url, headers, body, digest, nonce, directory, given, now))]
    #[allow(clippy::too_many_arguments, clippy::needless_pass_by_value)]
    fn sign_request(
        &self,
        py: Python<'_>,
        method: &str,
        url: &str,
        headers: Vec<(String, String)>,
        body: &[u8],
        digest: bool,
        nonce: &str,
        directory: Option<&str>,
        given: Option<&[u8]>,
        now: i64,
    ) -> PyResult<String> {
        let request = ToSign { method, url, headers: &headers, body, digest, nonce, directory };
        answer(py.detach(|| self.read().sign_request(&request, given, now)))
    }

    #[pyo3(signature = (subject, terms, given, now))]
    fn delegate(
        &self,
        py: Python<'_>,
        subject: &str,
        terms: &str,
        given: Option<&[u8]>,
        now: i64,
    ) -> PyResult<String> {
        answer(py.detach(|| self.read().delegate((subject, terms), given, now)))
    }

    #[pyo3(signature = (subject, terms, given, now))]
    fn grant(
        &self,
        py: Python<'_>,
        subject: &str,
        terms: &str,
        given: Option<&[u8]>,
        now: i64,
    ) -> PyResult<String> {
        answer(py.detach(|| self.read().grant((subject, terms), given, now)))
    }

    #[pyo3(signature = (asked, given, now))]
    fn approve(&self, py: Python<'_>, asked: &str, given: Option<&[u8]>, now: i64) -> PyResult<String> {
        answer(py.detach(|| self.read().approve(asked, given, now)))
    }

    fn __repr__(&self) -> String {
        format!("Holder({})", self.read().did())
    }
}

/// A handshake that is under way.
#[pyclass(frozen)]
pub(crate) struct Meeting(Mutex<legation_calls::Meeting>);

#[pymethods]
impl Meeting {
    #[new]
    fn new(py: Python<'_>, holder: &Holder, card: &[u8], document: &[u8], now: i64) -> PyResult<Self> {
        let meeting = py.detach(|| legation_calls::Meeting::begin(&holder.read(), card, document, now));
        meeting.map(|meeting| Self(Mutex::new(meeting))).map_err(error)
    }

    fn hello(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).hello().to_string()
    }

    #[pyo3(signature = (challenge, holder, given, now))]
    fn answer(
        &self,
        py: Python<'_>,
        challenge: &[u8],
        holder: &Holder,
        given: Option<&[u8]>,
        now: i64,
    ) -> PyResult<String> {
        let meeting = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answer(py.detach(|| meeting().answer(challenge, &holder.read(), given, now)))
    }

    fn finish(&self, py: Python<'_>, message: &[u8], now: i64) -> PyResult<String> {
        let meeting = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answer(py.detach(|| meeting().finish(message, now)))
    }

    #[staticmethod]
    #[pyo3(signature = (record, holder, given=None))]
    fn sign(record: &str, holder: &Holder, given: Option<&[u8]>) -> PyResult<String> {
        answer(meeting::sign_record(record, &holder.read(), given))
    }
}
