//! `legation log prove`.

use super::{source::size_of, unread};
use crate::{
    args::ProveArgs,
    files,
    organization::data_dir::{DataDir, failed},
    output::{Failure, Output},
};
use legation_log::verify::WITNESSED;
use legation_log::{Reader, about, bundle::Bundle, entry, proof::inclusion, reader};
use legation_registry::log::DOCUMENT;
use serde_json::json;

pub(crate) fn run(args: &ProveArgs) -> Result<Output, Failure> {
    let data = DataDir::of(&args.data);
    data.location()?;
    let wrong = || {
        Failure::usage(format!(
            "`{}` is neither the number of a receipt, such as `7`, nor of an event, such as `event:7`",
            args.id
        ))
    };
    let (is_event, number) = match args.id.strip_prefix("event:") {
        Some(number) => (true, number),
        None => (false, args.id.as_str()),
    };
    let number: i64 = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    let signer = data.signer()?;
    let registry = data.open(&signer)?;
    let found = if is_event { registry.place_of_event(number) } else { registry.place_of_receipt(number) };
    let not_yet = || {
        let text = format!("`{}` is not in the log yet; `legation up` carries it over in a moment", args.id);
        Failure::invalid("not_in_log", text)
    };
    let (log, index, leaf) = found.map_err(|error| failed(&error))?.ok_or_else(not_yet)?;
    let folder = data.logs()?.join(log);
    let text = |name: &str| reader::text(&folder, name).map_err(|error| unread(&error));
    let mut note = reader::checkpoint(&folder).map_err(|error| unread(&error))?;
    // One that witnesses signed says more, where it has the entry already.
    if let Some(witnessed) = text(WITNESSED)?.filter(|note| size_of(note).is_ok_and(|size| size > index)) {
        note = witnessed;
    }
    let size = size_of(&note)?;
    if index >= size {
        return Err(not_yet());
    }
    let mut own = Reader::new(&folder, size);
    let proof = inclusion(index, size, &mut own).map_err(|error| unread(&error))?;
    // What stands in the log: of an entry that is too long, its digest.
    let stands = own.entry(index).map_err(|error| unread(&error))?.ok_or_else(not_yet)?;
    let shown = if args.no_values || stands != leaf.bytes { Vec::new() } else { leaf.disclosures };
    let leaf =
        String::from_utf8(stands).map_err(|_| Failure::invalid("entry_malformed", "the entry is no text"))?;
    let kind = entry::head(leaf.as_bytes()).map_or("entry", |head| head.kind.name());
    let bundle = Bundle {
        leaf,
        shown,
        about: text(about::FILE)?.unwrap_or_default(),
        document: text(DOCUMENT)?.unwrap_or_default(),
        index,
        proof,
        note,
    };
    let written = bundle.write();
    files::write_public(&args.out.out, written.trim_end_matches('\n'), args.out.force)?;
    let file = args.out.out.display().to_string();
    let told = format!("wrote {file}: {kind} {number}, entry {index} of {size}, {} bytes", written.len());
    let json = json!({"file": file, "kind": kind, "seq": number, "index": index, "size": size, "bytes": written.len()});
    Ok(Output::done(json, told))
}
