//! `legation receipt verify`.

use crate::{
    args::ReceiptArgs,
    files,
    folder::document_in,
    network,
    output::{Failure, Output, pretty},
};
use legation_did::key;
use legation_verifier::receipt;
use serde_json::json;

pub(crate) fn verify(args: &ReceiptArgs) -> Result<Output, Failure> {
    let secured = files::read_text(&args.file)?;
    let document = match (&args.did_documents, args.signer.method()) {
        (_, "key") => key::document(&args.signer)
            .map_err(|error| Failure::invalid("did_unresolved", error.to_string()))?,
        (Some(folder), _) => document_in(folder, &args.signer)?,
        (None, _) => network::wait("resolving", network::fetcher(&args.network)?.document(&args.signer))?
            .map_err(|error| Failure::network(error.code(), error.to_string()))?,
    };
    let receipt = receipt::verify(&secured, &document)
        .map_err(|error| Failure::invalid(error.code(), format!("the receipt does not hold: {error}")))?;
    let text = pretty(&receipt);
    Ok(Output::done(
        json!({"receipt": receipt, "signer": args.signer.as_str(), "valid": true}),
        format!("valid: signed by {}\n{text}", args.signer),
    ))
}
