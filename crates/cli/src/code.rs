//! `legation code list` and `legation code show`: what there is to know about each code of a denial.

use crate::{
    args::CodeCommand,
    output::{Failure, Output},
    words::near,
};
use legation_verifier::{Code, Phase};
use serde_json::json;

pub(crate) fn run(command: &CodeCommand) -> Result<Output, Failure> {
    match command {
        CodeCommand::List => Ok(list()),
        CodeCommand::Show { name } => show(name),
    }
}

fn list() -> Output {
    let width = Code::ALL.iter().map(|code| code.as_str().len()).max().unwrap_or_default();
    let mut text = String::new();
    for phase in Phase::ALL {
        text.push_str(&format!("{}: {}\n", phase.name(), phase.question()));
        for code in Code::ALL.iter().filter(|code| code.phase() == phase) {
            text.push_str(&format!("  {:<width$}  {}\n", code.as_str(), code.cause()));
        }
    }
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.to_json()).collect();
    Output::done(json!({"codes": codes}), text)
}

fn show(name: &str) -> Result<Output, Failure> {
    let code = Code::from_name(name).ok_or_else(|| unknown(name))?;
    let facts = code.facts();
    let width = facts.iter().map(|(title, _)| title.len()).max().unwrap_or_default();
    let mut text = format!("{code}\n");
    for (title, fact) in facts {
        text.push_str(&format!("  {title:<width$}  {fact}\n"));
    }
    Ok(Output::done(code.to_json(), text))
}

fn unknown(name: &str) -> Failure {
    let near = near(name, Code::ALL.iter().map(|code| code.as_str()));
    let meant = near.map_or(String::new(), |code| format!("; did you mean `{code}`?"));
    Failure::usage(format!("there is no code `{name}`{meant} `legation code list` shows all"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::distance;

    #[test]
    fn a_name_that_is_nearly_one_is_told() {
        for (name, wanted) in [
            ("expird", "expired"),
            ("nonce_missmatch", "nonce_mismatch"),
            ("key-not-found", "key_not_found"),
            ("Malformed", "malformed"),
        ] {
            assert!(unknown(name).message.contains(&format!("`{wanted}`?")), "{name}");
        }
        assert!(!unknown("x").message.contains("did you mean"));
        assert_eq!((distance("abc", "abc"), distance("", "ab"), distance("kitten", "sitting")), (0, 2, 3));
    }
}
