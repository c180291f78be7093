//! Verifying a log: its entries, one after another, with nothing remembered but the right edge of their tree.

use crate::{
    checkpoint::Checkpoint,
    entry::{self, Head, Kind},
    proof::subtrees,
    tree::{Compact, Hash, leaf_hash},
};
use legation_keys::{base64url, json::Json, time};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Most alarms that are told; what comes after is counted.
pub const MAX_ALARMS: usize = 100;
/// How far the time of an entry may be before that of an entry before it, seconds, unless the auditor says otherwise:
/// what is decided at once by several processes is recorded in any order.
pub const MAX_BACK: i64 = 60;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Alarm {
    /// An entry is none.
    #[error("entry {index} is no entry of a log")]
    Entry {
        /// Its index.
        index: u64,
    },
    /// A number is missing, or stands twice.
    #[error("entry {index} is {kind} {found}, expected {expected}: one was left out, added or moved", kind = kind.name())]
    Number {
        /// Its index.
        index: u64,
        /// Of what.
        kind: Kind,
        /// The number that should stand there.
        expected: i64,
        /// The number that does.
        found: i64,
    },
    /// The time goes back.
    #[error("entry {index} is of {found}, after one of {before}: it was dated back, or a clock was set back")]
    Time {
        /// Its index.
        index: u64,
        /// The latest time before.
        before: String,
        /// Its own.
        found: String,
    },
    /// An event does not follow the event before it.
    #[error("entry {index}, an event, does not follow the event before it: one of them was changed")]
    Event {
        /// Its index.
        index: u64,
    },
    /// The tree is another one.
    #[error(
        "at {size} entries the log is not the one of {whose}: an entry was changed, left out, added or moved, or somebody was shown another history"
    )]
    Root {
        /// The size.
        size: u64,
        /// Whose checkpoint says so.
        whose: String,
    },
    /// There is less than a checkpoint says.
    #[error("{whose} has {expected} entries, and the log ends after {found}: it was cut")]
    Cut {
        /// Whose checkpoint says so.
        whose: String,
        /// How many there should be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// Not enough witnesses, or one that lies.
    #[error("{0}")]
    Witness(String),
    /// What is shown of an entry is not what it has the digest of.
    #[error("what is shown of entry {index} is not what was recorded")]
    Shown {
        /// Its index.
        index: u64,
    },
    /// A checkpoint, a signature, a file.
    #[error("{reason}")]
    Other {
        /// The code.
        code: String,
        /// What is wrong.
        reason: String,
    },
}

impl Alarm {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Entry { .. } => "entry_malformed",
            Self::Number { .. } => "entry_missing",
            Self::Time { .. } => "time_set_back",
            Self::Event { .. } => "event_changed",
            Self::Root { .. } => "log_changed",
            Self::Cut { .. } => "log_cut",
            Self::Witness(_) => "unwitnessed",
            Self::Shown { .. } => "value_mismatch",
            Self::Other { code, .. } => code,
        }
    }

    /// Of an error with a code.
    #[must_use]
    pub fn of(code: &str, reason: &impl ToString) -> Self {
        Self::Other { code: code.to_owned(), reason: reason.to_string() }
    }
}

/// What an audit came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many entries were read.
    pub entries: u64,
    /// How many of each kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// The times of the first and the last entry, Unix seconds.
    pub times: Option<(i64, i64)>,
    /// What must not be, at most [`MAX_ALARMS`].
    pub alarms: Vec<Alarm>,
    /// How many more there are.
    pub more: u64,
}

