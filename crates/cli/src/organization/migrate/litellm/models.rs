//! `model_list`: deployments of one `model_name` are targets of one model.

use super::{Left, Secrets, amounts::scaled, text};
use legation_registry::model::{MAX_TARGETS, Model, Protocol, Target};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Providers by how LiteLLM begins a model's name, and where they are; those without a place need an `api_base`. All speak OpenAI's
/// interface but for Anthropic.
const PROVIDERS: [(&str, &str); 15] = [
    ("openai", "https://api.openai.com/v1"),
    ("anthropic", "https://api.anthropic.com/v1"),
    ("groq", "https://api.groq.com/openai/v1"),
    ("mistral", "https://api.mistral.ai/v1"),
    ("deepseek", "https://api.deepseek.com/v1"),
    ("together_ai", "https://api.together.xyz/v1"),
    ("openrouter", "https://openrouter.ai/api/v1"),
    ("fireworks_ai", "https://api.fireworks.ai/inference/v1"),
    ("xai", "https://api.x.ai/v1"),
    ("azure", ""),
    ("hosted_vllm", ""),
    ("openai_like", ""),
    ("ollama", ""),
    ("ollama_chat", ""),
    ("litellm_proxy", ""),
];
/// What bounds a model of which nothing is said: fewer tokens of an answer than it could give, more of a prompt than it takes.
const OUTPUT: u64 = 16_384;
const INPUT: u64 = 1_000_000;

/// Members of a deployment that are carried over.
const CARRIED: [&str; 10] = [
    "model",
    "api_key",
    "api_base",
    "base_url",
    "api_version",
    "weight",
    "input_cost_per_token",
    "output_cost_per_token",
    "max_tokens",
    "custom_llm_provider",
];

/// Reads the list. What is named is a name that a model can have, else its number.
pub(super) fn read(list: Option<&Value>, group: &str, secrets: &mut Secrets, left: &mut Left) -> Vec<Value> {
    let mut models: BTreeMap<String, Model> = BTreeMap::new();
    // The same key under one name, told apart by its text, which goes nowhere.
    let mut literals: BTreeMap<(String, String), String> = BTreeMap::new();
    let deployments = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (number, deployment) in (1_usize..).zip(deployments) {
        let name = text(deployment, "model_name").filter(|name| is_name(name));
        let what =
            name.map_or_else(|| format!("model {number}"), |name| format!("model {number} (`{name}`)"));
        let Some(name) = name else {
            left.add(what, "its name is none that a model can have here (letters, digits, `.`, `_`, `-`, `:`; no `/`, no `*`)");
            continue;
        };
        match one(deployment, (name, group), (secrets, &mut literals), (&what, left)) {
            Ok(model) => merge(&mut models, model, &what, left),
            Err(why) => left.add(what, why),
        }
    }
    models
        .into_values()
        .filter_map(|model| match model.validate() {
            Ok(()) => serde_json::to_value(model).ok(),
            Err(error) => {
                left.add(
                    format!("model `{}`", model.name),
                    format!("it would be refused ({})", error.code()),
                );
                None
            }
        })
        .collect()
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(fits)
        && !looks_secret(name)
}

/// Whether a text that should be a name has the looks of a key.
pub(in super::super) fn looks_secret(name: &str) -> bool {
    ["sk-", "gsk_", "xai-", "key-"].iter().any(|begin| name.starts_with(begin))
}

fn one(
    deployment: &Value,
    (name, group): (&str, &str),
    (secrets, literals): (&mut Secrets, &mut BTreeMap<(String, String), String>),
    (what, left): (&str, &mut Left),
) -> Result<Model, String> {
    let params = deployment.get("litellm_params").cloned().unwrap_or_default();
    let info = deployment.get("model_info").cloned().unwrap_or_default();
    let of_provider = text(&params, "model").ok_or("it has no `litellm_params.model`")?;
    let (provider, model) = provider(of_provider, text(&params, "custom_llm_provider"))?;
    let base = base(provider, &params)?;
    let protocol = if provider == "anthropic" { Protocol::Anthropic } else { Protocol::OpenAi };
    let secret = text(&params, "api_key").map(|key| name_secret(key, provider, &base, secrets, literals));
    let weight = params.get("weight").and_then(Value::as_u64).and_then(|weight| u32::try_from(weight).ok());
    let price =
        |member: &str| info.get(member).or(params.get(member)).and_then(|value| scaled(value, 8, true));
    let price = match (price("input_cost_per_token"), price("output_cost_per_token")) {
        (Some(input), Some(output)) => {
            serde_json::from_value(json!({"currency": "USD", "input": input, "output": output})).ok()
        }
        _ => None,
    };
    if price.is_none() {
        left.add(what, "it names no price, and one without is not called: write `price` in the file");
    }
    let bound = |member: &str| info.get(member).and_then(Value::as_u64);
    let output = bound("max_output_tokens")
        .or(bound("max_tokens"))
        .or(params.get("max_tokens").and_then(Value::as_u64));
    if output.is_none() || bound("max_input_tokens").is_none() {
        let why =
            format!("it bounds no tokens: {OUTPUT} of an answer and {INPUT} of a prompt stand in the file");
        left.add(what, why);
    }
    if protocol == Protocol::Anthropic {
        left.add(what, "nothing is translated: its callers ask it at `/v1/messages`");
    }
    let members = params.as_object().into_iter().flat_map(serde_json::Map::keys);
    for member in members.filter(|member| !CARRIED.contains(&member.as_str())) {
        left.add(format!("{what}, `{}`", super::member(member)), "a target has no such member");
    }
    Ok(Model {
        group: group.to_owned(),
        name: name.to_owned(),
        protocol,
        targets: vec![Target { secret, weight, ..Target::new(base, model) }],
        price,
        max_output_tokens: output.unwrap_or(OUTPUT),
        max_input_tokens: bound("max_input_tokens").unwrap_or(INPUT),
    })
}

