//! Each end point once at least, its body and its answer held against the description.

use crate::world::{Draft, World, blocking, both, now, sqlite, told};
use legation_credential::{Approval, ApprovalRequest, Securing, approve};
use legation_host::api::{Settings, openapi::document};
use legation_keys::{Algorithm, SecretKey, Signer, time};
use legation_registry::{
    mcp::Listed,
    quarantine::signal::{CAEP, Signal},
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeSet, path::Path};

/// A world whose answers are held against the description.
struct Walk<'w> {
    world: &'w World,
    document: Value,
    seen: RefCell<BTreeSet<String>>,
}

/// Whether a path is one of a template.
fn fits(template: &str, path: &str) -> bool {
    let (parts, found) = (template.split('/'), path.split('/'));
    template.split('/').count() == path.split('/').count()
        && parts.zip(found).all(|(part, found)| part.starts_with('{') || part == found)
}

impl<'w> Walk<'w> {
    fn new(world: &'w World) -> Self {
        Self { world, document: document("https://acme.example"), seen: RefCell::default() }
    }

    fn hold(&self, content: &Value, found: &Value, what: &str) {
        let mut kinds = content.as_object().unwrap().iter();
        let mut schema = kinds.find(|(kind, _)| kind.ends_with("json")).unwrap().1["schema"].clone();
        schema["components"] = self.document["components"].clone();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let wrong: Vec<String> = validator.iter_errors(found).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{what}: {found}");
    }

    async fn ask(&self, method: &str, target: &str, body: Value) -> Value {
        let path = target.split('?').next().unwrap();
        let paths = self.document["paths"].as_object().unwrap();
        let (template, methods) = paths.iter().find(|(template, _)| fits(template, path)).unwrap();
        let operation = &methods[&method.to_lowercase()];
        let what = format!("{}: {method} {target}", self.world.engine);
        assert_eq!(body.is_null(), operation.get("requestBody").is_none(), "{what}");
        if !body.is_null() {
            self.hold(&operation["requestBody"]["content"], &body, &what);
        }
        let answer = self.world.ask(&self.world.admin, method, target, &body).await;
        let response = &operation["responses"][answer.status.as_str()];
        assert!(!response.is_null(), "{what}: {}", answer.text());
        assert_eq!(answer.headers["cache-control"], "no-store", "{what}");
        self.hold(&response["content"], &answer.json(), &what);
        self.seen.borrow_mut().insert(format!("{method} {template}"));
        answer.json()
    }

    async fn get(&self, target: &str) -> Value {
        self.ask("GET", target, Value::Null).await
    }
}

fn id(json: &Value) -> String {
    json["id"].as_str().unwrap().to_owned()
}

