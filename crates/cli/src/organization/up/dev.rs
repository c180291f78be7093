//! `legation up --dev`: an organization on this machine with one agent, its key and a model.

use super::{
    providers::{self, Provider},
    scripted,
};
use crate::{
    files,
    organization::{
        data_dir::{DataDir, Signer, failed},
        first_admin,
    },
    output::{Failure, complain},
};
use legation_registry::{
    Budget, FIRST_TEAM, Profile, Registry, RegistryError, model::Model, profile::ALL_GROUPS,
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
             Any OpenAI SDK calls with it when OPENAI_BASE_URL is {origin}/v1 and OPENAI_API_KEY is that key, any Anthropic SDK\n\
             when ANTHROPIC_BASE_URL is {origin} and ANTHROPIC_API_KEY is that key. Or:\n\n  \
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
    let providers = providers::in_environment();
    let mut models: Vec<Model> = providers.iter().flat_map(Provider::models).collect();
    if models.is_empty() {
        models = scripted::models(&scripted::start().await?);
    }
    let registry = Arc::clone(registry);
    let first = models.first().map_or(String::new(), |model| model.name.clone());
    let made = tokio::task::spawn_blocking(move || make(&registry, budget, &models, &providers));
    let made = made.await.map_err(|error| Failure::network("runtime", error.to_string()))?;
    let (budget, key) = made.map_err(|error| failed(&error))?;
    Ok(Made { budget, key, model: first })
}

fn make(
    registry: &Registry,
    budget: Option<Budget>,
    models: &[Model],
    providers: &[Provider],
) -> Result<(String, zeroize::Zeroizing<String>), RegistryError> {
    let now = files::now();
    providers.iter().try_for_each(|provider| provider.keep_key(registry, now))?;
    for model in models {
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
