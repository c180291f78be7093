//! `legation verify`.

use crate::{
    args::{KeyArgs, OutArgs, VerifyArgs},
    explain::{self, Denied, Timed},
    files, folder,
    inspect::{Wanted, of_another_kind},
    ledger_file, network,
    output::{Failure, Output},
};
use legation_credential::{Authority, Request, Value, request::split_query};
use legation_did::{Did, key, method_id, one_spelling};
use legation_keys::{
    SecretKey, Signer,
    json::{self, JsonLimits},
};
use legation_resolver::Asked;
use legation_verifier::{
    Approvals, Case, Code, Committed, Decision, Denial, Evidence, MemoryLedger, Presentation, Remedy, Trust,
    VerifiedChain, Vouched, authorize_approved, gather, parse, parse_vouched, receipt, remedy,
    verdict::{self, Yes},
    verify_approvals, verify_with,
};
use sha2::{Digest, Sha256};

/// What came out, with what there is to tell about it.
struct Verdict {
    outcome: Result<Yes, Denial>,
    chain: Option<VerifiedChain>,
    presentation: Option<Presentation>,
    steps: Vec<Timed>,
    receipt: Vec<u8>,
    evidence: Evidence,
    request: Option<Request>,
}

pub(crate) fn run(args: &VerifyArgs) -> Result<Output, Failure> {
    let presented = files::read(&args.file)?;
    let trust = trust(args)?;
    let request = request(args)?;
    let now = args.now.unwrap_or_else(files::now);
    // What a receipt needs is there before anything is committed that it would have to tell of.
    let signing = signing(args, &trust)?;
    let verdict = judge(args, &presented, &trust, request, now)?;
    write_receipt(args, signing, &verdict.receipt)?;
    let mut output = told(&verdict);
    output.notes.extend(not_presented(args, &presented, &verdict));
    if args.explain {
        explain(&mut output, &verdict, args, &presented, &trust, now)?;
    }
    if args.principal.is_some() {
        output.notes.push(
            "--principal trusts this root without a ceiling and accepts links that can't be revoked; use --trust FILE for real"
                .to_owned(),
        );
    }
    Ok(output)
}

/// What the file is, where it is no presentation and something else that is known.
fn not_presented(args: &VerifyArgs, presented: &[u8], verdict: &Verdict) -> Option<String> {
    if verdict.presentation.is_some() || args.vouched.is_some() {
        return None;
    }
    let kind = of_another_kind(core::str::from_utf8(presented).ok()?, Wanted::Presentation)?;
    let name = files::name(&args.file);
    Some(match kind.contains("delegation") {
        true => format!(
            "{name} is {kind}: its holder presents it first, by `legation present`; `legation inspect` shows what it says"
        ),
        false => format!("{name} is {kind}, and a presentation is expected"),
    })
}

/// Adds every check, and what would have passed.
fn explain(
    output: &mut Output,
    verdict: &Verdict,
    args: &VerifyArgs,
    presented: &[u8],
    trust: &Trust,
    now: i64,
) -> Result<(), Failure> {
    let ledger = match &args.ledger {
        Some(path) => ledger_file::look(path)?,
        None => MemoryLedger::new(),
    };
    let case = Case {
        presented,
        presentation: verdict.presentation.as_ref(),
        trust,
        evidence: &verdict.evidence,
        nonce: nonce(args),
        now,
        chain: verdict.chain.as_ref(),
        request: verdict.request.as_ref(),
        ledger: Some(&ledger),
    };
    let denial = verdict.outcome.as_ref().err();
    let remedy = denial.and_then(|denial| remedy(denial, &case));
    let denied = denial.map(|denial| Denied { denial, remedy: remedy.as_ref() });
    let tree = explain::tree(verdict.presentation.as_ref(), presented, &verdict.steps, denied);
    output.text = format!("{tree}\n{}", output.text);
    if let Some(members) = output.json.as_object_mut() {
        members.insert("explain".to_owned(), explain::json(&verdict.steps));
        if denial.is_some() {
            members.insert("remedy".to_owned(), remedy.as_ref().map(Remedy::to_json).into());
        }
    }
    Ok(())
}

fn judge(
    args: &VerifyArgs,
    presented: &[u8],
    trust: &Trust,
    request: Option<Result<Request, Denial>>,
    now: i64,
) -> Result<Verdict, Failure> {
    let mut verdict = Verdict {
        outcome: Ok(Yes::Valid),
        chain: None,
        presentation: None,
        steps: Vec::new(),
        receipt: Vec::new(),
        evidence: Evidence::new(),
        request: None,
    };
    let decided = match verify_chain(args, presented, trust, &mut verdict, now)? {
        Err(denial) => Err(denial),
        Ok(chain) => {
            verdict.chain = Some(chain);
            decide(args, &mut verdict, request, trust, now)?
        }
    };
    match decided {
        Ok(None) => {}
        Ok(Some(committed)) => {
            let chain = verdict.chain.as_ref();
            verdict.receipt =
                chain.map(|chain| receipt::of_permit(&committed, chain, trust)).unwrap_or_default();
            verdict.outcome = Ok(Yes::Permit);
        }
        Err(denial) => {
            let (chain, request) = (verdict.chain.as_ref(), verdict.request.as_ref());
            let subject = receipt::Subject { presented, chain, request, transcript: None };
            verdict.receipt = receipt::of_denial(&denial, subject, trust, now);
            verdict.outcome = Err(denial);
        }
    }
    Ok(verdict)
}

