//! Where a program asks a person (RFC 6749 §3.1, RFC 9126), and the pages that the person sees.

use super::to_the_end;
use crate::{access, authorize, gateway::Gateway, token};
use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::{get, post},
};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/oauth/authorize", get(show))
        .route("/oauth/sign-in", post(sign_in))
        .route("/oauth/sign-out", post(sign_out))
        .route("/oauth/consent", post(decide))
        .route("/oauth/consents", get(own))
        .route("/oauth/revoke", post(take_back))
        .route("/oauth/par", post(push))
        .route("/oauth/style.css", get(style))
}

async fn show(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    access::route("/oauth/authorize");
    authorize::show(&gateway, request.uri(), request.headers()).await
}

async fn style() -> Response {
    access::route("/oauth/style.css");
    authorize::style()
}

async fn sign_in(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    access::route("/oauth/sign-in");
    match authorize::arrive(&gateway, request).await {
        Ok(sent) => authorize::sign_in(&gateway, &sent).await,
        Err(refused) => refused,
    }
}

async fn sign_out(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    access::route("/oauth/sign-out");
    match authorize::arrive(&gateway, request).await {
        Ok(sent) => authorize::sign_out(&gateway, &sent).await,
        Err(refused) => refused,
    }
}

async fn decide(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    access::route("/oauth/consent");
    let sent = match authorize::arrive(&gateway, request).await {
        Ok(sent) => sent,
        Err(refused) => return refused,
    };
    let done = Arc::clone(&gateway);
    to_the_end(&gateway, async move { authorize::decide(&done, &sent).await }).await
}

async fn own(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    access::route("/oauth/consents");
    authorize::consents(&gateway, request.headers()).await
}

async fn take_back(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    access::route("/oauth/revoke");
    let sent = match authorize::arrive(&gateway, request).await {
        Ok(sent) => sent,
        Err(refused) => return refused,
    };
    let done = Arc::clone(&gateway);
    to_the_end(&gateway, async move { authorize::revoke(&done, &sent).await }).await
}

async fn push(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    access::route("/oauth/par");
    match token::arrive(&gateway, request).await {
        Ok(arrived) => authorize::push(&gateway, &arrived).await,
        Err(refused) => refused,
    }
}
