//! A service that lets an agent in by its delegation.
//!
//! `embed_verifier [TRUST_FILE [LISTEN_ADDRESS]]`. Ask `GET /challenge` for a nonce, then
//! `POST /rooms` the facts (`{"amount": 18000, "currency": "EUR"}`) with the header
//! `Authorization: Legation <vp+jwt>`. Each decision is logged as a signed receipt.

#![allow(clippy::print_stdout, reason = "an example talks to its terminal")]

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use legation::{
    Algorithm, Code, Denial, Evidence, Facts, MemoryLedger, Request, SecretKey, Signer, Trust, VerifiedChain,
    authorize,
    credential::Value,
    did::{Did, method_id, web},
    keys::{base64url, json, secret::random},
    parse,
    resolver::{self, Fetcher, Options},
    verifier::receipt::{self, Subject},
};
use serde_json::json;
use std::{env, error::Error, fs, net::SocketAddr, sync::Arc, time::SystemTime};
use tokio::{net::TcpListener, sync::Mutex};

const SAMPLE_TRUST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../did-documents/trust.json");

struct Service {
    /// Who the service is: its audience.
    did: Did,
    trust: Trust,
    fetcher: Fetcher,
    evidence: Mutex<Evidence>,
    ledger: Mutex<MemoryLedger>,
    /// Signs receipts. A real service loads it from `legation::keystore`.
    key: SecretKey,
    /// Starts every nonce of this run: an earlier run's ledger is gone, so what answers an
    /// earlier run's challenge must not pass.
    run: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let trust = fs::read(args.next().unwrap_or_else(|| SAMPLE_TRUST.to_owned()))?;
    let listen: SocketAddr = args.next().unwrap_or_else(|| "127.0.0.1:8321".to_owned()).parse()?;
    // Trying out on one machine: `did:web:localhost%3APORT` is then fetched without TLS.
    let options = Options { http_on_loopback: listen.ip().is_loopback(), ..Options::default() };
    let trust = Trust::parse(&trust)?;
    let service = Arc::new(Service {
        did: trust.audience.parse()?,
        trust,
        fetcher: Fetcher::new(options)?,
        evidence: Mutex::default(),
        ledger: Mutex::default(),
        key: SecretKey::generate(Algorithm::EdDsa)?,
        run: base64url::encode(&random::<16>()?),
    });
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // A real service publishes this at its did:web; an auditor needs it to check the receipts.
    println!("did.json {}", web::document(&service.did, &[service.key.public_key().clone()]).to_json());
    let router = Router::new().route("/challenge", get(challenge)).route("/rooms", post(book));
    Ok(axum::serve(listener, router.with_state(service)).await?)
}

async fn challenge(State(service): State<Arc<Service>>) -> Response {
    match random::<16>() {
        Ok(own) => format!("{}.{}", service.run, base64url::encode(&own)).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn book(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let header = headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
    let presented = header.and_then(|header| header.strip_prefix("Legation ")).unwrap_or_default().as_bytes();
    let about = Subject { presented, ..Subject::default() };
    let chain = match service.who(presented, now).await {
        Ok(chain) => chain,
        // Nobody has proved who asks: whom and what this service trusts is not told.
        Err(denial) => {
            return service.deny(StatusCode::UNAUTHORIZED, &denial.without_trust(), about, now);
        }
    };
    let about = Subject { chain: Some(&chain), ..about };
    let request = match request(&body) {
        Ok(request) => request,
        Err(denial) => return service.deny(StatusCode::BAD_REQUEST, &denial, about, now),
    };
    // Only a committed permit opens the door; committing the same one again is refused.
    let committed = match authorize(&chain, &request, now).into_permit() {
        Ok(permit) => service.ledger.lock().await.commit(permit, now),
        Err(denial) => Err(denial),
    };
    match committed {
        Ok(committed) => {
            service.log(&receipt::of_permit(&committed, &chain, &service.trust));
            format!("booked by {} for {}\n", chain.agent(), chain.principal()).into_response()
        }
        Err(denial) => {
            service.deny(StatusCode::FORBIDDEN, &denial, Subject { request: Some(&request), ..about }, now)
        }
    }
}

/// What is asked, in the words of delegations. The body is all that the caller chooses.
fn request(body: &[u8]) -> Result<Request, Denial> {
    let wrong =
        |found: String| Denial { code: Code::Malformed, link: None, expected: "facts".to_owned(), found };
    let body = json::parse(body, json::JsonLimits { bytes: 4096, depth: 2 });
    let body = body.map_err(|error| wrong(error.to_string()))?;
    let facts = body.as_object().into_iter().flat_map(|object| object.iter());
    let facts: Option<Facts> =
        facts.map(|(name, value)| Some((name.to_owned(), Value::from_json(value)?))).collect();
    let facts = facts.ok_or_else(|| wrong("a value that is no text, integer or boolean".to_owned()))?;
    Request::new("a2a:skill:book", "https://shop.example/rooms", facts)
        .map_err(|error| wrong(error.to_string()))
}

impl Service {
    /// Who calls, for whom. Evidence is fetched for one caller at a time, and kept.
    async fn who(&self, presented: &[u8], now: i64) -> Result<VerifiedChain, Denial> {
        let presentation = parse(presented, &self.trust)?;
        let ours = presentation.nonce().strip_prefix(&self.run).is_some_and(|own| own.starts_with('.'));
        let nonce = if ours { presentation.nonce().to_owned() } else { format!("{}.…", self.run) };
        let mut evidence = self.evidence.lock().await;
        resolver::verify(&presentation, &self.trust, &self.fetcher, &mut evidence, &nonce, now).await
    }

    /// RFC 9457 problem details with the stable code, and the receipt.
    fn deny(&self, status: StatusCode, denial: &Denial, about: Subject<'_>, now: i64) -> Response {
        self.log(&receipt::of_denial(denial, about, &self.trust, now));
        let problem = json!({
            "type": "about:blank", "title": denial.code.cause(), "status": status.as_u16(), "detail": denial.to_string(),
            "code": denial.code.as_str(), "link": denial.link, "cure": denial.code.cure(),
        });
        (status, [(header::CONTENT_TYPE, "application/problem+json")], problem.to_string()).into_response()
    }

    fn log(&self, receipt: &[u8]) {
        match receipt::sign(receipt, &method_id(&self.did, self.key.public_key()), &self.key) {
            Ok(signed) => println!("{signed}"),
            Err(error) => println!("no receipt: {error}"),
        }
    }
}
