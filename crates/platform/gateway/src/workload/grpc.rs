//! The methods of the Workload API over gRPC.

use super::{
    Workloads,
    messages::{
        JwtBundlesRequest, JwtBundlesResponse, JwtSvid, JwtSvidRequest, JwtSvidResponse, Kind, List, Struct,
        ValidateJwtSvidRequest, ValidateJwtSvidResponse, Value,
    },
};
use crate::{access, gateway::Gateway, refused::Refused};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::post,
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use http::HeaderMap;
use legation_token::svid::SvidClaims;
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};
use tonic::{
    Code, Status,
    server::{Grpc, ServerStreamingService, UnaryService},
};
use tonic_prost::ProstCodec;

/// By which whoever asks shows that it means this API, and was not brought here by a page in a browser (Workload Endpoint §3).
const HEADER: &str = "workload.spiffe.io";
/// Most bytes of a message: an SVID and an audience.
const MAX_MESSAGE: usize = 64 << 10;
/// How often it is looked whether bundles have changed while somebody listens.
const LOOK: Duration = Duration::from_secs(2);

/// What is asked by whom.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) gateway: Arc<Gateway>,
    pub(super) workloads: Workloads,
}

/// The user at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct User(pub(super) u32);

type Answer<T> = Pin<Box<dyn Future<Output = Result<tonic::Response<T>, Status>> + Send>>;

/// The API as a router. Whatever else is asked for is not there (`Unimplemented`).
pub(super) fn router(asking: Asking) -> Router {
    Router::new()
        .route("/SpiffeWorkloadAPI/FetchJWTSVID", post(fetch))
        .route("/SpiffeWorkloadAPI/FetchJWTBundles", post(bundles))
        .route("/SpiffeWorkloadAPI/ValidateJWTSVID", post(validate))
        .fallback(|| async { Status::unimplemented("this is not served here").into_http::<Body>() })
        .with_state(asking)
}

/// Who asks: a user of this machine that an agent was named for, by the header that all who know this API send.
fn agent_of(asking: &Asking, request: &Request) -> Result<String, Box<Status>> {
    let mut said = request.headers().get_all(HEADER).iter();
    if (said.next().map(|value| value.as_bytes()), said.next()) != (Some(b"true".as_slice()), None) {
        return Err(Box::new(Status::invalid_argument("send the metadata `workload.spiffe.io: true`")));
    }
    let user = request.extensions().get::<User>();
    let agent = user.and_then(|User(user)| asking.workloads.agent(*user));
    agent.map(str::to_owned).ok_or_else(|| {
        let message = "no agent was named for the user of this process; whoever runs this names one by `--workload UID=AGENT`";
        Box::new(Status::permission_denied(message))
    })
}

async fn fetch(State(asking): State<Asking>, request: Request) -> Response {
    access::route("SpiffeWorkloadAPI/FetchJWTSVID");
    match agent_of(&asking, &request) {
        Ok(agent) => {
            let mut grpc = Grpc::new(ProstCodec::<JwtSvidResponse, JwtSvidRequest>::default())
                .max_decoding_message_size(MAX_MESSAGE);
            grpc.unary(Fetch(asking, agent), request).await.map(Body::new)
        }
        Err(status) => status.into_http(),
    }
}

async fn validate(State(asking): State<Asking>, request: Request) -> Response {
    access::route("SpiffeWorkloadAPI/ValidateJWTSVID");
    match agent_of(&asking, &request) {
        Ok(_) => {
            let mut grpc =
                Grpc::new(ProstCodec::<ValidateJwtSvidResponse, ValidateJwtSvidRequest>::default())
                    .max_decoding_message_size(MAX_MESSAGE);
            grpc.unary(Validate(asking), request).await.map(Body::new)
        }
        Err(status) => status.into_http(),
    }
}

async fn bundles(State(asking): State<Asking>, request: Request) -> Response {
    access::route("SpiffeWorkloadAPI/FetchJWTBundles");
    match agent_of(&asking, &request) {
        Ok(_) => {
            let mut grpc = Grpc::new(ProstCodec::<JwtBundlesResponse, JwtBundlesRequest>::default())
                .max_decoding_message_size(MAX_MESSAGE);
            grpc.server_streaming(Bundles(asking), request).await.map(Body::new)
        }
        Err(status) => status.into_http(),
    }
}

struct Fetch(Asking, String);

impl UnaryService<JwtSvidRequest> for Fetch {
    type Response = JwtSvidResponse;
    type Future = Answer<JwtSvidResponse>;

    fn call(&mut self, request: tonic::Request<JwtSvidRequest>) -> Self::Future {
        let (asking, agent) = (self.0.clone(), self.1.clone());
        Box::pin(
            async move { fetched(&asking, &agent, request.into_inner()).await.map(tonic::Response::new) },
        )
    }
}

