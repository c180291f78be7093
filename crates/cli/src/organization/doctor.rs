//! `legation doctor`: one thing a line, each all right, or wrong with what to do.

mod checks;
mod folder;
mod machine;
mod online;

use super::data_dir::DataDir;
use crate::{
    args::DoctorArgs,
    files,
    output::{Failure, Output, one_line},
};
use serde_json::{Value, json};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As it should be.
    Ok,
    /// Worth a look; nothing is refused because of it.
    Note,
    /// Wrong.
    Wrong,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong => "wrong",
        }
    }
}

/// What was looked at.
#[derive(Debug)]
struct Finding {
    state: State,
    /// What of the organization.
    check: &'static str,
    /// Which one, where there are several.
    of: Option<String>,
    /// How it is, and what to do.
    text: String,
}

/// All that was looked at.
#[derive(Debug, Default)]
struct Findings {
    all: Vec<Finding>,
    /// The organization that is looked at, where there are several.
    of: Option<String>,
}

impl Findings {
    fn ok(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(State::Ok, check, text);
    }

    fn note(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(State::Note, check, text);
    }

    fn wrong(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(State::Wrong, check, text);
    }

    fn add(&mut self, state: State, check: &'static str, text: impl Into<String>) {
        self.all.push(Finding { state, check, of: self.of.clone(), text: text.into() });
    }
}

pub(crate) fn run(args: &DoctorArgs) -> Result<Output, Failure> {
    let folder = DataDir::of(&args.data);
    // Without an organization there is nothing to look at.
    let location = folder.location()?;
    let mut found = Findings::default();
    folder::look(&folder, &location, &mut found);
    machine::space(folder.path(), &mut found);
    if let Some(certificate) = &args.tls_cert {
        machine::certificate(certificate, files::now(), &mut found);
    }
    // The signer is needed as long as there are questions.
    let (all, _signer) = folder::open(&folder, &location, &mut found).unzip();
    let all = all.unwrap_or_default();
    for registry in &all {
        let now = files::now();
        found.of = (all.len() > 1).then(|| registry.host());
        found.ok("organization", registry.did().to_string());
        folder::admin(&folder, registry, &mut found);
        checks::look(registry, now, &mut found);
        machine::clock(registry, now, &mut found);
        if args.online {
            online::look(registry, args, now, &mut found);
        }
    }
    Ok(told(&found.all))
}

fn told(found: &[Finding]) -> Output {
    let width = found.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    let line = |finding: &Finding| {
        let of = finding.of.as_ref().map(|of| format!("{of}: ")).unwrap_or_default();
        format!("{:<5}  {:<width$}  {of}{}\n", finding.state.name(), finding.check, one_line(&finding.text))
    };
    let wrong = found.iter().filter(|finding| finding.state == State::Wrong).count();
    let end = match wrong {
        0 => "all is well\n".to_owned(),
        1 => "1 thing is wrong\n".to_owned(),
        more => format!("{more} things are wrong\n"),
    };
    let text: String = found.iter().map(line).chain([end]).collect();
    let one = |finding: &Finding| {
        let mut one = json!({"check": finding.check, "state": finding.state.name(), "text": finding.text});
        if let (Some(of), Some(members)) = (&finding.of, one.as_object_mut()) {
            members.insert("organization".to_owned(), json!(of));
        }
        one
    };
    let checks: Vec<Value> = found.iter().map(one).collect();
    let exit = u8::from(wrong > 0);
    Output { exit, ..Output::done(json!({"ok": wrong == 0, "checks": checks}), text) }
}
