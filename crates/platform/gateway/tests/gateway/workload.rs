//! The SPIFFE Workload API, asked over its socket by HTTP/2 as any gRPC client asks.

use crate::{
    resource::get,
    svids::{HERE, agent, sent, with_routes},
    world::{blocking, now, sqlite},
};
use axum::body::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use legation_gateway::{WorkloadSocket, WorkloadSocketError, Workloads};
use legation_store::holder::Kind;
use legation_token::svid::{Bundle, verify::signed};
use prost::Message;
use std::{collections::HashMap, os::unix::fs::MetadataExt, path::Path, sync::Arc, time::Duration};
use tokio::net::UnixStream;

#[derive(Clone, PartialEq, prost::Message)]
struct Asked {
    #[prost(string, repeated, tag = "1")]
    audience: Vec<String>,
    #[prost(string, tag = "2")]
    id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Got {
    #[prost(message, repeated, tag = "1")]
    svids: Vec<Svid>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Svid {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Bundles {
    #[prost(map = "string, bytes", tag = "1")]
    bundles: HashMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Validate {
    #[prost(string, tag = "1")]
    audience: String,
    #[prost(string, tag = "2")]
    svid: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Valid {
    #[prost(string, tag = "1")]
    id: String,
}

fn frame(message: &impl Message) -> Bytes {
    let body = message.encode_to_vec();
    [&[0][..], &u32::try_from(body.len()).unwrap().to_be_bytes(), &body].concat().into()
}

/// The status of a call, and the first message of its answer.
async fn call(
    socket: &Path,
    method: &str,
    (message, header): (&impl Message, Option<&str>),
) -> (u32, Option<Bytes>) {
    let stream = TokioIo::new(UnixStream::connect(socket).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let running = tokio::spawn(connection);
    let mut request = Request::post(format!("http://localhost/SpiffeWorkloadAPI/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(header) = header {
        request = request.header("workload.spiffe.io", header);
    }
    let request = request.body(Full::new(frame(message))).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = |headers: &HeaderMap| {
        headers.get("grpc-status").map(|status| status.to_str().unwrap().parse::<u32>().unwrap())
    };
    let mut code = status(response.headers());
    let (mut body, mut first) = (response.into_body(), None);
    while code.is_none() {
        // A stream does not end by itself.
        let Ok(Some(frame)) = tokio::time::timeout(Duration::from_secs(1), body.frame()).await else { break };
        let frame = frame.unwrap();
        if let Some(trailers) = frame.trailers_ref() {
            code = status(trailers);
        } else if first.is_none() {
            first = frame.into_data().ok().map(|data| data.slice(5..));
        }
    }
    running.abort();
    (code.unwrap_or_default(), first)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_has_svids_of_the_agent_that_its_user_was_named_for_and_of_nobody_else() {
    let routed = with_routes(sqlite());
    agent(&routed, "crm");
    let path = routed.world.folder.path().join("workload.sock");
    let user = std::fs::metadata(routed.world.folder.path()).unwrap().uid();
    let socket = Arc::new(WorkloadSocket::bind(&path).unwrap());
    assert!(matches!(WorkloadSocket::bind(&path), Err(WorkloadSocketError::Taken { .. })));
    let workloads = Workloads::new([(user, "crm".to_owned())]);
    let (served, gateway) = (Arc::clone(&socket), routed.world.gateway(0));
    let serving = tokio::spawn(async move { served.serve(gateway, workloads).await });
    let ask = |audience: &[&str], id: &str| Asked {
        audience: audience.iter().map(|one| (*one).to_owned()).collect(),
        id: id.to_owned(),
    };
    let (code, body) = call(&path, "FetchJWTSVID", (&ask(&[HERE], ""), Some("true"))).await;
    assert_eq!(code, 0);
    let got = Got::decode(body.unwrap()).unwrap().svids.remove(0);
    assert_eq!(got.id, "spiffe://acme.example/crm");
    let (_, body) = call(&path, "FetchJWTBundles", (&ask(&[], ""), Some("true"))).await;
    let bundles = Bundles::decode(body.unwrap()).unwrap().bundles;
    let bundle = Bundle::parse(&bundles["spiffe://acme.example"]).unwrap();
    signed(&got.text, &bundle, "acme.example").unwrap().holds(HERE, 300, now()).unwrap();
    assert_eq!(sent(&routed, 0, "/svid/x", &got.text).await.0, 200);
    let bodies = routed.world.bodies();
    assert!(bodies[0].to_string().contains("svid:issue"), "{bodies:?}");
    // gRPC's codes: 3 is an argument that is none, 7 is denied, 12 is not there.
    for (method, asked, header, expected) in [
        ("FetchJWTSVID", ask(&[HERE], ""), None, 3),
        ("FetchJWTSVID", ask(&[HERE], ""), Some("True"), 3),
        ("FetchJWTBundles", ask(&[], ""), None, 3),
        ("ValidateJWTSVID", ask(&[], ""), None, 3),
        ("FetchJWTSVID", ask(&[], ""), Some("true"), 3),
        ("FetchJWTSVID", ask(&[HERE, "https://acme.example/second/"], ""), Some("true"), 3),
        ("FetchJWTSVID", ask(&["no uri"], ""), Some("true"), 3),
        ("FetchJWTSVID", ask(&["https://other.example/"], ""), Some("true"), 7),
        ("FetchJWTSVID", ask(&[HERE], "spiffe://acme.example/boss"), Some("true"), 7),
        ("FetchX509SVID", ask(&[], ""), Some("true"), 12),
        ("FetchWITSVID", ask(&[], ""), Some("true"), 12),
    ] {
        assert_eq!(call(&path, method, (&asked, header)).await.0, expected, "{method} {asked:?} {header:?}");
    }
    let validate = |audience: &str, svid: &str| Validate { audience: audience.into(), svid: svid.into() };
    let (code, body) = call(&path, "ValidateJWTSVID", (&validate(HERE, &got.text), Some("true"))).await;
    assert_eq!((code, Valid::decode(body.unwrap()).unwrap().id), (0, got.id.clone()));
    let (signed_part, _) = got.text.rsplit_once('.').unwrap();
    let forged = format!("{signed_part}.{}", "A".repeat(86));
    for (audience, svid) in
        [("https://other.example/", got.text.as_str()), (HERE, &forged), (HERE, "x"), ("", "")]
    {
        assert_eq!(call(&path, "ValidateJWTSVID", (&validate(audience, svid), Some("true"))).await.0, 3);
    }
    // What its agent may no longer do it may not, at once.
    routed.world.suspend("crm");
    assert_eq!(call(&path, "FetchJWTSVID", (&ask(&[HERE], ""), Some("true"))).await.0, 7);
    blocking(|| routed.world.registry.retire(Kind::Agent, "crm", now())).unwrap();
    assert_eq!(call(&path, "FetchJWTSVID", (&ask(&[HERE], ""), Some("true"))).await.0, 7);
    assert_eq!(routed.world.send(0, get("/svid/x", &got.text)).await.status, 401);
    serving.abort();
    // Of another user nobody knows who it is.
    let other = routed.world.folder.path().join("other.sock");
    let socket = WorkloadSocket::bind(&other).unwrap();
    let gateway = routed.world.gateway(0);
    let serving = tokio::spawn(async move {
        socket.serve(gateway, Workloads::new([(user.wrapping_add(1), "crm".to_owned())])).await
    });
    for method in ["FetchJWTSVID", "FetchJWTBundles", "ValidateJWTSVID"] {
        assert_eq!(call(&other, method, (&ask(&[HERE], ""), Some("true"))).await.0, 7, "{method}");
    }
    serving.abort();
}
