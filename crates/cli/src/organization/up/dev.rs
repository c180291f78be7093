//! `legation up --dev`: an organization on this machine with one agent, its key and a model.

use super::scripted;
use crate::{
    files,
    organization::{
        data_dir::{DataDir, Signer, failed},
        first_admin,
    },
    output::{Failure, complain},
};
use legation_registry::{
    Budget, FIRST_TEAM, Profile, Registry, RegistryError,
    model::{Model, Target},
    profile::ALL_GROUPS,
    route,
};
use legation_signer::Door;
use legation_store::{StoreError, holder::Kind};
use std::{
    fs::{File, TryLockError},
    sync::Arc,
};

/// The agent that is made.
const AGENT: &str = "assistant";
/// What it may spend where nothing else is said.
const BUDGET: &str = "1USD/day";
/// For how long its key lives: it is printed to a terminal. A day, in seconds.
const KEY_LIFE: i64 = 86_400;
/// Where OpenAI is.
const OPENAI: &str = "https://api.openai.com/v1";

/// Holds that nobody else runs this folder by `--dev`: the scripted model is where its process says.
pub(crate) fn alone(folder: &DataDir) -> Result<File, Failure> {
    let path = folder.run().join("dev.lock");
    let unusable =
        |error: std::io::Error| Failure::file(format!("`{}` can't be locked: {error}", path.display()));
    let file = File::create(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = "`legation up --dev` runs in this folder already; use another --data-dir";
            Err(Failure::invalid("already_up", message))
        }
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// Makes the organization where it is missing.
pub(crate) fn init(folder: &DataDir, signer: &Signer, port: u16) -> Result<(), Failure> {
    let store = folder.store()?;
    let client = signer.client(Door::Registry)?;
    match Registry::open(Arc::clone(&store), client, None) {
        Err(RegistryError::Organization(_)) => {}
        Err(error) => return Err(failed(&error)),
        Ok(registry) => {
            let host = registry.host();
            if host.split(':').next() != Some("localhost") {
                let message =
                    format!("`{}` was not made by `--dev`; run it by `legation up`", registry.did());
                return Err(Failure::invalid("not_dev", message));
            }
            if host != format!("localhost:{port}") {
                complain(&format!(
                    "note: what is published names http://{host}; use that port, or another --data-dir\n"
                ));
            }
            return Ok(());
        }
    }
    let client = signer.client(Door::Registry)?;
    let made = legation_registry::init(store, client, &format!("localhost:{port}"), files::now());
    let registry = made.map_err(|error| failed(&error))?;
    first_admin::make(folder, &registry, None).map(drop)
}

/// What was made to try it.
pub(crate) struct Made {
    /// What the agent may spend, for people.
    budget: String,
    key: zeroize::Zeroizing<String>,
    /// A model to call.
    model: String,
}

impl Made {
    /// How to call, for people.
    pub(crate) fn text(&self, origin: &str) -> String {
        let Self { budget, key, model } = self;
        let key = key.as_str();
        format!(
            "The agent `{AGENT}` may spend {budget}. Its key, for a day:\n\n  {key}\n\n\
             Any OpenAI SDK calls with it when OPENAI_BASE_URL is {origin}/v1 and OPENAI_API_KEY is that key. Or:\n\n  \
             curl {origin}/v1/chat/completions -H 'Authorization: Bearer {key}' \\\n    -H 'Content-Type: application/json' \\\n    \
             -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'\n\n"
        )
    }

    /// The same for machines.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({"agent": AGENT, "budget": self.budget, "apiKey": self.key.as_str(), "model": self.model})
    }
}

/// Makes the agent, a key and the models.
pub(crate) async fn start(registry: &Arc<Registry>, budget: Option<Budget>) -> Result<Made, Failure> {
    let base = std::env::var("OPENAI_BASE_URL").ok().filter(|url| !url.is_empty());
    let key = std::env::var("OPENAI_API_KEY").ok().filter(|key| !key.is_empty());
    let models = if key.is_some() || base.is_some() {
        openai(&base.unwrap_or_else(|| OPENAI.to_owned()), key.is_some())
    } else {
        vec![scripted::model(&scripted::start().await?)]
    };
    let registry = Arc::clone(registry);
    let first = models.first().map_or(String::new(), |model| model.name.clone());
    let secret = key.map(zeroize::Zeroizing::new);
    let made = tokio::task::spawn_blocking(move || {
        make(&registry, budget, models, secret.as_ref().map(|key| key.as_str()))
    });
    let made = made.await.map_err(|error| Failure::network("runtime", error.to_string()))?;
    let (budget, key) = made.map_err(|error| failed(&error))?;
    Ok(Made { budget, key, model: first })
}

/// Models of OpenAI with their prices in US cents for a million tokens, as its price list had them on 2025-10-01.
fn openai(base: &str, has_key: bool) -> Vec<Model> {
    const MODELS: [(&str, u64, u64, u64, u64, u64); 5] = [
        ("gpt-4o-mini", 15, 8, 60, 128_000, 16_384),
        ("gpt-4o", 250, 125, 1000, 128_000, 16_384),
        ("gpt-4.1", 200, 50, 800, 1_047_576, 32_768),
        ("gpt-4.1-mini", 40, 10, 160, 1_047_576, 32_768),
        ("gpt-4.1-nano", 10, 3, 40, 1_047_576, 32_768),
    ];
    let model = |(name, input, cached, output, max_input_tokens, max_output_tokens): (
        &str,
        u64,
        u64,
        u64,
        u64,
        u64,
    )| {
        let price =
            serde_json::json!({"currency": "USD", "input": input, "cachedInput": cached, "output": output});
        let secret = has_key.then(|| "openai".to_owned());
        Model {
            group: "standard".to_owned(),
            name: name.to_owned(),
            targets: vec![Target { secret, ..Target::new(base, name) }],
            price: serde_json::from_value(price).ok(),
            max_output_tokens,
            max_input_tokens,
        }
    };
    MODELS.into_iter().map(model).collect()
}

fn make(
    registry: &Registry,
    budget: Option<Budget>,
    models: Vec<Model>,
    secret: Option<&str>,
) -> Result<(String, zeroize::Zeroizing<String>), RegistryError> {
    let now = files::now();
    if let (Some(secret), Some(target)) = (secret, models.first().and_then(|model| model.targets.first())) {
        registry.set_secret("openai", &route::origin_of(&target.base_url)?, secret, now)?;
    }
    for model in &models {
        registry.put_model(model, now)?;
    }
    let agent = match registry.show(Kind::Agent, AGENT) {
        Ok(shown) => shown,
        Err(RegistryError::Store(StoreError::NotFound { .. })) => {
            let profile = Profile {
                purpose: "trying Legation out".to_owned(),
                groups: vec![ALL_GROUPS.to_owned()],
                budgets: vec![Budget::parse(BUDGET)?],
                ..Profile::default()
            };
            registry.add_agent(AGENT, FIRST_TEAM, &profile, now)?;
            registry.show(Kind::Agent, AGENT)?
        }
        Err(error) => return Err(error),
    };
    if let Some(budget) = budget
        && !agent.profile.budgets.contains(&budget)
    {
        registry.set_budget((Kind::Agent, AGENT), Some(budget), now)?;
    }
    let budgets = registry.show(Kind::Agent, AGENT)?.profile.budgets;
    let told = budgets.iter().map(Budget::to_string).collect::<Vec<_>>().join(", ");
    let key = registry.create_key(AGENT, "up --dev", Some(KEY_LIFE), now)?;
    Ok((told, key.secret))
}
