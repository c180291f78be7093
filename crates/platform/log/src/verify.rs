//! Verifying a log in a folder, an export, or the proof of one entry, by the log's key and whatever else an auditor holds
//! against it. Everything that is wrong is told, as far as reading goes on.

use crate::{
    audit::{Alarm, Audit, Report},
    bundle::{Bundle, BundleError, Proved},
    checkpoint::{Checkpoint, CheckpointError},
    entry,
    export::{Export, ExportError, Line},
    hidden::{self, Disclosure},
    note::NoteKey,
    policy::{Policy, Witnessed},
    reader::{self, ReadError, Reader},
    tree::Compact,
};
use std::{io::BufRead, path::Path};

/// The checkpoint that witnesses signed last, in the folder of a log.
pub const WITNESSED: &str = "witnessed";

/// What a log is held against.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The key of its checkpoints, named as the log is.
    pub key: NoteKey,
    /// The witnesses that have to have signed.
    pub policy: Policy,
    /// What others were shown, with a name of each, in words. The log has to go on from it.
    pub against: Vec<(Checkpoint, String)>,
    /// How far the time of an entry may be before that of an earlier one, seconds.
    pub most_back: i64,
}

/// What verifying came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The latest checkpoint.
    pub head: Checkpoint,
    /// What was read, and what must not be.
    pub report: Report,
    /// Which witnesses have signed.
    pub witnessed: Witnessed,
    /// How much is attached to an export.
    pub attached: u64,
}

/// Why there is nothing that could be verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The folder can't be read.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// The export can't be read.
    #[error("{0}")]
    Export(#[from] ExportError),
    /// The checkpoint is not the log's.
    #[error("{0}")]
    Checkpoint(#[from] CheckpointError),
    /// The proof does not hold.
    #[error("{0}")]
    Bundle(#[from] BundleError),
}

impl VerifyError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(error) => error.code(),
            Self::Export(error) => error.code(),
            Self::Checkpoint(error) => error.code(),
            Self::Bundle(error) => error.code(),
        }
    }
}

impl Asked {
    /// Begins an audit that expects every checkpoint there is. Gives the latest of the log's own.
    fn begin(
        &self,
        before: Compact,
        note: &str,
        witnessed: Option<&str>,
    ) -> Result<(Audit, Checkpoint), VerifyError> {
        let mut audit = Audit::new(before, self.most_back);
        let mut head = Checkpoint::open(note, &self.key)?;
        audit.expect(&head, "its checkpoint");
        match witnessed.map(|note| Checkpoint::open(note, &self.key)) {
            Some(Ok(seen)) => {
                audit.expect(&seen, "the checkpoint that witnesses signed");
                if seen.size > head.size {
                    head = seen;
                }
            }
            Some(Err(error)) => audit.alarm(Alarm::of(error.code(), &error)),
            None => {}
        }
        self.against.iter().for_each(|(seen, whose)| audit.expect(seen, whose));
        Ok((audit, head))
    }

    /// Ends with what witnesses signed of a checkpoint.
    fn end(&self, head: Checkpoint, mut report: Report, note: &str, attached: u64) -> Verified {
        let witnessed = self.policy.witnessed(note).unwrap_or_default();
        for error in &witnessed.wrong {
            report.alarm(Alarm::Witness(format!("a witness lies, or somebody forged it: {error}")));
        }
        if !witnessed.is_enough {
            let found = witnessed.by.len();
            let text = format!(
                "unwitnessed: {found} of the witnesses have signed it, which is not what was asked for"
            );
            report.alarm(Alarm::Witness(text));
        }
        Verified { head, report, witnessed, attached }
    }
}

/// What is done with each entry: its index, its bytes, and what is shown of it.
pub type Each<'e> = dyn FnMut(u64, &[u8], &[Disclosure]) + 'e;

