//! A delegation that is not made yet: what a form says of it, as `/v1` and as the command is asked for it.

use crate::{client::Problem, told::shell};
use legation_registry::duration;
use serde_json::{Value, json};

/// What the form says. Lists stand one item a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) team: String,
    pub(crate) name: String,
    pub(crate) purpose: String,
    pub(crate) owner: String,
    /// Groups of models.
    pub(crate) models: Vec<String>,
    pub(crate) actions: String,
    pub(crate) resources: String,
    pub(crate) budgets: String,
    /// Each as JSON.
    pub(crate) constraints: String,
    pub(crate) max_depth: String,
    pub(crate) valid_for: String,
}

/// What is wrong, and in which field; an empty one where it is in none.
pub(crate) type Wrong = (&'static str, Problem);

impl Draft {
    /// Reads the fields of a form; of one that is there twice the last one counts.
    pub(crate) fn read(pairs: Vec<(String, String)>) -> Self {
        let mut draft = Self::default();
        for (name, value) in pairs {
            let field = match name.as_str() {
                "models" if !draft.models.contains(&value) => {
                    draft.models.push(value);
                    continue;
                }
                "team" => &mut draft.team,
                "name" => &mut draft.name,
                "purpose" => &mut draft.purpose,
                "owner" => &mut draft.owner,
                "actions" => &mut draft.actions,
                "resources" => &mut draft.resources,
                "budgets" => &mut draft.budgets,
                "constraints" => &mut draft.constraints,
                "max_depth" => &mut draft.max_depth,
                "valid_for" => &mut draft.valid_for,
                _ => continue,
            };
            value.trim().clone_into(field);
        }
        draft
    }

    /// All fields as a form brings them along.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, &str)> {
        let texts = [
            ("team", &self.team),
            ("name", &self.name),
            ("purpose", &self.purpose),
            ("owner", &self.owner),
            ("actions", &self.actions),
            ("resources", &self.resources),
            ("budgets", &self.budgets),
            ("constraints", &self.constraints),
            ("max_depth", &self.max_depth),
            ("valid_for", &self.valid_for),
        ];
        let models = self.models.iter().map(|group| ("models", group.as_str()));
        texts.into_iter().map(|(name, text)| (name, text.as_str())).chain(models).collect()
    }

    /// What `POST /v1/agents` is asked.
    pub(crate) fn body(&self) -> Result<Value, Wrong> {
        let constraint = |text: &str| {
            let why = |error: serde_json::Error| {
                let message = format!("`{text}` is no JSON: {error}; write one constraint a line");
                ("constraints", Problem::new(400, "value_invalid", message))
            };
            serde_json::from_str::<Value>(text).map_err(why)
        };
        let constraints: Vec<Value> =
            lines(&self.constraints).map(constraint).collect::<Result<_, Wrong>>()?;
        let depth = if self.max_depth.is_empty() { Ok(0) } else { self.max_depth.parse::<u32>() };
        let depth = depth.map_err(|_| {
            let message = format!("`{}` is no number of further links", self.max_depth);
            ("max_depth", Problem::new(400, "value_invalid", message))
        })?;
        let mut body = json!({
            "name": self.name, "team": self.team, "purpose": self.purpose, "owner": self.owner,
            "models": self.models, "actions": lines(&self.actions).collect::<Vec<_>>(),
            "resources": lines(&self.resources).collect::<Vec<_>>(), "constraints": constraints,
            "budgets": lines(&self.budgets).collect::<Vec<_>>(), "maxDepth": depth,
        });
        if !self.valid_for.is_empty() {
            let wrong = |error: legation_registry::RegistryError| {
                ("valid_for", Problem::new(400, error.code(), &error))
            };
            let seconds = duration(&self.valid_for).map_err(wrong)?;
            if let Some(members) = body.as_object_mut() {
                members.insert("validFor".to_owned(), seconds.into());
            }
        }
        Ok(body)
    }

    /// The command that does the same.
    pub(crate) fn command(&self) -> String {
        let mut command = format!("legation agent add {} --team {}", shell(&self.name), shell(&self.team));
        let models = self.models.join(",");
        let mut said = vec![("purpose", self.purpose.as_str()), ("owner", &self.owner), ("models", &models)];
        for (name, all) in [
            ("action", &self.actions),
            ("resource", &self.resources),
            ("budget", &self.budgets),
            ("constraint", &self.constraints),
        ] {
            said.extend(lines(all).map(|one| (name, one)));
        }
        said.extend([("max-depth", self.max_depth.as_str()), ("valid-for", &self.valid_for)]);
        for (name, text) in said.into_iter().filter(|(_, text)| !text.is_empty()) {
            // What begins as an option does is not to be taken for one.
            let between = if text.starts_with('-') { '=' } else { ' ' };
            command.push_str(&format!(" --{name}{between}{}", shell(text)));
        }
        command
    }

    /// The field in which what `/v1` says is wrong.
    pub(crate) fn field(&self, why: &Problem) -> &'static str {
        if let Some([rule, _, found]) = why.rule.as_deref() {
            return match rule.as_str() {
                "window_not_nested" => "valid_for",
                "redelegation_not_permitted" => "max_depth",
                "action_widened" | "resource_widened" if found.starts_with("model:") => "models",
                "action_widened" => "actions",
                "resource_widened" => "resources",
                "constraint_widened" if self.budgets.is_empty() => "constraints",
                "constraint_widened" => "budgets",
                _ => "",
            };
        }
        let says = |part: &str| why.message.contains(part);
        match why.code.as_str() {
            "name_invalid" | "name_taken" | "already_exists" => "name",
            "budget_invalid" => "budgets",
            "duration_invalid" => "valid_for",
            "nothing_granted" => "models",
            "authority_invalid" if says("constraint") || !(says("action") || says("resource")) => {
                "constraints"
            }
            "authority_invalid" | "wider_than_parent" => "actions",
            "value_invalid" if says("`validFor`") => "valid_for",
            "value_invalid" if says(" is no group of models") => "models",
            // What is missing is the other one.
            "value_invalid" if says(" is no action") => "resources",
            "value_invalid" if says(" is no resource") => "actions",
            _ => "",
        }
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Draft {
        Draft::read(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_a_form_says_is_what_the_command_says_whatever_its_words() {
        let draft = of(&[
            ("team", "sales"),
            ("name", "bot"),
            ("purpose", "it's $(me) `now`"),
            ("models", "a"),
            ("models", "*"),
            ("models", "a"),
            ("actions", "http:GET\r\n\r\n http:POST "),
            ("resources", "https://crm.example/*"),
            ("constraints", r#"{"type":"rate","seconds":60,"max":10}"#),
            ("max_depth", "1"),
            ("valid_for", "30d"),
        ]);
        let body = draft.body().unwrap();
        assert_eq!(
            (&body["models"], &body["actions"], &body["maxDepth"], &body["validFor"]),
            (&json!(["a", "*"]), &json!(["http:GET", "http:POST"]), &json!(1), &json!(2_592_000))
        );
        assert_eq!(
            draft.command(),
            "legation agent add bot --team sales --purpose 'it'\\''s $(me) `now`' --models 'a,*' --action http:GET --action http:POST \
             --resource 'https://crm.example/*' --constraint '{\"type\":\"rate\",\"seconds\":60,\"max\":10}' --max-depth 1 --valid-for 30d"
        );
        assert_eq!(Draft::read(own(draft.pairs())), draft);
        let draft = of(&[("team", "sales"), ("name", "bot"), ("owner", "--no-such"), ("models", "a")]);
        assert_eq!(draft.command(), "legation agent add bot --team sales --owner=--no-such --models a");
    }

    fn own(pairs: Vec<(&'static str, &str)>) -> Vec<(String, String)> {
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn what_can_not_be_read_is_told_at_its_field() {
        for (name, value) in
            [("constraints", "{"), ("max_depth", "-1"), ("max_depth", "x"), ("valid_for", "soon")]
        {
            assert_eq!(of(&[(name, value)]).body().unwrap_err().0, name, "{value}");
        }
    }
}