/// Reads and verifies the chain; what was read and found on the way stays in the verdict.
fn verify_chain(
    args: &VerifyArgs,
    presented: &[u8],
    trust: &Trust,
    verdict: &mut Verdict,
    now: i64,
) -> Result<Result<VerifiedChain, Denial>, Failure> {
    let presentation = match read(args, presented, trust, now) {
        Ok(presentation) => presentation,
        Err(denial) => return Ok(Err(denial)),
    };
    verdict.evidence = evidence(args, &presentation, trust, now)?;
    let mut clock = explain::Clock::start();
    let steps = &mut verdict.steps;
    let chain = verify_with(&presentation, trust, &verdict.evidence, nonce(args), now, &mut |step| {
        steps.push(clock.lap(step))
    });
    verdict.presentation = Some(presentation);
    Ok(chain)
}

/// The presentation, or the chain of an agent that is vouched for.
fn read(args: &VerifyArgs, presented: &[u8], trust: &Trust, now: i64) -> Result<Presentation, Denial> {
    let Some(agent) = &args.vouched else { return parse(presented, trust) };
    let utf8 = |_| Denial::new(Code::Malformed, "a chain in compact form", "bytes that are no UTF-8");
    let chain = core::str::from_utf8(presented).map_err(utf8)?.trim();
    parse_vouched(chain, Vouched { agent, known_by: "legation verify", at: now }, trust)
}

/// The challenge; nothing was signed that could answer one where the verifier vouches.
fn nonce(args: &VerifyArgs) -> &str {
    args.nonce.as_deref().unwrap_or_default()
}

/// Decides on the request, where there is one, and commits what is permitted.
fn decide(
    args: &VerifyArgs,
    verdict: &mut Verdict,
    request: Option<Result<Request, Denial>>,
    trust: &Trust,
    now: i64,
) -> Result<Result<Option<Committed>, Denial>, Failure> {
    let Verdict { chain: Some(chain), presentation: Some(presentation), evidence, request: asked, .. } =
        verdict
    else {
        return Ok(Ok(None));
    };
    let request = match request {
        None => return Ok(Ok(None)),
        Some(Ok(request)) => asked.insert(request),
        Some(Err(denial)) => return Ok(Err(denial)),
    };
    let approvals = approvals(args, Asked { presentation, chain, request }, evidence, trust, now)?;
    let permit = match authorize_approved(chain, request, &approvals, now) {
        Decision::Deny(denial) => return Ok(Err(denial)),
        Decision::Permit(permit) => permit,
    };
    let committed = match &args.ledger {
        Some(path) => ledger_file::commit(path, permit, now)?,
        // Without a ledger nothing is remembered: the answer is what one would say.
        None => MemoryLedger::new().commit(permit, now),
    };
    Ok(committed.map(Some))
}

/// The approvals that were given and hold.
fn approvals(
    args: &VerifyArgs,
    asked: Asked<'_>,
    evidence: &mut Evidence,
    trust: &Trust,
    now: i64,
) -> Result<Approvals, Failure> {
    let texts: Result<Vec<String>, Failure> =
        args.approval.iter().map(|path| files::read_text(path)).collect();
    let texts = texts?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let Asked { chain, request, .. } = asked;
    if texts.is_empty() || args.evidence.is_some() || args.did_documents.is_some() {
        return Ok(verify_approvals(&texts, chain, request, trust, evidence, now));
    }
    let fetcher = network::fetcher(&args.network)?;
    let work = legation_resolver::approvals(&texts, asked, trust, &fetcher, evidence, now);
    network::wait("fetching evidence", work)
}

/// The trust settings. A root that is only named is trusted with everything, for trying out.
fn trust(args: &VerifyArgs) -> Result<Trust, Failure> {
    let Some(path) = &args.trust else {
        let mut trust = Trust::new(&args.audience);
        if let Some(root) = &args.principal {
            trust.roots.insert(root.clone(), Authority::everything());
        }
        trust.max_unrevocable = i64::MAX;
        trust.vouched = args.vouched.is_some();
        return Ok(trust);
    };
    let trust = Trust::parse(&files::read(path)?)
        .map_err(|error| Failure::file(format!("`{}` holds no trust settings: {error}", path.display())))?;
    if trust.audience != one_spelling(&args.audience) {
        let message =
            format!("the trust settings are those of `{}`, not of `{}`", trust.audience, args.audience);
        return Err(Failure::usage(message));
    }
    Ok(trust)
}

