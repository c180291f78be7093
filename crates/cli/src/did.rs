//! `legation did create` and `legation did resolve`.

use crate::{
    args::{CreateCommand, CreateWebArgs, ResolveArgs},
    files, network,
    output::{Failure, Output},
};
use legation_did::{Did, Document, key, web};
use legation_keys::Signer;
use serde_json::json;
use std::path::{Path, PathBuf};

pub(crate) fn create(command: &CreateCommand) -> Result<Output, Failure> {
    match command {
        CreateCommand::Key(args) => {
            let did = key::did(files::load_key(args)?.public_key());
            let document =
                key::document(&did).map_err(|error| Failure::invalid("malformed", error.to_string()))?;
            Ok(created(&did, &document, ""))
        }
        CreateCommand::Web(args) => create_web(args),
    }
}

fn create_web(args: &CreateWebArgs) -> Result<Output, Failure> {
    let did = web::did(&args.location).map_err(|error| Failure::usage(error.to_string()))?;
    let public = files::load_key(&args.key)?.public_key().clone();
    let document = web::document(&did, &[public]);
    let path = document_path(&args.out, &did)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::file(format!("`{}` can't be made: {error}", folder.display())))?;
    }
    let text = serde_json::to_string_pretty(&document.to_json()).unwrap_or_default();
    files::write_public(&path, &text, args.force)?;
    let url = web::url(&did).unwrap_or_default();
    Ok(created(&did, &document, &format!("\nwrote {}; publish it at {url}", path.display())))
}

/// Where a did:web document stands in a folder that is laid out as its site.
fn document_path(folder: &Path, did: &Did) -> Result<PathBuf, Failure> {
    let (url, origin) = (web::url(did).unwrap_or_default(), web::origin(did).unwrap_or_default());
    let path = url.strip_prefix(&origin).and_then(|path| path.strip_prefix('/'));
    path.map(|path| folder.join(path)).ok_or_else(|| Failure::usage(format!("`{did}` is not a did:web")))
}

fn created(did: &Did, document: &Document, more: &str) -> Output {
    Output::done(json!({"did": did.as_str(), "document": document.to_json()}), format!("{did}{more}"))
}

pub(crate) fn resolve(args: &ResolveArgs) -> Result<Output, Failure> {
    let fetcher = network::fetcher(&args.network)?;
    let (_, bytes) = network::wait("resolving", fetcher.document_bytes(&args.did))?.map_err(|error| {
        let local = args.did.as_str().starts_with("did:web:localhost");
        let hint = match error.code() {
            "address_refused" if local => "; try --http-on-loopback, or --allow-private",
            "address_refused" => "; try --allow-private",
            _ => "",
        };
        Failure::network(error.code(), format!("{error}{hint}"))
    })?;
    // As it was published: it may hold what Legation has no use for, such as services.
    let json: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| Failure::invalid("malformed", error.to_string()))?;
    let text = serde_json::to_string_pretty(&json).unwrap_or_default();
    Ok(Output::done(json!({"did": args.did.as_str(), "document": json}), text))
}
