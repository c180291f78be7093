//! What administrators did: a line for each of their requests, whatever came of it. Of a request no body is told, and of whoever
//! is nobody no text.

use super::{endpoint::Endpoint, error::ApiError};
use axum::response::Response;
use legation_gateway::{Admitted, Gateway};
use legation_keys::time;
use serde_json::{Map, json};
use std::time::Instant;

/// A request, as far as it is told of.
pub(crate) struct Act {
    id: String,
    at: i64,
    began: Instant,
    endpoint: &'static Endpoint,
    admitted: Option<(String, i64)>,
    name: Option<String>,
}

impl Act {
    pub(crate) fn begin(endpoint: &'static Endpoint, at: i64) -> Self {
        let id = uuid::Uuid::now_v7().to_string();
        Self { id, at, began: Instant::now(), endpoint, admitted: None, name: None }
    }

    /// It is an administrator's, who may do it; on what, the path says.
    pub(crate) fn admitted(&mut self, admitted: &Admitted, path: &str) {
        self.admitted = Some((admitted.agent.to_string(), admitted.receipt));
        self.name = self.endpoint.name_in(path).filter(|name| !name.is_empty());
    }

    /// Writes down what came of it.
    pub(crate) fn told(&self, gateway: &Gateway, answered: &Result<Response, ApiError>) {
        let mut line = Map::new();
        line.insert("log".to_owned(), json!("audit"));
        line.insert("at".to_owned(), json!(time::format(self.at)));
        line.insert("id".to_owned(), json!(self.id));
        line.insert("action".to_owned(), json!(self.endpoint.action));
        line.insert("method".to_owned(), json!(self.endpoint.method.as_str()));
        line.insert("path".to_owned(), json!(self.endpoint.path));
        if let Some((admin, receipt)) = &self.admitted {
            line.insert("admin".to_owned(), json!(admin));
            line.insert("receipt".to_owned(), json!(receipt));
        }
        if let Some(name) = &self.name {
            line.insert("name".to_owned(), json!(name));
        }
        let (status, code) = match answered {
            Ok(response) => (response.status().as_u16(), None),
            Err(error) => (error.status, Some(&error.code)),
        };
        line.insert("status".to_owned(), json!(status));
        if let Some(code) = code {
            line.insert("code".to_owned(), json!(code));
        }
        let took = (self.began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        line.insert("totalMs".to_owned(), json!(took));
        gateway.audit(self.admitted.is_some(), || line.into());
    }
}
