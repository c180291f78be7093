//! `legation approve`.

use crate::{
    args::ApproveArgs,
    files,
    output::{Failure, Output, complain, one_line},
};
use legation_credential::{Approval, ApprovalRequest, IssueError, approve};
use legation_did::{Did, key, method_id};
use legation_keys::{PublicKey, Signer, base64url, data_integrity::AddProofError, time};
use serde_json::{Value, json};

pub(crate) fn run(args: &ApproveArgs) -> Result<Output, Failure> {
    let asked = read(args)?;
    let signer = files::load_key(&args.key)?;
    let issuer = approver(args.issuer.as_ref(), signer.public_key())?;
    // Whoever signs sees what, before it is signed.
    words(&asked).iter().for_each(|line| complain(&format!("{}\n", one_line(line))));
    let valid_from = args.now.unwrap_or_else(files::now);
    let approval = Approval {
        issuer,
        agent: asked.agent.clone(),
        request: asked.digest(),
        valid_from,
        valid_until: valid_from.saturating_add(args.valid_for),
    };
    let key_id = method_id(&approval.issuer, signer.public_key());
    let secured =
        approve(args.format.securing(), &approval, &key_id, &signer).map_err(|error| refused(&error))?;
    files::write_private(&args.out, &secured)?;
    let (out, until) = (args.out.out.display().to_string(), time::format(approval.valid_until));
    let json = json!({
        "approval": out, "approver": approval.issuer.as_str(), "agent": approval.agent.as_str(),
        "request": base64url::encode(&approval.request), "validUntil": until,
    });
    Ok(Output::done(json, format!("wrote {out}\n{} approves it, once, until {until}", approval.issuer)))
}

/// What is approved: alone in the file, or the member `approval` of what a verifier answered.
fn read(args: &ApproveArgs) -> Result<ApprovalRequest, Failure> {
    let (text, path) = (files::read_text(&args.request)?, args.request.display());
    let answer: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::file(format!("`{path}` is no JSON: {error}")))?;
    // The answer around it may say what it likes; the request itself is read strictly.
    let inner = match answer.get("approval") {
        Some(Value::Null) => {
            return Err(Failure::file(format!("`{path}` asks for no approval: its `approval` is null")));
        }
        inner => inner.map(Value::to_string),
    };
    ApprovalRequest::parse(inner.as_deref().unwrap_or(&text)).map_err(|error| {
        Failure::invalid(error.code(), format!("`{path}` holds no request that can be approved: {error}"))
    })
}

/// Who approves: the named one, or the key itself.
pub(crate) fn approver(named: Option<&Did>, public: &PublicKey) -> Result<Did, Failure> {
    let own = key::did(public);
    let issuer = named.cloned().unwrap_or_else(|| own.clone());
    if issuer.method() == "key" && issuer != own {
        let message = format!("the key is that of `{own}`, but `{issuer}` must sign");
        return Err(Failure::invalid("issuer_mismatch", message));
    }
    Ok(issuer)
}

/// What is approved, a line for each part.
pub(crate) fn words(asked: &ApprovalRequest) -> Vec<String> {
    let request = &asked.request;
    let mut lines = vec![
        format!("action     {}", request.action()),
        format!("on         {}", request.resource()),
        format!("agent      {}", asked.agent),
        format!("asked of   {}", asked.audience),
        format!("delegation {}", base64url::encode(&asked.delegation)),
    ];
    lines.extend(request.body().map(|body| format!("body       SHA-256 {}", base64url::encode(body))));
    lines.extend(request.facts().iter().map(|(name, value)| format!("fact       {name} = {value}")));
    lines
}

fn refused(error: &IssueError) -> Failure {
    match error {
        IssueError::Proof(AddProofError::Sign(_)) | IssueError::Sign(_) => {
            Failure::network("sign", error.to_string())
        }
        _ => Failure::usage(error.to_string()),
    }
}
