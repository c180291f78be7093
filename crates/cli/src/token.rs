//! `legation token` and `legation svid`: identity tokens and JWT-SVIDs for scripts and CI, by the agent's own key and its delegations.

use crate::{
    agent::{self, Agent},
    args::{GetTokenArgs, SvidCommand, TokenAlg, TokenCommand, TokenProofArgs},
    files, network,
    organization::host::gateway_at,
    output::{Failure, Output, complain},
    serve,
};
use legation_credential::{Occasion, present};
use legation_did::method_id;
use legation_host::api::escape;
use legation_keys::{
    base64url,
    json::{self, JsonLimits},
    secret::random,
};
use legation_keystore::{Access, Overwrite, write_new};
use legation_registry::names;
use legation_resolver::{
    Call, Fetcher, Options, Reply,
    call::{
        Method,
        header::{CONTENT_TYPE, HeaderMap, HeaderValue},
    },
};
use legation_token::{dpop, request, svid::TOKEN_TYPE};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// Bounds on an answer.
const ANSWER: JsonLimits = JsonLimits { bytes: 64 << 10, depth: 32 };
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// After how many seconds something that failed is tried again.
const AGAIN: u64 = 5;

pub(crate) fn run(command: &TokenCommand, as_json: bool) -> Result<Output, Failure> {
    match command {
        TokenCommand::Get(args) => get(args, as_json),
        TokenCommand::Proof(args) => proof(args),
    }
}

pub(crate) fn svid(command: SvidCommand, as_json: bool) -> Result<Output, Failure> {
    match command {
        SvidCommand::Get(args) => get(&args.of_token(), as_json),
    }
}

fn get(args: &GetTokenArgs, as_json: bool) -> Result<Output, Failure> {
    let from = From::new(args)?;
    let Some(file) = &args.watch else {
        let token = network::wait("asking for a token", from.token(args))??;
        let text = token.text.clone();
        return Ok(Output::done(token.answer, text));
    };
    agent::runtime()?.block_on(async {
        tokio::select! {
            ended = watch(&from, args, (file, as_json)) => ended,
            () = serve::stopped() => Ok(()),
        }
    })?;
    Ok(Output::done(json!({"written": file}), "stopped"))
}

