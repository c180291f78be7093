//! `legation log erase`.

use crate::{
    args::EraseArgs,
    files,
    organization::data_dir::{DataDir, failed},
    output::{Failure, Output},
};
use legation_store::holder::Kind;
use serde_json::json;

pub(crate) fn run(args: &EraseArgs) -> Result<Output, Failure> {
    let data = DataDir::of(&args.data);
    data.location()?;
    let signer = data.signer()?;
    let registry = data.open(&signer)?;
    let meant = match &args.agent {
        None => args.receipt.iter().copied().collect(),
        Some(agent) => {
            let shown = registry.show(Kind::Agent, agent).map_err(|error| failed(&error))?;
            let found = registry.receipts_of(&shown.holder.did, args.until.unwrap_or(i64::MAX));
            found.map_err(|error| failed(&error))?
        }
    };
    let erased = registry.erase(&meant, &args.reason, files::now()).map_err(|error| failed(&error))?;
    // What was erased stands in no index either; those on other machines are made anew once they are used.
    for log in registry.logs().map_err(|error| failed(&error))? {
        let removed = legation_log::index::remove(&data.logs()?.join(&log.name));
        removed.map_err(|error| Failure::network(error.code(), error.to_string()))?;
    }
    let left = meant.len().saturating_sub(usize::try_from(erased).unwrap_or(usize::MAX));
    let mut told = format!("erased: the values of {erased} receipts");
    if left > 0 {
        told.push_str(&format!(
            "; {left} had been erased before, or are not in the log and signed yet: run it again in a moment"
        ));
    }
    told.push_str("\nBackups and exports that were made before still hold them.");
    Ok(Output::done(json!({"erased": erased, "left": left}), told))
}