/// Who serves a model, and how it is called there.
fn provider<'m>(of_provider: &'m str, said: Option<&str>) -> Result<(&'static str, &'m str), String> {
    let known = |name: &str| PROVIDERS.iter().map(|(known, _)| *known).find(|known| *known == name);
    if let Some(said) = said {
        let provider = known(said).ok_or_else(unsupported)?;
        return Ok((
            provider,
            of_provider.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')).unwrap_or(of_provider),
        ));
    }
    match of_provider.split_once('/') {
        Some((begin, model)) => Ok((known(begin).ok_or_else(unsupported)?, model)),
        None if of_provider.starts_with("claude-") => Ok(("anthropic", of_provider)),
        None if ["gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-"]
            .iter()
            .any(|one| of_provider.starts_with(one)) =>
        {
            Ok(("openai", of_provider))
        }
        None => Err("it does not say who serves it".to_owned()),
    }
}

fn unsupported() -> String {
    "its provider speaks neither OpenAI's interface nor Anthropic's by itself; LiteLLM can stay in front of it as an upstream".to_owned()
}

fn base(provider: &str, params: &Value) -> Result<String, String> {
    let said = text(params, "api_base").or_else(|| text(params, "base_url"));
    let usual = PROVIDERS.iter().find(|(known, _)| *known == provider).map_or("", |(_, base)| base);
    let base = match said {
        None if usual.is_empty() => return Err("it needs an `api_base`, which is missing".to_owned()),
        None => usual.to_owned(),
        Some(said) if said.starts_with("os.environ/") => {
            return Err(
                "its `api_base` stands in the environment: write it into the configuration first".to_owned()
            );
        }
        // A password may stand there, or a key in the query.
        Some(said) if said.contains(['@', '?', '#']) => {
            return Err("its `api_base` has more than an origin and a path".to_owned());
        }
        Some(said) => said.trim_end_matches('/').to_owned(),
    };
    Ok(match provider {
        "azure" if !base.contains("/openai") => format!("{base}/openai/v1"),
        "anthropic" | "ollama" | "ollama_chat" | "litellm_proxy" if !base.ends_with("/v1") => {
            format!("{base}/v1")
        }
        _ => base,
    })
}

/// The name of a secret: of the variable that it stands in, else of its provider, one for each key.
fn name_secret(
    key: &str,
    provider: &str,
    base: &str,
    secrets: &mut Secrets,
    literals: &mut BTreeMap<(String, String), String>,
) -> String {
    let origin = Target::new(base, "m").origin().to_owned();
    let at = (key.to_owned(), origin.clone());
    if let Some(name) = literals.get(&at) {
        return name.clone();
    }
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let variable = key
        .strip_prefix("os.environ/")
        .filter(|name| !name.is_empty() && name.len() <= 56 && name.bytes().all(fits));
    let begin = match variable {
        Some(variable) => variable.to_lowercase().replace('_', "-"),
        None => provider.replace('_', "-"),
    };
    // One name is of one key at one origin.
    let mut name = begin.trim_matches('-').to_owned();
    let mut number = 2_usize;
    while secrets.contains_key(&name) {
        name = format!("{begin}-{number}");
        number = number.saturating_add(1);
    }
    let from = match variable {
        Some(variable) => format!("what ${variable} holds"),
        None => "it stands in the configuration".to_owned(),
    };
    secrets.insert(name.clone(), (origin, from));
    literals.insert(at, name.clone());
    name
}

/// One more target of a model, where both are alike.
fn merge(models: &mut BTreeMap<String, Model>, mut model: Model, what: &str, left: &mut Left) {
    let Some(there) = models.get_mut(&model.name) else {
        models.insert(model.name.clone(), model);
        return;
    };
    if there.protocol != model.protocol {
        left.add(what, "another deployment of its name speaks another interface, and nothing is translated");
        return;
    }
    if there.targets.len() >= MAX_TARGETS {
        left.add(what, format!("a model has {MAX_TARGETS} targets at most"));
        return;
    }
    if model.price != there.price {
        match (&there.price, model.price.take()) {
            (Some(_), Some(price)) => {
                model.targets.iter_mut().for_each(|one| one.price = Some(price.clone()))
            }
            (_, price) => there.price = there.price.take().or(price),
        }
    }
    there.targets.append(&mut model.targets);
    there.max_output_tokens = there.max_output_tokens.min(model.max_output_tokens);
    there.max_input_tokens = there.max_input_tokens.max(model.max_input_tokens);
}