impl Report {
    /// Adds an alarm.
    pub fn alarm(&mut self, alarm: Alarm) {
        if self.alarms.len() < MAX_ALARMS {
            self.alarms.push(alarm);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// What judges the entries of a log, in order.
#[derive(Debug)]
pub struct Audit {
    tree: Compact,
    most_back: i64,
    /// Sizes at which the root is known, with whose word it is.
    marks: BTreeMap<u64, Vec<(Hash, String)>>,
    latest: Option<i64>,
    /// The next number of receipts, counts and events, once one was seen.
    next: [Option<i64>; 3],
    /// SHA-256 of the last event.
    event: Option<[u8; 32]>,
    report: Report,
}

impl Audit {
    /// Begins after the entries of a tree; `most_back` is how far times may go back, seconds.
    #[must_use]
    pub fn new(before: Compact, most_back: i64) -> Self {
        Self {
            tree: before,
            most_back,
            marks: BTreeMap::new(),
            latest: None,
            next: [None; 3],
            event: None,
            report: Report::default(),
        }
    }

    /// Expects that the log has been what a checkpoint says, which whoever calls has opened; `whose` names it in words. It is
    /// asked for before the entries are.
    pub fn expect(&mut self, checkpoint: &Checkpoint, whose: &str) {
        self.marks.entry(checkpoint.size).or_default().push((checkpoint.root, whose.to_owned()));
    }

    /// Judges the next entry.
    pub fn entry(&mut self, leaf: &[u8]) {
        let index = self.tree.size();
        self.meet(index);
        self.tree.push(leaf_hash(leaf));
        self.report.entries = self.report.entries.saturating_add(1);
        let Some(head) = entry::head(leaf) else {
            self.report.alarm(Alarm::Entry { index });
            return;
        };
        *self.report.kinds.entry(head.kind).or_default() += 1;
        self.number(index, &head);
        self.time(index, &head);
        if head.kind == Kind::Event {
            self.event(index, &head, leaf);
        }
    }

    /// Holds the tree against what is expected of this size.
    fn meet(&mut self, size: u64) {
        let Some(marks) = self.marks.remove(&size) else { return };
        let root = self.tree.root();
        for (_, whose) in marks.into_iter().filter(|(expected, _)| *expected != root) {
            self.report.alarm(Alarm::Root { size, whose });
        }
    }

    fn number(&mut self, index: u64, head: &Head) {
        let place = match head.kind {
            Kind::Receipt | Kind::Settlement => 0,
            Kind::Count => 1,
            Kind::Event => 2,
        };
        let Some(next) = self.next.get_mut(place) else { return };
        if let Some(expected) = next.filter(|expected| *expected != head.seq) {
            let (kind, found) = (head.kind, head.seq);
            self.report.alarm(Alarm::Number { index, kind, expected, found });
        }
        *next = Some(head.seq.saturating_add(1));
    }

    fn time(&mut self, index: u64, head: &Head) {
        // How often something happened is counted later.
        if head.kind == Kind::Count {
            return;
        }
        let at = head.at;
        let latest = self.latest.unwrap_or(at);
        if at < latest.saturating_sub(self.most_back) {
            let (before, found) = (time::format(latest), time::format(at));
            self.report.alarm(Alarm::Time { index, before, found });
        }
        self.latest = Some(latest.max(at));
        let first = self.report.times.map_or(at, |(first, _)| first);
        self.report.times = Some((first, latest.max(at)));
    }

    /// An event names the one before it.
    fn event(&mut self, index: u64, head: &Head, leaf: &[u8]) {
        let Ok((_, event)) = entry::read(index, leaf) else {
            self.report.alarm(Alarm::Entry { index });
            return;
        };
        // One that stands apart is known by its digest alone.
        let Some(digest) = digest_of_event(head, &event) else {
            self.event = None;
            return;
        };
        let previous = event.get("previous").and_then(Json::as_str).unwrap_or_default();
        if self.event.is_some_and(|before| base64url::encode(&before) != previous) {
            self.report.alarm(Alarm::Event { index });
        }
        self.event = Some(digest);
    }

    /// Ends: with the subtrees of what comes after, up to `size`, where it is a part of a log.
    #[must_use]
    pub fn end(mut self, right: &[Hash], size: u64) -> Report {
        let from = self.tree.size();
        self.meet(from);
        let found = from;
        let fits = subtrees(from, size).count() == right.len()
            && subtrees(from, size).zip(right).all(|((level, _), hash)| self.tree.push_subtree(level, *hash));
        if fits {
            self.meet(size);
        }
        for (expected, marks) in core::mem::take(&mut self.marks) {
            for (_, whose) in marks {
                self.report.alarm(Alarm::Cut { whose, expected, found });
            }
        }
        self.report
    }

    /// The tree of the entries so far.
    #[must_use]
    pub fn tree(&self) -> &Compact {
        &self.tree
    }

    /// Tells of something else.
    pub fn alarm(&mut self, alarm: Alarm) {
        self.report.alarm(alarm);
    }
}

/// SHA-256 of an event, by which the next one names it: of its members, each with its length before it, as the store has it.
#[must_use]
pub fn digest_of_event(head: &Head, event: &Json<'_>) -> Option<[u8; 32]> {
    let text = |name: &str| event.get(name).and_then(Json::as_str);
    let mut digest = Sha256::new_with_prefix("legation event\n");
    let (seq, at) = (head.seq.to_string(), head.at.to_string());
    for text in [&*seq, &at, text("kind")?, text("subject")?, text("actor")?, text("data")?] {
        digest.update(format!("{}\n", text.len()));
        digest.update(text);
    }
    digest.update(base64url::decode_array::<32>(text("previous")?).ok()?);
    Some(digest.finalize().into())
}
