//! Answers: what a caller gets, and the one place where outcomes are counted.

use crate::{access, anthropic, asked::Shape, gateway::Gateway, openai::ErrorShape, refused::Refused};
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};

impl Gateway {
    /// What came of a call as its caller gets it, counted by its outcome.
    pub(crate) fn told(&self, outcome: Result<Response, Refused>) -> Response {
        self.told_as(Shape::OpenAi, outcome)
    }

    /// The same in the shape of another provider.
    pub(crate) fn told_as(&self, shape: Shape, outcome: Result<Response, Refused>) -> Response {
        match outcome {
            Ok(response) => {
                self.counts.add("permit");
                access::code("permit");
                response
            }
            Err(refused) => self.refuse_as(shape, &refused),
        }
    }

    /// A refusal as its caller gets it, counted by its code. Each has an id, by which both sides can name it.
    pub(crate) fn refuse(&self, refused: &Refused) -> Response {
        self.refuse_as(Shape::OpenAi, refused)
    }

    /// The same in the shape of another provider.
    pub(crate) fn refuse_as(&self, shape: Shape, refused: &Refused) -> Response {
        self.counts.add(&refused.code);
        access::code(&refused.code);
        let id = access::id().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let told = refused.shape(&id);
        match shape {
            Shape::OpenAi => error(&told, told.body()),
            Shape::Anthropic => error(&told, anthropic::error::body(&told)),
        }
    }
}

/// An answer of one piece, which nobody keeps for another.
pub(crate) fn whole(status: u16, kind: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn error(shape: &ErrorShape<'_>, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(shape.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in shape.headers() {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
