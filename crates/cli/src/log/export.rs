//! `legation log export`.

use super::{
    source::{self, Own, size_of},
    unread,
};
use crate::{
    args::ExportLogArgs,
    organization::data_dir::{DataDir, failed},
    output::{Failure, Output, counter},
};
use legation_log::verify::WITNESSED;
use legation_log::{
    Reader, about, entry,
    export::{Header, write_attached, write_end, write_entry},
    proof::{Nodes, subtrees},
    reader,
    replay::attached::Named,
    tree::Hash,
};
use legation_registry::Registry;
use legation_registry::log::DOCUMENT;
use serde_json::json;
use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

pub(crate) fn run(args: &ExportLogArgs) -> Result<Output, Failure> {
    let folder = source::folder(&args.of)?;
    let text = |name: &str| reader::text(&folder, name).map_err(|error| unread(&error));
    let note = reader::checkpoint(&folder).map_err(|error| unread(&error))?;
    let size = size_of(&note)?;
    let mut own = Own::open(&DataDir::of(&args.of.data), &folder)?;
    let mut log = Reader::new(&folder, size);
    let (first, end) = range(&log, args)?;
    let header = Header {
        about: text(about::FILE)?.unwrap_or_default(),
        document: text(DOCUMENT)?.unwrap_or_default(),
        witnessed: text(WITNESSED)?,
        note,
        first,
        entries: end - first,
        left: nodes(&mut log, 0, first)?,
        right: nodes(&mut log, end, size)?,
    };
    let path = &args.out.out;
    crate::files::check_named(path)?;
    let unwritten = |error: io::Error| {
        Failure::network("storage", format!("`{}` can't be written: {error}", path.display()))
    };
    if path.exists() && !args.out.force {
        return Err(Failure::file(format!(
            "`{}` exists already; name another file, or give --force",
            path.display()
        )));
    }
    let parent =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| ".".as_ref());
    let file = tempfile::NamedTempFile::new_in(parent).map_err(unwritten)?;
    let mut out = BufWriter::with_capacity(1 << 20, file.as_file());
    header.write(&mut out).map_err(unwritten)?;
    let mut named = Named::default();
    entries(&log, (first, end), args.no_values, &mut own, &mut named, &mut out, &unwritten)?;
    let attached = attach(&own.registry, &named, &mut out, &unwritten)?;
    write_end(&mut out, end - first, attached).map_err(unwritten)?;
    out.flush().map_err(unwritten)?;
    drop(out);
    file.as_file().sync_all().map_err(unwritten)?;
    let bytes = file.as_file().metadata().map_err(unwritten)?.len();
    file.persist(path).map_err(|error| unwritten(error.error))?;
    let shown = path.display().to_string();
    let told = format!(
        "wrote {shown}: {} entries of {size}, {attached} documents beside them, {bytes} bytes",
        end - first
    );
    let json = json!({"file": shown, "first": first, "entries": end - first, "size": size, "attached": attached, "bytes": bytes});
    Ok(Output::done(json, told))
}

/// The entries of a time, and whatever stands between them.
fn range(log: &Reader, args: &ExportLogArgs) -> Result<(u64, u64), Failure> {
    if args.from.is_none() && args.to.is_none() {
        return Ok((0, log.size()));
    }
    let (mut first, mut end) = (None, 0);
    for (index, leaf) in (0_u64..).zip(log.entries(0)) {
        let leaf = leaf.map_err(|error| unread(&error))?;
        let at = entry::head(&leaf).map_or(0, |head| head.at);
        if args.from.is_none_or(|from| at >= from) && args.to.is_none_or(|to| at < to) {
            first = first.or(Some(index));
            end = index.saturating_add(1);
        }
    }
    let none = "there is no entry between these times; `legation log search` shows when some are";
    first.map(|first| (first, end)).ok_or_else(|| Failure::invalid("not_found", none))
}

fn nodes(log: &mut Reader, from: u64, to: u64) -> Result<Vec<Hash>, Failure> {
    let node = |(level, index)| log.node(level, index).map_err(|error| unread(&error));
    subtrees(from, to).map(node).collect()
}

type Unwritten<'u> = dyn Fn(io::Error) -> Failure + 'u;

fn entries(
    log: &Reader,
    (first, end): (u64, u64),
    no_values: bool,
    own: &mut Own,
    named: &mut Named,
    out: &mut BufWriter<&File>,
    unwritten: &Unwritten<'_>,
) -> Result<(), Failure> {
    let counter = counter();
    for (index, leaf) in (first..end).zip(log.entries(first)) {
        let leaf = leaf.map_err(|error| unread(&error))?;
        let whole = log.whole(&leaf).map_err(|error| unread(&error))?;
        let shown = if no_values { Vec::new() } else { own.shown(index)? };
        write_entry(out, &leaf, whole.as_deref(), &shown).map_err(unwritten)?;
        if let Ok((_, entry)) = entry::read(index, whole.as_deref().unwrap_or(&leaf)) {
            named.add(&entry);
        }
        counter.inc(1);
    }
    counter.finish_and_clear();
    Ok(())
}

/// Attaches what decisions rest on, as far as it is there: delegations, documents, status lists and policies that entries name, as
/// they were; models as they are now.
fn attach(
    registry: &Registry,
    named: &Named,
    out: &mut BufWriter<&File>,
    unwritten: &Unwritten<'_>,
) -> Result<u64, Failure> {
    let all = registry.evidence(named).map_err(|error| failed(&error))?;
    for one in &all {
        write_attached(out, one).map_err(unwritten)?;
    }
    Ok(u64::try_from(all.len()).unwrap_or(u64::MAX))
}