async fn holders(walk: &Walk<'_>) {
    let team = json!({"name": "sales", "budgets": ["500USD/month"], "purpose": "sells"});
    let team = walk.ask("POST", "/v1/teams", team).await;
    assert_eq!((&team["models"], &team["did"]), (&json!(["*"]), &json!("did:web:acme.example:teams:sales")));
    let agent = json!({
        "name": "bot", "team": "sales", "models": ["standard"], "budgets": ["5USD/day"], "owner": "ada",
        "constraints": [{"type": "rate", "seconds": 60, "max": 10}], "maxDepth": 0, "validFor": 172_800,
    });
    let seen = walk.ask("POST", "/v1/agent-previews", agent.clone()).await;
    assert_eq!((&seen["team"], &seen["did"]), (&json!("sales"), &json!("did:web:acme.example:bot")));
    let wider = json!({"name": "wide", "team": "sales", "models": ["*"], "maxDepth": 9});
    let refused = walk.world.ask(&walk.world.admin, "POST", "/v1/agent-previews", &wider).await.json();
    assert_eq!(refused["rule"], "redelegation_not_permitted", "{refused}");
    let described = &walk.document["paths"]["/v1/agent-previews"]["post"]["responses"]["default"];
    walk.hold(&described["content"], &refused, "a preview that is refused");
    let agent = walk.ask("POST", "/v1/agents", agent).await;
    assert_eq!((&agent["team"], &agent["budgets"][0]["budget"]), (&json!("sales"), &json!("5.00 USD/day")));
    walk.ask("POST", "/v1/agents", json!({"name": "other", "models": ["standard"]})).await;
    let import =
        json!({"agents": [{"name": "other", "models": ["standard"]}, {"name": "other", "models": ["a"]}]});
    let imported = walk.ask("POST", "/v1/agent-imports", import).await;
    assert_eq!(
        (&imported["agents"][0]["result"], &imported["agents"][1]["code"]),
        (&json!("there"), &json!("already_exists"))
    );
    let listed = walk.get("/v1/agents?team=sales").await;
    assert_eq!(
        (listed["agents"].as_array().unwrap().len(), &listed["agents"][0]["name"]),
        (1, &json!("bot"))
    );
    assert_eq!(walk.get("/v1/teams/sales").await["budgets"][0]["left"], "500.00 USD");
    let past = walk.get("/v1/agents/bot/history").await;
    assert_eq!((&past["couldAct"], &past["version"]), (&json!(true), &json!(1)));
    assert_eq!((&past["path"][0]["name"], &past["path"][1]["name"]), (&json!("sales"), &json!("bot")));
    assert!(past["path"][1]["delegation"]["authority"]["grants"].is_array());
    let past = walk.get(&format!("/v1/teams/sales/history?at={}", time::format(now()))).await;
    assert_eq!((&past["couldAct"], &past["because"]), (&json!(true), &Value::Null));
    for (at, status, code) in [
        ("2020-01-01T00:00:00Z", 404, "not_found"),
        ("2099-01-01T00:00:00Z", 400, "query_invalid"),
        ("noon", 400, "query_invalid"),
    ] {
        let answer = walk
            .world
            .ask(&walk.world.admin, "GET", &format!("/v1/agents/bot/history?at={at}"), &Value::Null)
            .await;
        assert_eq!(answer.problem(), told(status, code), "{at}");
    }
    let changed = json!({
        "tags": ["answers", "europe"], "capabilities": ["translate"], "team": "sales", "models": ["standard"], "budgets": ["4USD/day"], "purpose": "answers",
        "constraints": [{"type": "rate", "seconds": 60, "max": 10}],
    });
    let agent = walk.ask("PUT", "/v1/agents/bot", changed).await;
    assert_eq!(
        (&agent["budgets"][0]["budget"], &agent["validFor"]),
        (&json!("4.00 USD/day"), &json!(172_800))
    );
    let team = walk
        .ask("PUT", "/v1/teams/sales", json!({"budgets": ["500USD/month"], "purpose": "sells more"}))
        .await;
    assert_eq!((&team["models"], &team["purpose"]), (&json!(["*"]), &json!("sells more")));
    for query in ["tag=europe", "capability=translate&begins=bo", "begins=bot", "tag=answers&begins=b"] {
        let found = walk.get(&format!("/v1/agents?{query}")).await;
        assert_eq!(
            (found["agents"].as_array().unwrap().len(), &found["agents"][0]["name"]),
            (1, &json!("bot")),
            "{query}"
        );
    }
    assert_eq!(walk.get("/v1/agents?tag=europe&begins=x").await["agents"], json!([]));
    assert_eq!(walk.get("/v1/agents/bot/chain").await["chain"].as_array().unwrap().len(), 2);
    for path in ["agents/bot", "organization"] {
        let path = format!("/v1/{path}/card");
        let card = json!({
            "name": "Bot", "description": "Answers.", "version": "1.0.0", "capabilities": {}, "skills": [],
            "supportedInterfaces": [
                {"url": "https://acme.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
            "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        });
        assert_eq!(walk.ask("PUT", &path, card).await["version"], 1);
        assert_eq!(walk.get(&path).await["card"]["name"], "Bot");
        walk.ask("DELETE", &path, Value::Null).await;
    }
    let process = walk.ask("POST", "/v1/agents/bot/process", json!({"user": 1001})).await;
    assert_eq!((&process["user"], &process["agent"]), (&json!(1001), &json!("bot")));
    for (path, kind) in [("agents/bot", "agent"), ("teams/sales", "team"), ("organization", "organization")] {
        let rotated = walk.ask("POST", &format!("/v1/{path}/rotate"), json!({})).await;
        assert_eq!(rotated["kind"], kind);
        let every = walk.ask("PUT", &format!("/v1/{path}/rotation"), json!({"every": 86_400})).await;
        assert_eq!((&every["kind"], &every["every"]), (&json!(kind), &json!(86_400)));
        let never = walk.ask("PUT", &format!("/v1/{path}/rotation"), json!({"every": null})).await;
        assert_eq!(never["due"], Value::Null);
        assert!(rotated["key"].as_str().unwrap().contains('#') && rotated["until"].is_string(), "{rotated}");
    }
    let rotated = walk.ask("POST", "/v1/teams/sales/rotate", json!({"compromised": true})).await;
    assert_eq!(rotated["until"], Value::Null);
    for (kind, name) in [("agents", "bot"), ("teams", "sales")] {
        for (verb, state) in [("suspend", "suspended"), ("resume", "active")] {
            let set = walk.ask("POST", &format!("/v1/{kind}/{name}/{verb}"), Value::Null).await;
            assert_eq!(set["state"], state);
            assert_eq!(walk.get(&format!("/v1/{kind}/{name}")).await["state"], state);
        }
    }
}

async fn budgets(walk: &Walk<'_>) {
    let set = walk.ask("PUT", "/v1/agents/bot/budgets", json!({"budget": "7USD/day"})).await;
    assert_eq!(
        (&set["budgets"][0]["budget"], &set["above"][0]["name"]),
        (&json!("7.00 USD/day"), &json!("sales"))
    );
    walk.ask("PUT", "/v1/teams/sales/budgets", json!({"budget": "600USD/month", "raise": true})).await;
    assert_eq!(
        walk.get("/v1/agents/bot/budgets").await["above"][0]["budgets"][0]["budget"],
        "600.00 USD/month"
    );
    assert_eq!(walk.get("/v1/teams/sales/budgets").await["above"], json!([]));
    assert_eq!(walk.ask("DELETE", "/v1/agents/bot/budgets", Value::Null).await["budgets"], json!([]));
    assert_eq!(walk.ask("DELETE", "/v1/teams/sales/budgets", Value::Null).await["budgets"], json!([]));
}

async fn keys(walk: &Walk<'_>) {
    let made =
        walk.ask("POST", "/v1/api-keys", json!({"agent": "bot", "name": "ci", "expiresIn": 3600})).await;
    let digest = legation_registry::api_keys::digest(made["secret"].as_str().unwrap()).unwrap();
    let caller = || blocking(|| walk.world.registry.caller(digest, now()));
    assert_eq!(caller().unwrap().name, "bot");
    let rotated = walk.ask("POST", &format!("/v1/api-keys/{}/rotate", id(&made)), json!({"grace": 60})).await;
    assert_eq!(rotated["replaces"], made["id"]);
    let blocked = walk.ask("POST", &format!("/v1/api-keys/{}/block", id(&made)), Value::Null).await;
    assert_eq!((&blocked["state"], &blocked["agent"]), (&json!("blocked"), &json!("bot")));
    assert_eq!(caller().unwrap_err().code(), "api_key_blocked");
    assert_eq!(walk.get("/v1/api-keys?agent=bot").await["keys"].as_array().unwrap().len(), 2);
    assert_eq!(walk.get("/v1/agents/bot").await["keys"].as_array().unwrap().len(), 2);
}

async fn delegations(walk: &Walk<'_>) {
    let all = walk.get("/v1/delegations?agent=bot").await;
    let current =
        all["delegations"].as_array().unwrap().iter().find(|one| one["state"] == "current").unwrap().clone();
    let (before, current) = (id(&current), format!("/v1/delegations/{}", id(&current)));
    assert_eq!(walk.get(&format!("{current}?at={}", time::format(now()))).await["state"], "current");
    assert_eq!(walk.get(&current).await["subject"], "did:web:acme.example:bot");
    let renewed = walk.ask("POST", &format!("{current}/renew"), Value::Null).await;
    assert!(current.ends_with(renewed["renews"].as_str().unwrap()));
    let renewed = format!("/v1/delegations/{}", id(&renewed));
    let revoked = walk.ask("POST", &format!("{renewed}/revoke"), json!({"reason": "leaked"})).await;
    assert_eq!((&revoked["state"], &revoked["reason"]), (&json!("revoked"), &json!("leaked")));
    assert_eq!(revoked["stillHold"], json!([]), "the one that it renewed went with it");
    assert_eq!(walk.get(&format!("/v1/delegations/{before}")).await["state"], "revoked");
    assert_eq!(walk.ask("POST", "/v1/delegations", json!({"agent": "bot"})).await["state"], "current");
    // The current ones of teams and agents; those of admins stand with the admins.
    let all = walk.get("/v1/delegations").await;
    assert_eq!(all["delegations"].as_array().unwrap().len(), 4, "two teams, two agents: {all}");
    let digest = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    let blocked =
        walk.ask("POST", "/v1/delegation-blocks", json!({"digest": digest, "reason": "lost"})).await;
    assert_eq!(blocked["digest"], digest);
    let again = walk.ask("POST", "/v1/delegation-blocks", json!({"digest": digest, "reason": "other"})).await;
    assert_eq!(again["reason"], "lost", "it was blocked before");
    assert_eq!(walk.get("/v1/delegation-blocks").await["blocks"].as_array().unwrap().len(), 1);
}

async fn configured(walk: &Walk<'_>) {
    let model = json!({
        "group": "standard", "name": "gpt-5", "maxOutputTokens": 1000, "maxInputTokens": 100_000,
        "targets": [{"baseUrl": "https://api.openai.com/v1", "model": "gpt-5", "secret": "oa"}],
        "price": {"currency": "USD", "input": 125, "output": 1000},
    });
    let set = walk.ask("PUT", "/v1/models/gpt-5", model).await;
    assert_eq!(set["problems"].as_array().unwrap().len(), 1, "its secret is not there: {set}");
    let secret = json!({"origin": "https://api.openai.com", "secret": "sk-1"});
    walk.ask("PUT", "/v1/secrets/oa", secret).await;
    assert_eq!(walk.get("/v1/secrets").await["secrets"][0]["origin"], "https://api.openai.com");
    blocking(|| walk.world.registry.close_model("gpt-5", now())).unwrap();
    assert_eq!(walk.get("/v1/models").await["models"][0]["state"], "closed");
    assert_eq!(walk.get("/v1/models/gpt-5").await["state"], "closed");
    let route = json!({"name": "crm", "path": "/crm/", "upstream": "https://crm.example/api/"});
    walk.ask("PUT", "/v1/routes/crm", route).await;
    assert_eq!(walk.get("/v1/routes/crm").await["path"], "/crm/");
    assert_eq!(walk.get("/v1/routes").await["routes"][0]["path"], "/crm/");
    let listed = Listed { name: "book".to_owned(), definition: "{}".to_owned() };
    blocking(|| walk.world.registry.mcp_listed("crm", &[listed], now())).unwrap();
    let tools = walk.get("/v1/routes/crm/tools").await["tools"].clone();
    assert_eq!((&tools[0]["name"], &tools[0]["state"]), (&json!("book"), &json!("seen")));
    let approve = json!({"tools": [{"name": "book", "digest": tools[0]["digest"]}]});
    assert_eq!(walk.ask("POST", "/v1/routes/crm/tools", approve).await["approved"], json!(["book"]));
    assert_eq!(walk.get("/v1/routes/crm/tools").await["tools"][0]["state"], "approved");
    let hotel =
        json!({"name": "hotel", "path": "/hotel/", "upstream": "https://hotel.example/", "protocol": "a2a"});
    walk.ask("PUT", "/v1/routes/hotel", hotel).await;
    let card = json!({
        "name": "Hotel", "description": "A hotel.", "version": "1", "capabilities": {}, "skills": [],
        "supportedInterfaces": [
            {"url": "https://hotel.example/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
    });
    let overlay = json!({"card": card.to_string()});
    let made = walk.ask("PUT", "/v1/routes/hotel/card-overlay", overlay).await;
    assert_eq!(walk.get("/v1/routes/hotel/card-overlay").await, made);
    for (path, name) in
        [("models/gpt-5", "gpt-5"), ("routes/crm", "crm"), ("routes/hotel", "hotel"), ("secrets/oa", "oa")]
    {
        assert_eq!(walk.ask("DELETE", &format!("/v1/{path}"), Value::Null).await["removed"], name);
    }
    assert_eq!(walk.get("/v1/models").await["models"], json!([]));
}

async fn approvals(walk: &Walk<'_>) {
    let boss = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let hold = |amount: i64| {
        let facts = [("amount".to_owned(), amount.into()), ("currency".to_owned(), "USD".into())].into();
        let asked = ApprovalRequest {
            request: legation_credential::Request::new(
                "mcp:tools/call:pay",
                "https://shop.example/mcp",
                facts,
            )
            .unwrap(),
            agent: "did:web:acme.example:bot".parse().unwrap(),
            delegation: [7; 32],
            audience: "did:web:acme.example".to_owned(),
        };
        let held =
            blocking(|| walk.world.registry.hold(&asked, (&asked.agent, "above the limit"), now())).unwrap();
        (held.id, asked)
    };
    let ((one, asked), (two, _)) = (hold(9000), hold(9001));
    assert_eq!(walk.get("/v1/approvals").await["approvals"].as_array().unwrap().len(), 2);
    let shown = walk.get(&format!("/v1/approvals/{one}")).await;
    assert_eq!((&shown["state"], &shown["approvers"]), (&json!("pending"), &json!([])));
    let issuer = legation_did::key::did(boss.public_key());
    let key_id = legation_did::method_id(&issuer, boss.public_key());
    let (agent, request) = (asked.agent.clone(), asked.digest());
    let approval = Approval { issuer, agent, request, valid_from: now(), valid_until: now() + 600 };
    let secured = approve(Securing::Jwt, &approval, &key_id, &boss).unwrap();
    let granted =
        walk.ask("POST", &format!("/v1/approvals/{one}/grant"), json!({ "secured": secured })).await;
    assert_eq!(granted["state"], "granted");
    let refused = walk.ask("POST", &format!("/v1/approvals/{two}/refuse"), json!({"reason": "no"})).await;
    assert_eq!((&refused["state"], &refused["reason"]), (&json!("refused"), &json!("no")));
    let again = format!("/v1/approvals/{two}/refuse");
    let again = walk.world.ask(&walk.world.admin, "POST", &again, &json!({})).await;
    assert_eq!(again.problem(), told(400, "value_invalid"));
}

async fn told_of(walk: &Walk<'_>) {
    assert_eq!(walk.get("/v1/organization").await["did"], "did:web:acme.example");
    assert_eq!(walk.get("/v1/spend").await["spent"], json!([]));
    assert_eq!(walk.get("/v1/spend?since=2026-01-31T00:00:00Z").await["since"], "2026-01-31T00:00:00Z");
    blocking(|| walk.world.registry.sign_receipts(1000, now())).unwrap();
    let first = walk.get("/v1/receipts?limit=1").await;
    assert_eq!((&first["receipts"][0]["seq"], &first["next"]), (&json!(1), &json!(1)));
    assert_eq!(walk.get("/v1/receipts?after=1&limit=1").await["receipts"][0]["seq"], 2);
    assert!(walk.get("/v1/receipts?last=3").await["receipts"][0]["seq"].as_i64().unwrap() > 3);
    blocking(|| {
        let agent = "did:web:acme.example:bot".parse().unwrap();
        let arrived = legation_registry::theirs::Arrived {
            agent: &agent,
            holder: &agent,
            origin: None,
            secured: "no.receipt.at-all",
        };
        let judged = walk.world.registry.judge_theirs(arrived, Err("nobody".to_owned()), now());
        walk.world.registry.keep_theirs(judged, now()).unwrap();
    });
    let theirs = walk.get("/v1/their-receipts?agent=bot&last=3").await;
    assert_eq!(
        (&theirs["receipts"][0]["state"], &theirs["receipts"][0]["agent"]),
        (&json!("wrong"), &json!("bot"))
    );
    assert_eq!(walk.get("/v1/their-receipts/1").await["secured"], "no.receipt.at-all");
    let receipt = walk.get("/v1/receipts/1").await;
    assert_eq!(receipt["receipt"]["verifier"], "did:web:acme.example");
    assert_eq!(receipt["secured"].as_str().unwrap().split('.').count(), 3);
    let events = walk.get("/v1/events?limit=1000").await["events"].as_array().unwrap().clone();
    for (earlier, later) in events.iter().zip(&events[1..]) {
        assert_eq!(later["previous"], earlier["digest"]);
    }
}

async fn retention(walk: &Walk<'_>) {
    assert_eq!(walk.get("/v1/retention").await, json!({"receipts": null, "events": null}));
    let set = json!({"receipts": 365 * 86_400, "events": null});
    assert_eq!(walk.ask("PUT", "/v1/retention", set.clone()).await, set);
    let short = walk.world.ask(&walk.world.admin, "PUT", "/v1/retention", &json!({"events": 60})).await;
    assert_eq!(short.problem(), told(400, "value_invalid"));
}

async fn admins(walk: &Walk<'_>) {
    let provider = json!({
        "name": "corp", "issuer": "https://idp.acme.example", "audience": "legation",
        "roles": [{"group": "ops", "role": "operator"}],
    });
    let set = walk.ask("PUT", "/v1/identity-providers/corp", provider).await;
    assert_eq!((&set["session"], &set["groupsClaim"]), (&json!(28_800), &json!("groups")));
    assert_eq!(walk.get("/v1/identity-providers").await["identity-providers"], json!([set]));
    walk.ask("DELETE", "/v1/identity-providers/corp", Value::Null).await;
    let made = walk.ask("POST", "/v1/console-codes", json!({"role": "auditor"})).await;
    assert_eq!((&made["role"], made["code"].as_str().unwrap().len()), (&json!("auditor"), 14));
    let added = walk.ask("POST", "/v1/domains", json!({"name": "acme.test"})).await;
    assert_eq!(walk.get("/v1/domains").await["domains"], json!([added]));
    let looked = walk.ask("POST", "/v1/domains/acme.test/check", Value::Null).await;
    assert_eq!((&looked["state"], &looked["failures"]), (&json!("pending"), &json!(1)));
    walk.ask("DELETE", "/v1/domains/acme.test", Value::Null).await;
    let did = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
    let added = walk.ask("POST", "/v1/admins", json!({"did": did, "actions": ["admin:spend.show"]})).await;
    assert!(added["secured"].as_str().unwrap().starts_with("ey"));
    assert_eq!(walk.get("/v1/admins").await["admins"].as_array().unwrap().len(), 2);
    assert_eq!(walk.get(&format!("/v1/admins/{did}")).await["actions"], json!(["admin:spend.show"]));
    let removed = walk.ask("DELETE", &format!("/v1/admins/{did}"), Value::Null).await;
    assert_eq!((&removed["state"], &removed["delegation"]), (&json!("removed"), &Value::Null));
}

async fn signals(walk: &Walk<'_>) {
    let body =
        json!({"name": "shop", "audience": "https://shop.example", "scopes": ["ssf.read"], "expiresIn": 60});
    let added = walk.ask("POST", "/v1/signals/receivers", body).await;
    assert!(added["secret"].as_str().unwrap().starts_with("legation_"));
    let id = added["id"].as_str().unwrap();
    let registry = &walk.world.registry;
    let receiver = blocking(|| registry.receivers("", 10)).unwrap().remove(0);
    blocking(|| registry.create_stream(&receiver, legation_registry::signals::Wanted::default(), now()))
        .unwrap();
    assert_eq!(walk.get("/v1/signals/receivers").await["receivers"][0]["name"], "shop");
    assert_eq!(walk.get("/v1/signals/streams").await["streams"][0]["receiver"], id);
    walk.ask("DELETE", &format!("/v1/signals/receivers/{id}"), Value::Null).await;
    let body = json!({"url": "https://pager.example/hook", "on": ["budget-80", "denials"]});
    let added = walk.ask("POST", "/v1/alerts", body).await;
    assert_eq!(walk.get("/v1/alerts").await["alerts"], json!([added]));
    walk.ask("DELETE", &format!("/v1/alerts/{}", added["id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(walk.get("/v1/signals/streams").await["streams"], json!([]));
}

async fn ended(walk: &Walk<'_>) {
    for (kind, name) in [("agents", "bot"), ("teams", "sales")] {
        let retired = walk.ask("POST", &format!("/v1/{kind}/{name}/retire"), Value::Null).await;
        assert_eq!(retired["state"], "retired");
        let resume = format!("/v1/{kind}/{name}/resume");
        let answer = walk.world.ask(&walk.world.admin, "POST", &resume, &Value::Null).await;
        assert_eq!(answer.problem(), told(409, "wrong_state"));
    }
}

async fn migration(walk: &Walk<'_>) {
    let until = |seconds: i64| legation_keys::time::format(now() + seconds);
    let begun = walk.ask("POST", "/v1/shadows", json!({"agent": "bot", "until": until(3600)})).await;
    assert_eq!(begun["agent"], "bot");
    assert_eq!(walk.get("/v1/shadows").await["shadows"], json!([begun]));
    assert_eq!(walk.get("/v1/agents/bot").await["shadow"], begun["until"]);
    let adopt = json!({"agent": "bot", "name": "old", "sha256": "ab".repeat(32), "until": until(3600)});
    let key = walk.ask("POST", "/v1/adopted-keys", adopt.clone()).await;
    assert_eq!(key["hint"], "sha256:abababab");
    assert_eq!(walk.ask("POST", "/v1/adopted-keys", adopt).await["id"], key["id"], "it is there once");
    let report = walk.get("/v1/migration?agent=bot").await;
    assert_eq!(report["agents"][0]["mode"], "shadow");
    assert_eq!(report["agents"][0]["adoptedKeys"][0]["hint"], key["hint"]);
    assert_eq!(walk.ask("POST", "/v1/shadows/bot/end", Value::Null).await["ended"], true);
    assert_eq!(walk.ask("POST", "/v1/shadows/bot/end", Value::Null).await["ended"], false);
    assert_eq!(walk.get("/v1/migration").await["agents"].as_array().unwrap().len(), 0, "nobody did anything");
    let told = |status: u16, code: &str| (status, code.to_owned());
    for (path, body, wanted) in [
        ("/v1/shadows", json!({"agent": "nobody", "until": until(60)}), told(404, "not_found")),
        ("/v1/shadows", json!({"agent": "bot", "until": until(31 * 86_400)}), told(400, "value_invalid")),
        ("/v1/shadows", json!({"agent": "bot", "until": "soon"}), told(400, "value_invalid")),
        ("/v1/shadows", json!({"agent": "bot"}), told(400, "body_invalid")),
        (
            "/v1/adopted-keys",
            json!({"agent": "bot", "sha256": "ab", "until": until(60)}),
            told(400, "value_invalid"),
        ),
        (
            "/v1/adopted-keys",
            json!({"agent": "bot", "sha256": "ab".repeat(32), "until": until(400 * 86_400)}),
            told(400, "value_invalid"),
        ),
    ] {
        let answer = walk.world.ask(&walk.world.admin, "POST", path, &body).await;
        assert_eq!(answer.problem(), wanted, "{path} {body}");
    }
}

async fn quarantine(walk: &Walk<'_>) {
    let rule = json!({
        "name": "nosy", "to": "team:sales", "denials": {"most": 20, "seconds": 300, "codes": ["not_granted"]},
        "then": "alert", "mostAgents": 5,
    });
    assert_eq!(walk.ask("PUT", "/v1/quarantine-rules/nosy", rule.clone()).await, rule);
    let dear = json!({"name": "dear", "to": "organization", "spend": "50USD/1h"});
    let dear = walk.ask("PUT", "/v1/quarantine-rules/dear", dear).await;
    assert_eq!((&dear["then"], &dear["mostAgents"]), (&json!("suspend"), &json!(10)));
    let new = json!({"name": "new", "to": "agent:bot", "newTool": {"days": 3}});
    walk.ask("PUT", "/v1/quarantine-rules/new", new).await;
    assert_eq!(walk.get("/v1/quarantine-rules").await["rules"].as_array().unwrap().len(), 3);
    assert_eq!(walk.get("/v1/quarantine-rules?limit=1").await["next"], "dear");
    assert_eq!(walk.get("/v1/quarantine-rules/nosy").await, rule);
    walk.ask("DELETE", "/v1/quarantine-rules/nosy", Value::Null).await;
    for (name, body, code) in [
        ("other", rule.clone(), "value_invalid"),
        ("nosy", json!({"name": "nosy", "to": "organization"}), "value_invalid"),
        ("nosy", json!({"name": "nosy", "to": "organization", "denails": 1}), "body_invalid"),
        ("nosy", json!({"name": "nosy", "to": "organization", "spend": "50USD/month"}), "budget_invalid"),
    ] {
        let target = format!("/v1/quarantine-rules/{name}");
        let answer = walk.world.ask(&walk.world.admin, "PUT", &target, &body).await;
        assert_eq!(answer.problem().1, code, "{body}");
    }
    assert_eq!(walk.get("/v1/quarantine").await["quarantined"], json!([]));
    shut_out(walk).await;
    let seen = walk.get("/v1/agents/bot/activity?days=3").await;
    assert_eq!(
        (&seen["state"], &seen["last"]["calls"], &seen["quarantine"]),
        (&json!("active"), &json!(0), &Value::Null)
    );
}

/// Whom the word of a partner shut out is listed, and let in again.
async fn shut_out(walk: &Walk<'_>) {
    let did = "did:web:globex.example";
    let partner = json!({
        "name": "globex", "did": did, "models": ["standard"], "maxStatusAge": 10,
        "signals": {"secret": "globex", "push": "globex-push"},
    });
    assert_eq!(walk.ask("PUT", "/v1/partners/globex", partner.clone()).await, partner);
    let rule = json!({
        "name": "told", "to": "organization", "signal": {"events": ["session-revoked"], "from": ["globex"]},
        "then": "suspend", "mostAgents": 10,
    });
    assert_eq!(walk.ask("PUT", "/v1/quarantine-rules/told", rule.clone()).await, rule);
    let mut of_nobody = rule.clone();
    of_nobody["signal"]["from"] = json!(["globex", "nobody"]);
    let answer = walk.world.ask(&walk.world.admin, "PUT", "/v1/quarantine-rules/told", &of_nobody).await;
    assert_eq!(answer.problem().1, "not_found", "a rule that would never fire");
    for signal in [
        json!({"events": []}),
        json!({"events": ["account-disabled"]}),
        json!({"events": ["session-revoked", "session-revoked"]}),
    ] {
        let body = json!({"name": "told", "to": "organization", "signal": signal});
        let answer = walk.world.ask(&walk.world.admin, "PUT", "/v1/quarantine-rules/told", &body).await;
        assert_eq!(answer.problem().1, "value_invalid", "{body}");
    }
    for (did, code) in [
        ("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "value_invalid"),
        ("did:web:globex.example:sales", "value_invalid"),
    ] {
        let body =
            json!({"name": "other", "did": did, "models": ["standard"], "signals": {"secret": "globex"}});
        let answer = walk.world.ask(&walk.world.admin, "PUT", "/v1/partners/other", &body).await;
        assert_eq!(answer.problem().1, code, "{body}");
    }
    let signal = Signal {
        issuer: "https://globex.example".to_owned(),
        jti: "one".to_owned(),
        issued: now(),
        events: vec![(format!("{CAEP}session-revoked"), now())],
        dids: vec![format!("{did}:bot").parse().unwrap()],
        link: None,
    };
    let heard = blocking(|| walk.world.registry.hear_signals("globex", &[signal], now()));
    assert_eq!(heard.unwrap(), 1);
    let one = walk.get("/v1/quarantine/partners").await["shutOut"][0].clone();
    assert_eq!(
        (&one["partner"], &one["subject"], &one["rule"]),
        (&json!(did), &json!(format!("{did}:bot")), &json!("told"))
    );
    let lift = format!("/v1/quarantine/partners/{}", one["id"].as_str().unwrap());
    assert_eq!(walk.ask("DELETE", &lift, Value::Null).await, one);
    assert_eq!(walk.get("/v1/quarantine/partners").await["shutOut"], json!([]));
    assert_eq!(
        walk.world.ask(&walk.world.admin, "DELETE", &lift, &Value::Null).await.problem(),
        told(404, "not_found")
    );
    walk.ask("DELETE", "/v1/quarantine-rules/told", Value::Null).await;
    walk.ask("DELETE", "/v1/partners/globex", Value::Null).await;
}

async fn people(walk: &Walk<'_>) {
    assert_eq!(walk.get("/v1/people").await["people"], json!([]));
    let anna = walk.ask("POST", "/v1/people", json!({"name": "anna"})).await;
    assert_eq!((&anna["name"], &anna["ceiling"]), (&json!("anna"), &Value::Null));
    let ceiling =
        json!({"actions": ["crm:read"], "resources": ["https://crm.example/*"], "budgets": ["5USD/day"]});
    let anna = walk.ask("PUT", "/v1/people/anna/ceiling", ceiling.clone()).await;
    assert_eq!(anna["ceiling"]["actions"], json!(["crm:read", "token:issue"]));
    let code = walk.ask("POST", "/v1/people/anna/code", Value::Null).await;
    assert!(blocking(|| walk.world.registry.sign_in(code["code"].as_str().unwrap(), now())).is_ok());
    let client =
        walk.ask("POST", "/v1/clients", json!({"name": "Notes", "redirects": ["http://127.0.0.1/cb"]})).await;
    assert_eq!(walk.get("/v1/clients").await["clients"], json!([client]));
    let given = legation_registry::consents::Given {
        person: "anna",
        client: (client["id"].as_str().unwrap(), "Notes"),
        audience: "https://crm.example/",
        grants: vec![json!({"actions": ["crm:read"], "resources": ["https://crm.example/*"]})],
        constraints: Vec::new(),
        budget: None,
        lasts: 3600,
    };
    let consent = blocking(|| walk.world.registry.consent(&given, now())).unwrap().consent;
    let all = walk.get("/v1/consents?person=anna").await;
    assert_eq!(
        (&all["consents"][0]["id"], &all["consents"][0]["state"]),
        (&json!(consent.id), &json!("active"))
    );
    // What a person has said is nobody else's to widen.
    let (path, other) = (format!("/v1/agents/{}", consent.id), json!({"models": ["*"]}));
    let answer = walk.world.ask(&walk.world.admin, "PUT", &path, &other).await;
    assert_eq!(answer.problem(), told(409, "wrong_state"));
    let revoked = walk.ask("POST", &format!("/v1/consents/{}/revoke", consent.id), Value::Null).await;
    assert_eq!(revoked["state"], "retired");
    walk.ask("DELETE", &format!("/v1/clients/{}", client["id"].as_str().unwrap()), Value::Null).await;
    walk.ask("DELETE", "/v1/people/anna", Value::Null).await;
    let bad = json!({"name": "Evil", "redirects": ["javascript:alert(1)"]});
    let refused = walk.world.ask(&walk.world.admin, "POST", "/v1/clients", &bad).await;
    assert_eq!(refused.problem(), told(400, "value_invalid"));
}

async fn trust_domains(walk: &Walk<'_>) {
    let bundle = json!({"keys": [], "spiffe_sequence": 1});
    let workloads = json!([{"spiffeId": "spiffe://partner.example/crm", "agent": "bot"}]);
    let domain = json!({"name": "partner.example", "bundle": bundle, "workloads": workloads});
    let set = walk.ask("PUT", "/v1/trust-domains/partner.example", domain.clone()).await;
    assert_eq!((&set["maxLife"], &set["held"]), (&json!(3600), &json!({"keys": 0, "fetched": null})));
    assert_eq!(walk.get("/v1/trust-domains").await["trust-domains"], json!([set]));
    assert_eq!(walk.get("/v1/trust-domains/partner.example").await["workloads"], workloads);
    let mut other = domain;
    other["workloads"][0]["spiffeId"] = json!("spiffe://partner.example/crm/");
    let wrong = walk.world.ask(&walk.world.admin, "PUT", "/v1/trust-domains/partner.example", &other).await;
    assert_eq!(wrong.problem(), told(400, "value_invalid"));
    walk.ask("DELETE", "/v1/trust-domains/partner.example", Value::Null).await;
}

async fn exported(walk: &Walk<'_>, logs: &Path) {
    blocking(|| {
        let mut writer = walk.world.registry.open_log(logs, now()).unwrap();
        walk.world.registry.carry(&mut writer, now()).unwrap();
    });
    let part = walk.get("/v1/log-export?limit=5").await;
    assert_eq!((&part["first"], &part["entries"], &part["next"]), (&json!(0), &json!(5), &json!(5)));
}

async fn policies(walk: &Walk<'_>) {
    let partner =
        json!({"name": "shop", "did": "did:web:shop.example", "models": ["standard"], "maxStatusAge": 10});
    assert_eq!(walk.ask("PUT", "/v1/partners/shop", partner.clone()).await, partner);
    assert_eq!(walk.get("/v1/partners").await["partners"], json!([partner]));
    assert_eq!(walk.get("/v1/partners/shop").await["maxStatusAge"], 10);
    walk.ask("DELETE", "/v1/partners/shop", Value::Null).await;
    trust_domains(walk).await;
    quarantine(walk).await;
    let text = "forbid (principal is Agent, action, resource == Model::\"gpt-5\");";
    let put = walk.ask("PUT", "/v1/policies/no-gpt-5", json!({ "text": text })).await;
    assert_eq!((&put["version"], &put["bound"]), (&json!(1), &json!([])));
    let bound = walk.ask("POST", "/v1/policies/no-gpt-5/bind", json!({"to": "tag:europe"})).await;
    assert_eq!((&bound["version"], &bound["to"]), (&json!(1), &json!("tag:europe")));
    assert_eq!(walk.get("/v1/agents/bot").await["policies"][0]["name"], "no-gpt-5");
    let set = json!({"text": text.replace("gpt-5", "gpt-6"), "bound": ["team:sales", "agent:bot"]});
    let set = walk.ask("PUT", "/v1/policies/no-gpt-5", set).await;
    assert_eq!(
        (&set["version"], &set["bound"][0]["to"], &set["bound"][1]["to"]),
        (&json!(2), &json!("agent:bot"), &json!("team:sales"))
    );
    assert_eq!(walk.get("/v1/policies").await["policies"][0]["version"], 2);
    assert_eq!(walk.get("/v1/policies/no-gpt-5?version=1").await["text"], text);
    assert_eq!(walk.get("/v1/policy-bindings").await["bindings"].as_array().unwrap().len(), 2);
    // The administrator's own calls are what was recorded, and it is no agent.
    let test = walk.ask("POST", "/v1/policy-tests", json!({"name": "no-gpt-5"})).await;
    assert!(test["requests"].as_i64().unwrap() > 20 && test["denied"] == 0, "{test}");
    let all =
        json!({"name": "all", "text": "forbid (principal is Admin, action in Action::\"admin\", resource);"});
    let test = walk.ask("POST", "/v1/policy-tests", all).await;
    assert!(
        test["denied"].as_i64().unwrap() > 20 && test["differences"][0]["would"] == "policy_denied",
        "{test}"
    );
    let ended = walk.ask("POST", "/v1/policies/no-gpt-5/unbind", json!({"to": "team:sales"})).await;
    assert_eq!(ended["unbound"], json!(["team:sales"]));
    assert_eq!(
        walk.ask("POST", "/v1/policies/no-gpt-5/unbind", json!({})).await["unbound"],
        json!(["agent:bot"])
    );
    assert_eq!(walk.get("/v1/policies/no-gpt-5/history").await["versions"].as_array().unwrap().len(), 2);
    for (method, path, body, wanted) in [
        ("PUT", "/v1/policies/x", json!({"text": "forbid;"}), told(400, "policy_syntax")),
        ("PUT", "/v1/policies/x", json!({"text": text, "bound": ["all"]}), told(400, "value_invalid")),
        ("POST", "/v1/policies/x/bind", json!({"to": "organization"}), told(404, "not_found")),
        (
            "POST",
            "/v1/policy-tests",
            json!({"name": "x", "text": text, "version": 1}),
            told(400, "value_invalid"),
        ),
        (
            "POST",
            "/v1/policy-tests",
            json!({"name": "x", "text": text, "since": "noon"}),
            told(400, "value_invalid"),
        ),
    ] {
        assert_eq!(
            walk.world.ask(&walk.world.admin, method, path, &body).await.problem(),
            wanted,
            "{path} {body}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_end_point_takes_and_gives_what_is_described() {
    for world in both() {
        let logs = tempfile::tempdir().unwrap();
        let world = world.with(Settings { logs: Some(logs.path().to_owned()), ..Settings::default() });
        let walk = Walk::new(&world);
        holders(&walk).await;
        walk.get("/v1/teams").await;
        budgets(&walk).await;
        keys(&walk).await;
        delegations(&walk).await;
        configured(&walk).await;
        policies(&walk).await;
        people(&walk).await;
        migration(&walk).await;
        approvals(&walk).await;
        told_of(&walk).await;
        retention(&walk).await;
        admins(&walk).await;
        signals(&walk).await;
        exported(&walk, logs.path()).await;
        ended(&walk).await;
        let mut all = BTreeSet::new();
        for (path, methods) in walk.document["paths"].as_object().unwrap() {
            all.extend(
                methods.as_object().unwrap().keys().map(|one| format!("{} {path}", one.to_uppercase())),
            );
        }
        // What nobody signs is tried in `claims.rs` and `identity.rs`.
        assert!(all.remove("POST /v1/claims") && all.remove("POST /v1/sessions"));
        let seen = walk.seen.borrow();
        let unseen: Vec<&String> = all.difference(&seen).collect();
        assert!(unseen.is_empty(), "{unseen:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_read_to_its_end_by_its_cursor_each_item_once() {
    for world in both() {
        for number in 0..7 {
            world.done("POST", "/v1/agents", json!({"name": format!("bot-{number}"), "models": ["a"]})).await;
            world.done("POST", "/v1/api-keys", json!({"agent": format!("bot-{number}")})).await;
        }
        for (path, list, wanted) in [
            ("agents", "agents", 7),
            ("teams", "teams", 1),
            ("api-keys", "keys", 7),
            ("delegations", "delegations", 8),
            ("admins", "admins", 1),
        ] {
            let (mut found, mut after) = (Vec::new(), String::new());
            loop {
                let page = world.done("GET", &format!("/v1/{path}?limit=3{after}"), Value::Null).await;
                let items = page[list].as_array().unwrap().clone();
                assert!(items.len() <= 3);
                found.extend(items);
                let Some(next) = page["next"].as_str() else { break };
                after = format!("&after={next}");
            }
            let once: BTreeSet<String> = found.iter().map(Value::to_string).collect();
            assert_eq!((found.len(), once.len()), (wanted, wanted), "{}: {path}", world.engine);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_halfway_changes_nothing() {
    for world in both() {
        world.done("POST", "/v1/teams", json!({"name": "sales", "models": ["standard"]})).await;
        let before = world.done("GET", "/v1/events?limit=1000", Value::Null).await;
        let wider = json!({"name": "bot", "team": "sales", "models": ["*"]});
        for key in [None, Some("k")] {
            let answer = match key {
                None => world.ask(&world.admin, "POST", "/v1/agents", &wider).await,
                Some(key) => world.once(&world.admin, key, "/v1/agents", &wider).await,
            };
            assert_eq!(answer.problem(), told(409, "wider_than_parent"), "{}", world.engine);
        }
        assert_eq!(world.done("GET", "/v1/events?limit=1000", Value::Null).await, before, "{}", world.engine);
        assert_eq!(
            world.done("GET", "/v1/agents", Value::Null).await["agents"],
            json!([]),
            "{}",
            world.engine
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_holds_the_data_asks_the_same_without_a_signature() {
    let world = sqlite();
    let ask = |method: &str, target: &str, body: &Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        blocking(|| legation_host::api::ask(&world.registry, method, target, body.as_bytes(), now()))
    };
    let made = ask("POST", "/v1/agents", &json!({"name": "bot", "models": ["standard"]})).unwrap();
    let listed = world.done("GET", "/v1/agents", Value::Null).await;
    assert_eq!(listed["agents"], json!([made]));
    let error = ask("GET", "/v1/agents/nobody", &Value::Null).unwrap_err();
    assert_eq!((error.status, error.code.as_str()), (404, "not_found"));
    assert_eq!(ask("GET", "/v1/nothing", &Value::Null).unwrap_err().status, 404);
    let draft = Draft::new("GET", "/v1/events?limit=1000", &Value::Null);
    let events = world.send(world.admin.sign(&draft)).await.json();
    assert_eq!(events["events"].as_array().unwrap().last().unwrap()["actor"], "owner");
}