/// Writes a token, and the next one when a third of its life is left. What fails is told and tried again.
async fn watch(from: &From, args: &GetTokenArgs, (file, as_json): (&Path, bool)) -> Result<(), Failure> {
    let mut first = true;
    loop {
        let wait = match from.token(args).await {
            Ok(token) => {
                write(file, &token.text)?;
                if first && !as_json {
                    complain(&format!(
                        "a token for {} is in `{}`; end with Ctrl-C\n",
                        args.audience,
                        file.display()
                    ));
                }
                first = false;
                (token.seconds.saturating_mul(2) / 3).max(1)
            }
            // What is wrong at the first time stays so.
            Err(failure) if first => return Err(failure),
            Err(failure) => {
                complain(&format!("no new token yet: {}\n", failure.message));
                AGAIN
            }
        };
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
}

fn write(file: &Path, token: &str) -> Result<(), Failure> {
    let written = write_new(file, format!("{token}\n").as_bytes(), Access::Private, Overwrite::Replace);
    written.map_err(|error| Failure::file(error.to_string()))
}

/// A token that came.
struct Token {
    text: String,
    seconds: u64,
    answer: Value,
}

/// Who asks, and whom.
struct From {
    agent: Agent,
    /// Where the gateway is reached.
    url: String,
    /// Its token endpoint as the organization calls it.
    endpoint: String,
    fetcher: Fetcher,
}

impl From {
    fn new(args: &GetTokenArgs) -> Result<Self, Failure> {
        let agent = Agent::open(&args.signs.key, args.signs.passphrase_file.as_deref())?;
        let url = gateway_at(&args.signs.gateway, &agent.last.principal)?;
        let endpoint = format!("{}/token", names::origin(&agent.last.principal));
        let options = Options {
            timeout: TIMEOUT,
            max_bytes: ANSWER.bytes,
            allow_private: args.signs.allow_private,
            // Whoever starts it has named the gateway.
            http_on_loopback: true,
            extra_root_certificates: network::certificates(&args.signs.ca)?,
            ..Options::default()
        };
        let fetcher = Fetcher::new(options).map_err(|error| Failure::file(error.to_string()))?;
        Ok(Self { agent, url, endpoint, fetcher })
    }

    async fn token(&self, args: &GetTokenArgs) -> Result<Token, Failure> {
        let challenge = self.post("/token/challenge", Vec::new(), None).await?;
        let nonce = dpop_nonce(&challenge);
        let asked = read(&challenge)?;
        let form = self.form(args, text(&asked, "nonce")?)?;
        let proof = args.bound.then(|| self.proof(nonce.as_deref())).transpose()?;
        let answer = read(&self.post("/token", form.into_bytes(), proof).await?)?;
        let kind = text(&answer, "token_type")?;
        let expected = match (args.svid, args.bound) {
            (true, _) => "N_A",
            (false, true) => "DPoP",
            (false, false) => "Bearer",
        };
        if !kind.eq_ignore_ascii_case(expected) {
            let message = format!(
                "the answer is a token of the type `{kind}`, which was not asked for: somebody on the way changed it"
            );
            return Err(Failure::network("token_type", message));
        }
        let seconds = answer.get("expires_in").and_then(Value::as_u64).unwrap_or_default();
        Ok(Token { text: text(&answer, "access_token")?.to_owned(), seconds, answer })
    }

    /// The form that is asked with: a presentation of the delegations to the organization itself.
    fn form(&self, args: &GetTokenArgs, nonce: &str) -> Result<String, Failure> {
        let Agent { key, chain, last, .. } = &self.agent;
        let (now, did) = (files::now(), self.agent.did());
        // Whom it is for says the chain, and not who answers.
        let occasion = Occasion {
            audience: last.principal.as_str(),
            nonce,
            issued_at: now,
            expires_at: now.saturating_add(60),
            transcript: None,
        };
        let links: Vec<&str> = chain.iter().map(String::as_str).collect();
        let presented = present(&links, did, occasion, &method_id(did, key.public_key()), &**key);
        let presented = presented.map_err(|error| Failure::invalid("present", error.to_string()))?;
        let scope = args.scope.join(" ");
        let [_, kind] = request::PRESENTATION;
        let alg = match args.alg {
            TokenAlg::Es256 => "ES256",
            TokenAlg::Eddsa => "EdDSA",
            TokenAlg::Rs256 => "RS256",
        };
        let members = [
            ("grant_type", request::EXCHANGE),
            ("subject_token", &presented),
            ("subject_token_type", kind),
            ("audience", &args.audience),
            ("scope", &scope),
            ("token_signing_alg", alg),
        ];
        // An SVID says neither what may be done nor by which algorithm it is signed.
        let of_svid = [("requested_token_type", TOKEN_TYPE)];
        let (base, more) = members.split_at(if args.svid { 4 } else { members.len() });
        let more = if args.svid { &of_svid[..] } else { more };
        let pairs: Vec<String> =
            base.iter().chain(more).map(|(name, value)| format!("{name}={}", escape(value))).collect();
        Ok(pairs.join("&"))
    }

    fn proof(&self, nonce: Option<&str>) -> Result<String, Failure> {
        let making = dpop::Making {
            method: "POST",
            url: &self.endpoint,
            id: &new_id()?,
            nonce,
            token: None,
            now: files::now(),
        };
        dpop::make(&making, &*self.agent.key)
            .map_err(|error| Failure::invalid("sign_failed", error.to_string()))
    }

    async fn post(&self, path: &str, body: Vec<u8>, proof: Option<String>) -> Result<Reply, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(proof) = proof.and_then(|proof| HeaderValue::from_str(&proof).ok()) {
            headers.insert("dpop", proof);
        }
        let url = format!("{}{path}", self.url);
        let call = Call { method: Method::POST, url: &url, headers, body };
        self.fetcher.call(call).await.map_err(|error| network::failed(&error))
    }
}

fn dpop_nonce(reply: &Reply) -> Option<String> {
    reply.headers.get("dpop-nonce").and_then(|nonce| nonce.to_str().ok()).map(str::to_owned)
}

/// An answer, or why there is no token.
fn read(reply: &Reply) -> Result<Value, Failure> {
    let odd = || {
        Failure::network(
            "token_answer",
            format!("the gateway answered {} with no JSON that is known", reply.status),
        )
    };
    json::parse(&reply.body, ANSWER).map_err(|_| odd())?;
    let answer: Value = serde_json::from_slice(&reply.body).map_err(|_| odd())?;
    if reply.status == 200 {
        return Ok(answer);
    }
    let said = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (code, why) = (said("code"), said("error_description"));
    match (reply.status, code.is_empty()) {
        (_, true) => Err(odd()),
        (500.., _) => Err(Failure::network(&code, why)),
        _ => Err(Failure::invalid(&code, why)),
    }
}

fn text<'v>(answer: &'v Value, name: &str) -> Result<&'v str, Failure> {
    let missing = || Failure::network("token_answer", format!("the gateway's answer has no `{name}`"));
    answer.get(name).and_then(Value::as_str).ok_or_else(missing)
}

fn new_id() -> Result<String, Failure> {
    let random = random::<18>().map_err(|error| Failure::network("random_failed", error.to_string()))?;
    Ok(base64url::encode(&random))
}

fn proof(args: &TokenProofArgs) -> Result<Output, Failure> {
    let agent = Agent::open(&args.key, args.passphrase_file.as_deref())?;
    let token = files::read_text(&args.token)?;
    let making = dpop::Making {
        method: &args.method,
        url: &args.url,
        id: &new_id()?,
        nonce: args.nonce.as_deref(),
        token: Some(token.trim()),
        now: files::now(),
    };
    let proof = dpop::make(&making, &*agent.key);
    let proof = proof.map_err(|error| Failure::invalid("sign_failed", error.to_string()))?;
    Ok(Output::done(json!({"proof": proof}), proof.clone()))
}
