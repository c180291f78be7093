//! Decisions of the organization's gateway, which are asked for by a signed evaluation (AuthZEN 1.0) and recorded there.

use legation_agent::proxy::Proxy;
use legation_credential::{Facts, Value as Fact};
use legation_did::Did;
use legation_resolver::call::Method;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Most bytes of an answer.
const MAX_ANSWER: usize = 4 << 20;
/// Most evaluations that are asked for at once.
const AT_ONCE: usize = 500;

/// Who decides, of whom, on what.
pub(crate) struct Decider {
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) agent: Did,
    /// The server as grants name it.
    pub(crate) server: String,
}

/// Why a message does not pass.
#[derive(Clone, Debug)]
pub(crate) struct Denied {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) cure: Option<String>,
    pub(crate) retry_after: Option<u32>,
    pub(crate) approval: Option<String>,
    /// Whether it is denied whatever its facts are.
    pub(crate) always: bool,
}

impl Denied {
    /// Nobody has decided: that is a no.
    fn undecided(message: String) -> Self {
        Self {
            code: "gateway_unreachable".to_owned(),
            message,
            cure: None,
            retry_after: None,
            approval: None,
            always: false,
        }
    }

    fn read(context: &Value) -> Self {
        let text = |one: Option<&Value>| one.and_then(Value::as_str).unwrap_or_default().to_owned();
        let cure = context.get("reason_user").map(|cure| text(cure.get("en")));
        let retry_after = context.get("retry_after").and_then(Value::as_u64);
        Self {
            code: text(context.get("code")),
            message: text(context.get("reason_admin").and_then(|reason| reason.get("en"))),
            cure,
            retry_after: retry_after.and_then(|seconds| u32::try_from(seconds).ok()),
            approval: context.get("approval").and_then(Value::as_str).map(str::to_owned),
            always: context.get("always") == Some(&Value::Bool(true)),
        }
    }
}

impl Decider {
    fn evaluation(&self, action: &str, facts: &Facts) -> Value {
        let fact = |(name, value): (&String, &Fact)| (name.clone(), value.to_json());
        let facts: Map<String, Value> = facts.iter().map(fact).collect();
        json!({
            "subject": {"type": "agent", "id": self.agent.as_str()},
            "action": {"name": action},
            "resource": {"type": "url", "id": self.server},
            "context": {"facts": facts},
        })
    }

    async fn ask(&self, path: &str, body: &Value) -> Result<Value, Denied> {
        let asked = self.proxy.ask(Method::POST, path, body.to_string().into_bytes(), MAX_ANSWER).await;
        let (status, body) = asked.map_err(Denied::undecided)?;
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status == 200 {
            return Ok(json);
        }
        let said = |name: &str| json.get("error").and_then(|error| error.get(name)).and_then(Value::as_str);
        Err(Denied {
            code: said("code").unwrap_or("gateway_failed").to_owned(),
            message: said("message").map_or(format!("the gateway answered {status}"), str::to_owned),
            cure: None,
            retry_after: None,
            approval: None,
            always: false,
        })
    }

    /// Decides on a message that is about to be carried out: it is counted and recorded.
    pub(crate) async fn commit(&self, action: &str, facts: &Facts) -> Result<(), Denied> {
        let mut evaluation = self.evaluation(action, facts);
        if let Some(members) = evaluation.as_object_mut() {
            members.insert("options".to_owned(), json!({"commit": true}));
        }
        decision(&self.ask("/access/v1/evaluation", &evaluation).await?)
    }

    /// What the chain says of several actions, in their order. Nothing is counted.
    pub(crate) async fn look(&self, asked: &[(String, Facts)]) -> Result<Vec<Result<(), Denied>>, Denied> {
        let mut decided = Vec::new();
        for part in asked.chunks(AT_ONCE) {
            let items: Vec<Value> =
                part.iter().map(|(action, facts)| self.evaluation(action, facts)).collect();
            let answer = self.ask("/access/v1/evaluations", &json!({ "evaluations": items })).await?;
            let given =
                answer.get("evaluations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            if given.len() != part.len() {
                return Err(Denied::undecided(
                    "the gateway decided on something else than was asked".to_owned(),
                ));
            }
            decided.extend(given.iter().map(decision));
        }
        Ok(decided)
    }
}

fn decision(answer: &Value) -> Result<(), Denied> {
    match answer.get("decision") {
        Some(Value::Bool(true)) => Ok(()),
        _ => Err(Denied::read(answer.get("context").unwrap_or(&Value::Null))),
    }
}