/// The request, where one is asked about. One that is not well-formed is denied like any other.
fn request(args: &VerifyArgs) -> Result<Option<Result<Request, Denial>>, Failure> {
    let (Some(action), Some(url)) = (&args.action, &args.resource) else { return Ok(None) };
    let (resource, mut facts) = match split_query(url) {
        Ok(split) => split,
        Err(error) => return Ok(Some(Err(error.into()))),
    };
    for text in &args.fact {
        let (name, value) =
            text.split_once('=').ok_or_else(|| Failure::usage(format!("`{text}` is no NAME=VALUE")))?;
        let (name, Some(value)) = (name.to_owned(), read_fact(value)) else {
            // What people write as an amount is counted in cents here.
            let hint = if value.contains('.') { "; money is in minor units: 18.00 USD are 1800" } else { "" };
            let expected = format!("a text, an integer up to 2^53-1, true or false as `{name}`{hint}");
            return Ok(Some(Err(Denial::new(Code::Malformed, expected, value))));
        };
        if facts.insert(name.clone(), value).is_some() {
            return Err(Failure::usage(format!("the fact `{name}` is given twice")));
        }
    }
    let request = Request::new(action, resource, facts).map_err(Denial::from);
    let body = args.body.as_ref().map(|path| files::read(path)).transpose()?;
    Ok(Some(request.map(|request| match body {
        Some(body) => request.with_body(Sha256::digest(body).into()),
        None => request,
    })))
}

/// A fact's value: JSON, or else a text. `None` for JSON that is no value of a fact.
fn read_fact(text: &str) -> Option<Value> {
    match json::parse(text.as_bytes(), JsonLimits { bytes: 1 << 16, depth: 4 }) {
        Ok(value) => Value::from_json(&value),
        Err(_) => Some(text.into()),
    }
}

/// Evidence from files, or else from the network.
fn evidence(
    args: &VerifyArgs,
    presentation: &Presentation,
    trust: &Trust,
    now: i64,
) -> Result<Evidence, Failure> {
    let most = trust.limits.status_entries;
    let mut evidence = match &args.evidence {
        Some(path) => Evidence::parse(&files::read(path)?, most)
            .map_err(|error| Failure::file(format!("`{}` holds no evidence: {error}", path.display())))?,
        None => Evidence::new(),
    };
    if let Some(folder) = &args.did_documents {
        let folder = folder::add_folder(folder, &mut evidence, most, now)?;
        let needs =
            |evidence: &Evidence| gather(presentation, trust, evidence, nonce(args), now).unwrap_or_default();
        folder.supply(&mut evidence, needs, most, now)?;
    }
    if args.evidence.is_none() && args.did_documents.is_none() {
        let fetcher = network::fetcher(&args.network)?;
        let work = legation_resolver::verify(presentation, trust, &fetcher, &mut evidence, nonce(args), now);
        // The outcome is found again below, with every check told.
        let _ = network::wait("fetching evidence", work)?;
    }
    Ok(evidence)
}

/// The key that signs the receipt, and as whom: the verifier itself where it is called by a DID,
/// and else its key.
fn signing(args: &VerifyArgs, trust: &Trust) -> Result<Option<(SecretKey, Did)>, Failure> {
    let (Some(out), Some(path)) = (&args.receipt, &args.receipt_key) else { return Ok(None) };
    if out.exists() {
        return Err(Failure::file(format!("`{}` exists; name another file", out.display())));
    }
    let key = KeyArgs { key: path.clone(), passphrase_file: args.passphrase_file.clone() };
    let key = files::load_key(&key)?;
    let own = key::did(key.public_key());
    let signer = trust.audience.parse().unwrap_or_else(|_| own.clone());
    if signer.method() == "key" && signer != own {
        return Err(Failure::usage(format!("the receipt key is that of `{own}`, but `{signer}` must sign")));
    }
    Ok(Some((key, signer)))
}

fn write_receipt(
    args: &VerifyArgs,
    signing: Option<(SecretKey, Did)>,
    receipt: &[u8],
) -> Result<(), Failure> {
    let (Some(out), Some((key, signer))) = (&args.receipt, signing) else { return Ok(()) };
    if receipt.is_empty() {
        return Err(Failure::usage("a receipt is of a decision; give --action and --resource"));
    }
    let secured = receipt::sign(receipt, &method_id(&signer, key.public_key()), &key)
        .map_err(|error| Failure::network("sign", error.to_string()))?;
    files::write_private(&OutArgs { out: out.clone(), force: false }, &secured)
}

fn told(verdict: &Verdict) -> Output {
    let answer = verdict.outcome.as_ref().copied();
    let json = verdict::to_json(answer, verdict.chain.as_ref(), verdict.request.as_ref());
    let text = match (&verdict.outcome, &verdict.chain) {
        (Err(denial), _) => explain::denial(denial),
        (Ok(answer), chain) => {
            let word = match answer {
                Yes::Permit => "permit",
                Yes::Valid => "valid",
            };
            let who = |chain: &VerifiedChain| {
                let authority = explain::authority(chain.effective());
                format!("{word}: {} acts for {}\n{authority}", chain.agent(), chain.principal())
            };
            chain.as_ref().map_or_else(|| word.to_owned(), who)
        }
    };
    let exit = u8::from(verdict.outcome.is_err());
    Output { json, text, notes: Vec::new(), exit }
}
