//! `legation did create webvh`, `did update`, and `did resolve` of a did:webvh.

use crate::{
    args::{CreateWebvhArgs, ResolveArgs, UpdateArgs},
    output::{Failure, Output},
};

#[cfg(feature = "webvh")]
pub(crate) use with::{create, resolve, update};

#[cfg(not(feature = "webvh"))]
pub(crate) use without::{create, resolve, update};

#[cfg(not(feature = "webvh"))]
mod without {
    use super::{CreateWebvhArgs, Failure, Output, ResolveArgs, UpdateArgs};

    fn missing() -> Result<Output, Failure> {
        let text =
            "this command was built without did:webvh; build it by `cargo build --release --features webvh`";
        Err(Failure::usage(text))
    }

    pub(crate) fn create(_: &CreateWebvhArgs) -> Result<Output, Failure> {
        missing()
    }

    pub(crate) fn update(_: &UpdateArgs) -> Result<Output, Failure> {
        missing()
    }

    pub(crate) fn resolve(_: &ResolveArgs) -> Result<Output, Failure> {
        missing()
    }
}

#[cfg(feature = "webvh")]
mod with {
    use super::{CreateWebvhArgs, Failure, Output, ResolveArgs, UpdateArgs};
    use crate::{
        args::{DocumentArgs, KeyArgs},
        did::{document_path, public_keys, services, write_in_site},
        files, network,
        output::pretty,
    };
    use legation_did::Did;
    use legation_keys::{SecretKey, Signer, time};
    use legation_keystore::Access;
    use legation_webvh::{
        At, Content, LOG_FILE, ResolveError, Resolved, WriteError, fetch,
        log::{place, url, verify},
        write,
    };
    use serde_json::{Value, json};
    use std::path::{Path, PathBuf};

    pub(crate) fn create(args: &CreateWebvhArgs) -> Result<Output, Failure> {
        let content = content(&args.document)?;
        let key = key(&args.update_key.update_key, &args.update_key.update_passphrase_file)?;
        let made = write::create(&args.location, &content, &key, files::now()).map_err(refused)?;
        let path = log_path(&args.out, &made.did)?;
        write_in_site(&path, made.log.trim_end(), args.force)?;
        written(&path, &made.did, &made.log)
    }

    pub(crate) fn update(args: &UpdateArgs) -> Result<Output, Failure> {
        let path = log_path(&args.out, &args.did)?;
        let key = key(&args.update_key.update_key, &args.update_key.update_passphrase_file)?;
        let content = if args.end { None } else { Some(next_content(args)?) };
        let log = files::change(&path, Access::Public, |found| {
            let missing = || Failure::file(format!("`{}` can't be read: it is not there", path.display()));
            let log = core::str::from_utf8(found.ok_or_else(missing)?)
                .map_err(|_| Failure::file(format!("`{}` is no text", path.display())))?;
            let log = match &content {
                None => write::deactivate(&args.did, log, &key, files::now()),
                Some(content) => write::update(&args.did, log, content, &key, files::now()),
            };
            let log = log.map_err(refused)?;
            Ok((log.trim_end().to_owned(), log))
        })?;
        written(&path, &args.did, &log)
    }

    fn next_content(args: &UpdateArgs) -> Result<Content, Failure> {
        let mut content = content(&args.document)?;
        if let Some(file) = &args.next_update_key {
            let next = key(file, &args.next_update_passphrase_file)?;
            content.next_update_key = Some(next.public_key().clone());
        }
        Ok(content)
    }

    fn content(args: &DocumentArgs) -> Result<Content, Failure> {
        Ok(Content {
            keys: public_keys(&args.key, &args.passphrase_file)?,
            services: services(args)?,
            next_update_key: None,
        })
    }

    fn key(file: &Path, passphrase_file: &Option<PathBuf>) -> Result<SecretKey, Failure> {
        files::load_key(&KeyArgs { key: file.to_owned(), passphrase_file: passphrase_file.clone() })
    }

    fn log_path(folder: &Path, did: &Did) -> Result<PathBuf, Failure> {
        let place = place(did).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(document_path(folder, &place)?.with_file_name(LOG_FILE))
    }

    fn written(path: &Path, did: &Did, log: &str) -> Result<Output, Failure> {
        let version = verify(did, log.as_bytes(), None, &At::Latest)
            .map_err(|error| Failure::invalid(error.code(), error.to_string()))?;
        let url = url(did, LOG_FILE).unwrap_or_default();
        let text =
            format!("{did}\nwrote version {} to {}; publish it at {url}", version.version_id, path.display());
        Ok(Output::done(shown(did, &version), text))
    }

    fn shown(did: &Did, version: &Resolved) -> Value {
        json!({
            "did": did.as_str(),
            "document": version.document,
            "versionId": version.version_id,
            "versionTime": time::format(version.version_time),
            "nextVersionTime": version.next_version_time.map(time::format),
            "deactivated": version.deactivated,
        })
    }

    pub(crate) fn resolve(args: &ResolveArgs) -> Result<Output, Failure> {
        let at = match (args.version_time, &args.version_id) {
            (Some(seconds), _) => At::Time(seconds),
            (None, Some(id)) => At::Version(id.clone()),
            (None, None) => At::Latest,
        };
        let fetcher = network::fetcher(&args.network)?;
        let version = network::wait("resolving", fetch::resolve(&fetcher, &args.did, &at))?.map_err(
            |error| match error {
                ResolveError::Fetch(error) => network::failed(&error),
                other => Failure::invalid(other.code(), other.to_string()),
            },
        )?;
        if version.is_ended() {
            let ended = time::format(version.version_time);
            let text = format!("`{}` was ended at {ended}; --version-time shows what held before", args.did);
            return Err(Failure::invalid("deactivated", text));
        }
        let text = pretty(&version.document);
        let mut output = Output::done(shown(&args.did, &version), text);
        let until = match version.next_version_time {
            Some(next) => format!("until {}", time::format(next)),
            None => "and holds now".to_owned(),
        };
        let from = time::format(version.version_time);
        output.notes.push(format!("version {} holds from {from} {until}", version.version_id));
        if version.deactivated {
            output.notes.push(format!("the DID was ended at {}", time::format(version.updated)));
        }
        Ok(output)
    }

    fn refused(error: WriteError) -> Failure {
        match error {
            WriteError::Place(_) | WriteError::UpdateKeyAlgorithm => Failure::usage(error.to_string()),
            _ => Failure::invalid(error.code(), error.to_string()),
        }
    }
}
