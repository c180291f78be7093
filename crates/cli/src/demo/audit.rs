//! What Initech decided, in a log that it can't rewrite: exported, verified and decided again by an auditor who has the file
//! and nothing else, and then changed by one bit.

use super::report::Report;
use crate::{
    args::{AnchorArgs, DataArgs, ExportLogArgs, FolderArgs, LogArgs, OutArgs, ReplayArgs, VerifyLogArgs},
    files, log,
    organization::data_dir::failed,
    output::{Failure, Output},
};
use legation_log::audit::MAX_BACK;
use legation_registry::Registry;
use serde_json::Value;
use std::path::Path;

/// Who reads the file.
const AUDITOR: &str = "Auditor";

/// Plays it, with the data of the organization in `data`.
pub(super) fn tell(registry: &Registry, data: &Path, report: &mut Report) -> Result<(), Failure> {
    report.title("What Initech's gateway decided is in a log; an auditor gets a file, and believes nobody");
    let now = files::now();
    let folder = data.join(legation_registry::log::FOLDER);
    let mut writer = registry.open_log(&folder, now).map_err(|error| failed(&error))?;
    registry.carry(&mut writer, now).map_err(|error| failed(&error))?;
    drop(writer);
    let of = || LogArgs { log: None, data: in_folder(data) };
    let file = data.join("export.jsonl");
    let out = OutArgs { out: file.clone(), force: false };
    log::export(&ExportLogArgs { from: None, to: None, no_values: false, out, of: of() })?;
    let verified = verify(&file, of())?;
    let number = |json: &Value, name: &str| json.get(name).and_then(Value::as_u64).unwrap_or_default();
    report.say(&format!(
        "  {} decisions and changes, each signed for by the log's checkpoint, in one file.",
        number(&verified.json, "entries")
    ));
    report.audit("The file is verified, without network", AUDITOR, None, alarm(&verified).as_deref());
    let replayed = log::replay(&ReplayArgs { file: Some(file.clone()), at: None, of: of() })?;
    let (same, different) = (number(&replayed.json, "same"), number(&replayed.json, "different"));
    let found = if same > 0 && different == 0 { None } else { Some("decided_differently") };
    report.audit("Each decision is made again from what is recorded", AUDITOR, None, found);
    report.say(&format!("  {same} were decided the same again, {different} differently."));
    flip(&file)?;
    let changed = verify(&file, of())?;
    report.audit(
        "One bit is flipped: a `deny` of the file reads `eeny`",
        AUDITOR,
        Some("log_changed"),
        alarm(&changed).as_deref(),
    );
    Ok(())
}

fn in_folder(data: &Path) -> DataArgs {
    DataArgs { folder: FolderArgs { data_dir: data.to_owned() }, organization: None }
}

fn verify(file: &Path, of: LogArgs) -> Result<Output, Failure> {
    log::verify(&VerifyLogArgs {
        path: Some(file.to_owned()),
        anchor: AnchorArgs { did_documents: None, key: None },
        against: Vec::new(),
        policy: None,
        witness: Vec::new(),
        quorum: None,
        max_back: MAX_BACK,
        of,
    })
}

/// The code of the first alarm.
fn alarm(verified: &Output) -> Option<String> {
    let alarms = verified.json.get("alarms").and_then(Value::as_array)?;
    Some(alarms.first()?.get("code").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// Flips the lowest bit of the first letter of the last denial.
fn flip(file: &Path) -> Result<(), Failure> {
    const DENIAL: &[u8] = b"\"decision\":\"deny\"";
    let unread = |error: std::io::Error| Failure::file(format!("`{}`: {error}", file.display()));
    let mut bytes = std::fs::read(file).map_err(unread)?;
    let place = bytes.windows(DENIAL.len()).rposition(|window| window == DENIAL);
    let place = place.map(|at| at.saturating_add(12));
    let letter = place.and_then(|place| bytes.get_mut(place));
    *letter.ok_or_else(|| Failure::file("no denial is in the export"))? ^= 1;
    std::fs::write(file, bytes).map_err(unread)
}
