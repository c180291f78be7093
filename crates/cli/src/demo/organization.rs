//! An organization that runs: an agent's key is its delegation, in front of a model whose words are scripted.

use super::{
    audit,
    calls::Answer,
    report::{
        Expected::{Deny, Permit},
        Report,
    },
};
use crate::{
    files,
    organization::{data_dir::DataDir, up::scripted},
    output::Failure,
};
use legation_credential::money::money;
use legation_gateway::{Gateway, router};
use legation_registry::{
    Budget, FIRST_TEAM, Profile, Registry, RegistryError, init, model::Model, profile::ALL_GROUPS,
};
use legation_resolver::{
    Call, Fetcher, Options,
    call::{Method, header},
};
use legation_signer::Door;
use legation_store::holder::Kind;
use legation_verifier::receipt;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::oneshot};

/// Who decides.
const GATEWAY: &str = "Gateway";

/// What is called: a gateway on this machine, and the key of the agent.
struct Scene {
    registry: Arc<Registry>,
    fetcher: Fetcher,
    url: String,
    key: String,
}

/// Plays it in a folder of its own, which is gone afterwards.
pub(super) async fn tell(report: &mut Report) -> Result<(), Failure> {
    report.title("Initech runs Legation itself: its agents call models with a key that is a delegation");
    let place = tempfile::tempdir().map_err(|error| Failure::file(error.to_string()))?;
    let folder = DataDir::at(&place.path().join("initech"));
    folder.create(None)?;
    let signer = folder.signer()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.map_err(|error| Failure::network("listen", error.to_string()))?;
    let port = listener.local_addr().map_err(|error| Failure::network("listen", error.to_string()))?.port();
    let client = || signer.client(Door::Registry);
    let registry = init(folder.store()?, client()?, &format!("localhost:{port}"), files::now());
    let registry = Arc::new(registry.map_err(|error| failed(&error))?);
    let gateway = Gateway::new(Arc::clone(&registry), signer.client(Door::Gateway)?, false);
    let gateway = gateway.map_err(|error| Failure::network("gateway", error.to_string()))?;
    let stopped = async move { drop(stopped.await) };
    let served = tokio::spawn(legation_host::serve(listener, router(gateway), None, stopped));
    let told = act(&registry, port, report).await;
    drop(stop);
    drop(served.await);
    told?;
    audit::tell(&registry, folder.path(), report)
}

async fn act(registry: &Arc<Registry>, port: u16, report: &mut Report) -> Result<(), Failure> {
    let model = scripted::model(&scripted::start().await?);
    let profile = Profile {
        groups: vec![ALL_GROUPS.to_owned()],
        budgets: vec![Budget::parse("0.01USD/day").map_err(|error| failed(&error))?],
        ..Profile::default()
    };
    let key = make(registry, &model, &profile).map_err(|error| failed(&error))?;
    let options = Options { http_on_loopback: true, ..Options::default() };
    let fetcher = Fetcher::new(options).map_err(|error| Failure::network("fetcher", error.to_string()))?;
    let url = format!("http://localhost:{port}/v1/chat/completions");
    let scene = Scene { registry: Arc::clone(registry), fetcher, url, key };
    report
        .say("  Initech → its team → Teller, who may spend a cent a day. A signer holds all keys; Teller's");
    report.say("  program knows one text, which it shows as it would show a provider's key.");
    let asked =
        |n: u32| json!({"model": model.name, "n": n, "messages": [{"role": "user", "content": "Hello"}]});
    report.step("Teller asks the model", Permit, &scene.call(&asked(1)).await?);
    let cost = cost(registry).await.map_err(|error| failed(&error))?;
    report.say(&format!("  Most of what was reserved for it is free again: it cost {cost}."));
    let answer = scene.call(&asked(2)).await?;
    report.step(
        "Teller asks for two answers, beyond what is left",
        Deny(GATEWAY, "budget_exceeded", Some(1)),
        &answer,
    );
    registry.suspend(Kind::Agent, "teller", files::now()).map_err(|error| failed(&error))?;
    let answer = scene.call(&asked(1)).await?;
    report.step("Teller is suspended, and asks again", Deny(GATEWAY, "link_suspended", Some(1)), &answer);
    Ok(())
}

/// What was spent, once it is settled: no answer waits for that.
async fn cost(registry: &Registry) -> Result<String, RegistryError> {
    for _ in 0..100 {
        if let [spent, ..] = registry.spent(0)?.as_slice() {
            return Ok(money(spent.amount, &spent.currency));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok("nothing that is known yet".to_owned())
}

fn make(registry: &Registry, model: &Model, profile: &Profile) -> Result<String, RegistryError> {
    let now = files::now();
    registry.put_model(model, now)?;
    registry.add_agent("teller", FIRST_TEAM, profile, now)?;
    Ok(registry.create_key("teller", "demo", None, now)?.secret.to_string())
}

impl Scene {
    /// A call, and the receipt of it: signed by the organization's key, and verified with its document.
    async fn call(&self, body: &Value) -> Result<Answer, Failure> {
        let mut headers = header::HeaderMap::new();
        let bearer = format!("Bearer {}", self.key);
        let value =
            header::HeaderValue::from_str(&bearer).map_err(|error| Failure::file(error.to_string()))?;
        headers.insert(header::AUTHORIZATION, value);
        let call =
            Call { method: Method::POST, url: &self.url, headers, body: body.to_string().into_bytes() };
        let reply = self
            .fetcher
            .call(call)
            .await
            .map_err(|error| Failure::network(error.code(), error.to_string()))?;
        let told: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let error = told.get("error");
        let text =
            |name: &str| error.and_then(|error| error.get(name)?.as_str()).unwrap_or_default().to_owned();
        let receipt = self.receipt().map_err(|error| failed(&error))?;
        let link = receipt.as_ref().and_then(|receipt| receipt.get("link")?.as_u64());
        let code = error.map(|_| text("code"));
        Ok(Answer { by: GATEWAY, code, link, reason: text("message"), receipt })
    }

    fn receipt(&self) -> Result<Option<Value>, RegistryError> {
        self.registry.sign_receipts(100, files::now())?;
        let document = self.registry.document(self.registry.did().as_str())?;
        let latest = self.registry.receipts(None, 10)?;
        let decision = latest.into_iter().find(|receipt| receipt.kind != "settle");
        let secured =
            decision.map(|receipt| self.registry.signed_receipt(receipt.seq)).transpose()?.flatten();
        Ok(secured.and_then(|secured| receipt::verify(&secured, &document).ok()))
    }
}

fn failed(error: &RegistryError) -> Failure {
    crate::organization::data_dir::failed(error)
}
