//! `legation did create` and `legation did resolve`.

use crate::{
    args::{CreateCommand, CreateWebArgs, DocumentArgs, ResolveArgs},
    files, network,
    output::{Failure, Output, pretty},
    webvh,
};
use legation_did::{Did, Document, document::MAX_METHODS, key, web};
use legation_keys::{PublicKey, Signer};
use legation_resolver::FetchError;
use serde_json::json;
use std::path::{Path, PathBuf};
use url::Url;

pub(crate) fn create(command: &CreateCommand) -> Result<Output, Failure> {
    match command {
        CreateCommand::Key(args) => {
            let did = key::did(files::load_key(args)?.public_key());
            let document =
                key::document(&did).map_err(|error| Failure::invalid("malformed", error.to_string()))?;
            Ok(created(&did, &document, ""))
        }
        CreateCommand::Web(args) => create_web(args),
        CreateCommand::Webvh(args) => webvh::create(args),
    }
}

fn create_web(args: &CreateWebArgs) -> Result<Output, Failure> {
    let did = web::did(&args.location).map_err(|error| Failure::usage(error.to_string()))?;
    let keys = public_keys(&args.document.key, &args.document.passphrase_file)?;
    let mut document = web::document(&did, &keys);
    for (kind, url) in services(&args.document)? {
        document.add_service(format!("{did}#{kind}"), kind, url);
    }
    // The limits of a reader, held against what is written.
    Document::parse(document.to_json().to_string().as_bytes())
        .map_err(|error| Failure::usage(format!("nobody would read this document: {error}")))?;
    let path = document_path(&args.out, &did)?;
    let text = serde_json::to_string_pretty(&document.to_json()).unwrap_or_default();
    write_in_site(&path, &text, args.force)?;
    let url = web::url(&did).unwrap_or_default();
    Ok(created(&did, &document, &format!("\nwrote {}; publish it at {url}", path.display())))
}

/// Writes a file of a site, whose folders may not be there yet.
pub(crate) fn write_in_site(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    files::make_folder(path)?;
    files::write_public(path, text, force)
}

/// The public parts of the keys, in the order in which they are named.
pub(crate) fn public_keys(
    files: &[PathBuf],
    passphrase_files: &[PathBuf],
) -> Result<Vec<PublicKey>, Failure> {
    if files.len() > MAX_METHODS {
        return Err(Failure::usage(format!("at most {MAX_METHODS} keys are read where they are published")));
    }
    let keys = files::load_keys(files, passphrase_files)?;
    let mut public: Vec<PublicKey> = Vec::with_capacity(keys.len());
    for (key, path) in keys.iter().zip(files) {
        if public.contains(key.public_key()) {
            return Err(Failure::usage(format!("`{}` holds a key that is given before", path.display())));
        }
        public.push(key.public_key().clone());
    }
    Ok(public)
}

/// The services: types and endpoints.
pub(crate) fn services(args: &DocumentArgs) -> Result<Vec<(String, String)>, Failure> {
    args.service.iter().map(|service| read_service(service)).collect()
}

/// Reads `TYPE=URL`: the type is the service's fragment too.
fn read_service(text: &str) -> Result<(String, String), Failure> {
    let wrong = |reason: &str| Failure::usage(format!("`--service {text}`: {reason}"));
    let (kind, url) =
        text.split_once('=').ok_or_else(|| wrong("expected TYPE=URL, such as a2a=https://api.example/"))?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if kind.is_empty() || kind.len() > 64 || !kind.bytes().all(fits) {
        return Err(wrong("a type has 1 to 64 of `A-Z a-z 0-9 . _ -`"));
    }
    let url = Url::parse(url).map_err(|_| wrong("expected a URL after `=`, such as https://api.example/"))?;
    let local = url.domain().is_some_and(|host| host == "localhost" || host.ends_with(".localhost"));
    if url.scheme() != "https" && !(local && url.scheme() == "http") {
        return Err(wrong("only `https` is secure; plain `http` is for localhost"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a URL that is published holds no user name or password"));
    }
    Ok((kind.to_owned(), url.into()))
}

/// Where a did:web document stands in a folder that is laid out as its site.
pub(crate) fn document_path(folder: &Path, did: &Did) -> Result<PathBuf, Failure> {
    let (url, origin) = (web::url(did).unwrap_or_default(), web::origin(did).unwrap_or_default());
    let path = url.strip_prefix(&origin).and_then(|path| path.strip_prefix('/'));
    path.map(|path| folder.join(path)).ok_or_else(|| Failure::usage(format!("`{did}` is not a did:web")))
}

fn created(did: &Did, document: &Document, more: &str) -> Output {
    Output::done(json!({"did": did.as_str(), "document": document.to_json()}), format!("{did}{more}"))
}

pub(crate) fn resolve(args: &ResolveArgs) -> Result<Output, Failure> {
    if args.did.method() == "webvh" {
        return webvh::resolve(args);
    }
    if args.version_time.is_some() || args.version_id.is_some() {
        let text = format!("a did:{} keeps no history: only a did:webvh has versions", args.did.method());
        return Err(Failure::usage(text));
    }
    #[cfg(feature = "vc-api")]
    if let Some(document) = network::wait("resolving", legation_vc_api::did_key::document(&args.did))? {
        let json =
            document.map_err(|reason| Failure::invalid("malformed", format!("`{}`: {reason}", args.did)))?;
        return Ok(Output::done(json!({"did": args.did.as_str(), "document": json}), pretty(&json)));
    }
    let fetcher = network::fetcher(&args.network)?;
    let resolved = network::wait("resolving", fetcher.document_bytes(&args.did))?;
    let (_, bytes) = resolved.map_err(|error| match &error {
        FetchError::DidInvalid(_) if args.did.method() == "key" && cfg!(not(feature = "foreign-keys")) => {
            let more = "a build by `cargo build --release --features foreign-keys` knows more kinds of keys";
            Failure::network(error.code(), format!("{error}; {more}"))
        }
        _ => network::failed(&error),
    })?;
    // As it was published: it may hold what Legation has no use for, such as services.
    let json: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| Failure::invalid("malformed", error.to_string()))?;
    let text = pretty(&json);
    Ok(Output::done(json!({"did": args.did.as_str(), "document": json}), text))
}