async fn fetched(asking: &Asking, agent: &str, asked: JwtSvidRequest) -> Result<JwtSvidResponse, Status> {
    let [audience] = asked.audience.as_slice() else {
        return Err(Status::invalid_argument("an SVID is for one audience here: ask for each once"));
    };
    let gateway = &asking.gateway;
    let work = async { gateway.svid_of_process(agent, audience).await };
    let (spiffe_id, svid) = work.await.map_err(|refused| status(&refused))?;
    // An identity that it does not have, by the word of the specification, is none that it is entitled to.
    if !asked.spiffe_id.is_empty() && asked.spiffe_id != spiffe_id {
        return Err(Status::permission_denied("that SPIFFE ID is another workload's"));
    }
    Ok(JwtSvidResponse { svids: vec![JwtSvid { spiffe_id, svid }] })
}

struct Validate(Asking);

impl UnaryService<ValidateJwtSvidRequest> for Validate {
    type Response = ValidateJwtSvidResponse;
    type Future = Answer<ValidateJwtSvidResponse>;

    fn call(&mut self, request: tonic::Request<ValidateJwtSvidRequest>) -> Self::Future {
        let asking = self.0.clone();
        Box::pin(async move {
            let ValidateJwtSvidRequest { audience, svid } = request.into_inner();
            if audience.is_empty() || svid.is_empty() {
                return Err(Status::invalid_argument("say the audience and the SVID"));
            }
            // Whatever is wrong with it, it is the argument (Workload API §6.2.3).
            let claims = asking.gateway.valid_svid(&svid, &audience).await.map_err(|refused| {
                if refused.status() >= 500 {
                    status(&refused)
                } else {
                    Status::invalid_argument(refused.message)
                }
            })?;
            let spiffe_id = claims.id.to_string();
            let claims = Some(said(&claims));
            Ok(tonic::Response::new(ValidateJwtSvidResponse { spiffe_id, claims }))
        })
    }
}

/// The claims that are read, as a `Struct`.
fn said(claims: &SvidClaims) -> Struct {
    let text = |text: &str| Value { kind: Some(Kind::Text(text.to_owned())) };
    // Seconds of any time that is told are numbers that a double holds.
    #[allow(clippy::cast_precision_loss)]
    let number = |number: i64| Value { kind: Some(Kind::Number(number as f64)) };
    let audience = Value { kind: Some(Kind::List(List { values: vec![text(&claims.audience)] })) };
    let mut fields =
        vec![("sub", text(claims.id.as_str())), ("aud", audience), ("exp", number(claims.expires_at))];
    fields.extend(claims.issued_at.map(|at| ("iat", number(at))));
    fields.extend(claims.not_before.map(|at| ("nbf", number(at))));
    fields.extend(claims.token_id.as_ref().map(|id| ("jti", text(id))));
    Struct { fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
}

struct Bundles(Asking);

impl ServerStreamingService<JwtBundlesRequest> for Bundles {
    type Response = JwtBundlesResponse;
    type ResponseStream = BoxStream<'static, Result<JwtBundlesResponse, Status>>;
    type Future = Answer<Self::ResponseStream>;

    fn call(&mut self, _: tonic::Request<JwtBundlesRequest>) -> Self::Future {
        let gateway = Arc::clone(&self.0.gateway);
        // The first at once, and then whatever has changed.
        let looked = stream::unfold((gateway, None), |(gateway, before)| async move {
            loop {
                if before.is_some() {
                    tokio::time::sleep(LOOK).await;
                }
                match gateway.all_bundles().await {
                    Ok(bundles) if before.as_ref() == Some(&bundles) => {}
                    Ok(bundles) => {
                        let told = JwtBundlesResponse { bundles: bundles.clone() };
                        return Some((Ok(told), (gateway, Some(bundles))));
                    }
                    Err(refused) => return Some((Err(status(&refused)), (gateway, before))),
                }
            }
        });
        // One failure ends it: whoever listens asks again.
        let until_failed = looked.scan(false, |failed, one| {
            let told = (!*failed).then_some(one);
            *failed = told.as_ref().is_some_and(Result::is_err);
            core::future::ready(told)
        });
        Box::pin(async move { Ok(tonic::Response::new(until_failed.boxed())) })
    }
}

/// A refusal as gRPC has it: what waits may be asked again, what is denied not (Workload Endpoint §6).
fn status(refused: &Refused) -> Status {
    let code = match (refused.code.as_str(), refused.status()) {
        ("audience_invalid", _) => Code::InvalidArgument,
        (_, 429) => Code::ResourceExhausted,
        (_, 500..) => Code::Unavailable,
        _ => Code::PermissionDenied,
    };
    let mut metadata = HeaderMap::new();
    if let Ok(value) = refused.code.parse() {
        metadata.insert("legation-code", value);
    }
    Status::with_metadata(code, &refused.message, tonic::metadata::MetadataMap::from_headers(metadata))
}