/// Verifies a log in a folder. `each` is called for each entry, before it is known whether the whole holds.
///
/// # Errors
/// [`VerifyError`] where there is no checkpoint of the log; everything else is an alarm.
pub fn folder(folder: &Path, asked: &Asked, each: &mut Each<'_>) -> Result<Verified, VerifyError> {
    let note = reader::checkpoint(folder)?;
    let witnessed = reader::text(folder, WITNESSED)?;
    let (mut audit, head) = asked.begin(Compact::default(), &note, witnessed.as_deref())?;
    let reader = Reader::new(folder, head.size);
    for (index, leaf) in (0..).zip(reader.entries(0)) {
        match leaf {
            Ok(leaf) => {
                audit.entry(&leaf);
                let whole = reader.whole(&leaf).unwrap_or_else(|error| {
                    audit.alarm(Alarm::of(error.code(), &error));
                    None
                });
                each(index, whole.as_deref().unwrap_or(&leaf), &[]);
            }
            Err(error) => {
                audit.alarm(Alarm::of(error.code(), &error));
                break;
            }
        }
    }
    let report = audit.end(&[], head.size);
    Ok(asked.end(head, report, witnessed.as_deref().unwrap_or(&note), 0))
}

/// Verifies an export, to its end. `each` is called for each entry, before it is known whether the whole holds.
///
/// # Errors
/// [`VerifyError`] where it is none, or its checkpoint not the log's; everything else is an alarm.
pub fn export(
    export: &mut Export<impl BufRead>,
    asked: &Asked,
    each: &mut Each<'_>,
) -> Result<Verified, VerifyError> {
    let header = export.header().clone();
    let wrong = ExportError::Format { reason: "its hashes of what is before are not as many as that takes" };
    let before = header.before().ok_or(wrong)?;
    // A witnessed checkpoint of a size beyond the entries has nothing here that it could be held against.
    let is_within = |note: &&String| {
        let size = Checkpoint::open(note, &asked.key).map_or(header.first, |seen| seen.size);
        (header.first..=header.first.saturating_add(header.entries)).contains(&size)
    };
    let witnessed = header.witnessed.as_ref().filter(is_within);
    let (mut audit, head) = asked.begin(before, &header.note, witnessed.map(String::as_str))?;
    let (mut entries, mut attached) = (0_u64, 0_u64);
    loop {
        match export.next_line() {
            Ok(Some(Line::Entry(one))) => {
                let index = header.first.saturating_add(entries);
                audit.entry(&one.leaf);
                let is_whole = one.whole.as_ref().is_none_or(|whole| entry::stands_for(&one.leaf, whole));
                let entry = if is_whole { one.entry() } else { &one.leaf };
                if !is_whole || !one.shown.iter().all(|shown| hidden::belongs(entry, shown)) {
                    audit.alarm(Alarm::Shown { index });
                }
                each(index, entry, &one.shown);
                entries = entries.saturating_add(1);
            }
            Ok(Some(Line::Attached(_))) => attached = attached.saturating_add(1),
            Ok(Some(Line::End(said, also))) => {
                if (said, also) != (entries, attached) || entries != header.entries {
                    let text = "its last line counts other lines than there are: some were cut or added";
                    audit.alarm(Alarm::of("export_cut", &text));
                }
            }
            Ok(None) => break,
            Err(error) => {
                audit.alarm(Alarm::of(error.code(), &error));
                break;
            }
        }
    }
    let report = audit.end(&header.right, head.size);
    Ok(asked.end(head, report, witnessed.unwrap_or(&header.note), attached))
}

/// Verifies the proof of one entry.
///
/// # Errors
/// [`VerifyError`] where it proves nothing; that witnesses are missing, or that others were shown another log of its size, is
/// an alarm.
pub fn bundle(bundle: &Bundle, asked: &Asked) -> Result<(Verified, Proved), VerifyError> {
    let proved = bundle.verify(&asked.key)?;
    let mut report = Report { entries: 1, ..Report::default() };
    report.kinds.insert(proved.head.kind, 1);
    report.times = Some((proved.head.at, proved.head.at));
    for (seen, whose) in &asked.against {
        if seen.size == proved.checkpoint.size && seen.root != proved.checkpoint.root {
            report.alarm(Alarm::Root { size: seen.size, whose: whose.clone() });
        }
    }
    Ok((asked.end(proved.checkpoint.clone(), report, &bundle.note, 0), proved))
}
