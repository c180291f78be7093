//! Which witnesses an auditor asks for, and how many of them: C2SP tlog-policy.

use crate::note::{Kind, Note, NoteError, NoteKey};
use std::collections::BTreeMap;

/// Most lines of a policy.
const MAX_LINES: usize = 1000;

/// Whom a checkpoint has to be signed by to be believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Keys of logs. Where there are none, the log is known otherwise.
    pub logs: Vec<NoteKey>,
    witnesses: BTreeMap<String, NoteKey>,
    /// Where those of them are asked that say so.
    urls: BTreeMap<String, String>,
    groups: BTreeMap<String, (usize, Vec<String>)>,
    /// `None`: no witness is asked for.
    quorum: Option<String>,
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A line that means nothing.
    #[error("line {line} of the policy: {reason}")]
    Line {
        /// Its number, from 1 on.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// It does not say how many witnesses it takes.
    #[error("the policy has no `quorum` line; write `quorum NAME` of a witness or group, or `quorum none`")]
    Quorum,
}

impl PolicyError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "policy_invalid"
    }
}

/// Who has cosigned a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witnessed {
    /// The witnesses by name, and when each signed, Unix seconds.
    pub by: Vec<(String, u64)>,
    /// Those whose signature does not fit: somebody forged it, or the witness lies.
    pub wrong: Vec<NoteError>,
    /// Whether they are as many as were asked for.
    pub is_enough: bool,
}

impl Policy {
    /// Asks for at least so many of these witnesses.
    #[must_use]
    pub fn of(witnesses: Vec<NoteKey>, quorum: usize) -> Self {
        let named: BTreeMap<String, NoteKey> =
            witnesses.into_iter().map(|key| (key.to_string(), key)).collect();
        let members = named.keys().cloned().collect();
        Self {
            logs: Vec::new(),
            witnesses: named,
            urls: BTreeMap::new(),
            groups: BTreeMap::from([(String::new(), (quorum, members))]),
            quorum: (quorum > 0).then(String::new),
        }
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let (mut policy, mut is_decided) = (Self::default(), false);
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |reason: &str| PolicyError::Line { line: number, reason: reason.to_owned() };
            if number > MAX_LINES {
                return Err(wrong("there are too many lines"));
            }
            let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["log", key] | ["log", key, _] => policy.logs.push(read(key, Kind::Text, number)?),
                ["witness", name, key, rest @ ..] if rest.len() <= 1 => {
                    let key = read(key, Kind::Cosignature, number)?;
                    let is_twice =
                        policy.witnesses.values().any(|other| other.public_key() == key.public_key());
                    if is_twice || policy.knows(name) || *name == "none" {
                        return Err(wrong("the name or the key stands there already"));
                    }
                    policy.witnesses.insert((*name).to_owned(), key);
                    policy.urls.extend(rest.first().map(|url| ((*name).to_owned(), (*url).to_owned())));
                }
                ["group", name, least, members @ ..] => policy.group(name, least, members).map_err(wrong)?,
                ["quorum", name] if !is_decided => {
                    is_decided = true;
                    if *name != "none" {
                        let known = policy.knows(name).then(|| (*name).to_owned());
                        policy.quorum = Some(known.ok_or_else(|| wrong("the name is not defined above"))?);
                    }
                }
                _ => return Err(wrong("it is none of `log`, `witness`, `group` and one `quorum`")),
            }
        }
        if is_decided { Ok(policy) } else { Err(PolicyError::Quorum) }
    }

    fn knows(&self, name: &str) -> bool {
        self.witnesses.contains_key(name) || self.groups.contains_key(name)
    }

    fn group(&mut self, name: &str, least: &str, members: &[&str]) -> Result<(), &'static str> {
        let least = match least {
            "any" => Some(1),
            "all" => Some(members.len()),
            number => number.parse().ok(),
        };
        let least = least.filter(|least| (1..=members.len()).contains(least));
        let least = least.ok_or("a group needs `any`, `all` or a number up to that of its members")?;
        if self.knows(name) || name == "none" {
            return Err("the name stands there already");
        }
        let is_taken =
            |member: &str| self.groups.values().any(|(_, all)| all.iter().any(|one| one == member));
        let distinct: std::collections::BTreeSet<&&str> = members.iter().collect();
        if distinct.len() != members.len()
            || members.iter().any(|member| !self.knows(member) || is_taken(member))
        {
            return Err("each member is a witness or a group above, and in one group only");
        }
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        self.groups.insert(name.to_owned(), (least, members));
        Ok(())
    }

    /// The witnesses that say where they are asked, with their URLs.
    pub fn at(&self) -> impl Iterator<Item = (&NoteKey, &str)> {
        self.urls.iter().filter_map(|(name, url)| Some((self.witnesses.get(name)?, url.as_str())))
    }

    /// Whether it asks for witnesses.
    #[must_use]
    pub fn asks_for_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// Who of the witnesses has cosigned a checkpoint.
    ///
    /// # Errors
    /// [`NoteError::Format`].
    pub fn witnessed(&self, note: &str) -> Result<Witnessed, NoteError> {
        let note = Note::parse(note)?;
        let mut found = Witnessed::default();
        let mut names = Vec::new();
        for (name, key) in &self.witnesses {
            match note.signed_at(key) {
                Ok(at) => {
                    found.by.push((key.name().to_owned(), at));
                    names.push(name.as_str());
                }
                Err(NoteError::Unsigned { .. }) => {}
                Err(error) => found.wrong.push(error),
            }
        }
        found.is_enough = self.quorum.as_deref().is_none_or(|quorum| self.holds(quorum, &names));
        Ok(found)
    }

    /// A group names what stands above it only, so that this ends.
    fn holds(&self, name: &str, signed: &[&str]) -> bool {
        match self.groups.get(name) {
            None => signed.contains(&name),
            Some((least, members)) => {
                members.iter().filter(|member| self.holds(member, signed)).count() >= *least
            }
        }
    }
}

fn read(text: &str, kind: Kind, line: usize) -> Result<NoteKey, PolicyError> {
    let wrong = |reason: String| PolicyError::Line { line, reason };
    let key = NoteKey::parse(text).map_err(|error| wrong(error.to_string()))?;
    if key.kind() == kind { Ok(key) } else { Err(wrong("the key is one of the other kind".to_owned())) }
}
