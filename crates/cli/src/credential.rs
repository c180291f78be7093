//! `legation credential issue` and `credential verify`.

use crate::{
    args::CredentialCommand,
    output::{Failure, Output},
};

/// In a build that leaves standalone credentials out.
#[cfg(not(feature = "vc-api"))]
pub(crate) fn run(_: &CredentialCommand) -> Result<Output, Failure> {
    let text = "this command was built without credentials of any kind; build it by `cargo build --release --features vc-api`";
    Err(Failure::usage(text))
}

#[cfg(feature = "vc-api")]
pub(crate) use with::{contexts, run};

#[cfg(feature = "vc-api")]
mod with {
    use super::{CredentialCommand, Failure, Output};
    use crate::{
        args::{CredentialFormat, IssueArgs, VerifyCredentialArgs},
        files, folder, network,
    };
    use legation_did::{Did, method_id};
    use legation_keys::{Algorithm, Signer as _};
    use legation_resolver::{Fetcher, Options};
    use legation_vc_api::{
        Contexts, Method, Problem, Service, SigningKey,
        alone::{Occasion, What, secure, verify},
        key::KeyAlgorithm,
    };
    use serde_json::json;
    use std::path::PathBuf;

    pub(crate) fn run(command: &CredentialCommand) -> Result<Output, Failure> {
        match command {
            CredentialCommand::Issue(args) => issue(args),
            CredentialCommand::Verify(args) => check(args),
        }
    }

    fn issue(args: &IssueArgs) -> Result<Output, Failure> {
        let document = files::read(&args.file)?;
        let key = files::load_signing_key(&args.key)?;
        if let (SigningKey::Larger(key), false) = (&key, args.format == CredentialFormat::Jwt) {
            let curve = key.public_key().curve().name();
            return Err(Failure::usage(format!("a key of {curve} signs by --format jwt only")));
        }
        let way = way(args.format, &key);
        let issuer = match &args.issuer {
            Some(issuer) => Some((issuer.clone(), key_id(args, issuer, &key)?)),
            None => None,
        };
        let fetcher = Fetcher::new(Options::default()).map_err(|error| Failure::file(error.to_string()))?;
        let mut service = Service::new(vec![key], fetcher, "").reading_by(contexts(&args.context)?);
        if let Some((issuer, key_id)) = issuer {
            service = service.issuing_as(issuer, key_id);
        }
        let occasion = Occasion { nonce: args.nonce.as_deref(), audience: args.audience.as_deref() };
        let secured = secure(&service, way, &document, occasion, files::now()).map_err(failure)?;
        files::write_public(&args.out.out, &secured, args.out.force)?;
        let path = args.out.out.display().to_string();
        Ok(Output::done(json!({"out": path, "securedBy": way}), format!("wrote {path}, secured by {way}")))
    }

    fn way(format: CredentialFormat, key: &SigningKey) -> &'static str {
        match (format, key.algorithm()) {
            (CredentialFormat::Jwt, _) => "vc-jwt",
            (CredentialFormat::DiJcs, _) => "eddsa-jcs-2022",
            (CredentialFormat::DiRdfc, KeyAlgorithm::Chain(Algorithm::EdDsa)) => "eddsa-rdfc-2022",
            (CredentialFormat::DiRdfc, _) => "ecdsa-rdfc-2019",
        }
    }

    fn key_id(args: &IssueArgs, issuer: &str, key: &SigningKey) -> Result<String, Failure> {
        if let Some(key_id) = &args.key_id {
            return Ok(key_id.clone());
        }
        let unnamed = |why: String| Failure::usage(format!("{why}; name its key with --key-id URL"));
        let did = issuer.parse::<Did>().map_err(|_| unnamed(format!("`{issuer}` is no DID")))?;
        match key {
            _ if did.method() == "key" => Ok(legation_did::key::method_id(&did)),
            SigningKey::Chain(key) => Ok(method_id(&did, key.public_key())),
            SigningKey::Larger(_) => {
                Err(unnamed(format!("a document of {did} has no name of its own for such a key")))
            }
        }
    }

    fn check(args: &VerifyCredentialArgs) -> Result<Output, Failure> {
        let document = files::read(&args.file)?;
        let read = |path: &PathBuf| {
            let method = Method::parse(&files::read(path)?);
            method.map_err(|problem| Failure::file(format!("`{}`: {}", path.display(), problem.detail)))
        };
        let methods: Result<Vec<Method>, Failure> = args.verification_method.iter().map(read).collect();
        let documents = args.did_documents.as_deref().map(folder::documents_in).transpose()?;
        let fetcher = network::fetcher(&args.network)?;
        let service = Service::new(Vec::new(), fetcher, "")
            .knowing(methods?, documents.unwrap_or_default())
            .reading_by(contexts(&args.context)?)
            .believing_lists_of(args.status_issuer.clone());
        let service = std::sync::Arc::new(service);
        let occasion = Occasion { nonce: args.nonce.as_deref(), audience: args.audience.as_deref() };
        let now = args.now.unwrap_or_else(files::now);
        let verified =
            network::wait("verifying", verify(&service, &document, occasion, now))?.map_err(failure)?;
        let (kind, text) = match verified.what {
            What::Credential => ("credential", "the credential is valid"),
            What::Presentation => ("presentation", "the presentation and all credentials in it are valid"),
        };
        let warnings = verified.warnings;
        let mut output = Output::done(json!({"verified": true, "kind": kind, "warnings": warnings}), text);
        output.notes.extend(warnings);
        if verified.what == What::Presentation && args.nonce.is_none() {
            output.notes.push("without --nonce it may have been shown before, to anybody".to_owned());
        }
        Ok(output)
    }

    /// The contexts that are compiled in, and those of files.
    pub(crate) fn contexts(given: &[(String, PathBuf)]) -> Result<Contexts, Failure> {
        given.iter().try_fold(Contexts::compiled_in().clone(), |known, (url, path)| {
            let file = files::read(path)?;
            known.with(url, &file).map_err(|error| Failure::file(format!("`{}`: {error}", path.display())))
        })
    }

    fn failure(problem: Problem) -> Failure {
        Failure::invalid(problem.code, problem.detail)
    }
}
