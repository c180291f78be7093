use legation_credential::{Authority, Facts, Pattern, Possession, Request, Situation, Value};
use legation_token::narrow::{Ask, NarrowError, Narrowed, narrow};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const GATEWAY: &str = "https://acme.example";

fn authority(grants: Json, constraints: Json) -> Authority {
    Authority::parse(&json!({"grants": grants, "constraints": constraints}).to_string()).unwrap()
}

fn asked(chain: &Authority, audience: &str, scope: &[&str]) -> Result<Narrowed, NarrowError> {
    let scope: Vec<Pattern> = scope.iter().map(|one| Pattern::action(one).unwrap()).collect();
    narrow(chain, Ask { audience, scope: &scope, ledger: GATEWAY, leads_to: None })
}

fn code(outcome: Result<Narrowed, NarrowError>) -> &'static str {
    outcome.map_or_else(|error| error.code(), |_| "good")
}

fn grant(actions: &[&str], resources: &[&str]) -> Json {
    json!({"actions": actions, "resources": resources})
}

#[test]
fn a_token_says_what_is_granted_at_its_audience_and_nothing_of_elsewhere() {
    let chain = authority(
        json!([
            grant(&["crm:read", "token:issue"], &["https://api.example/*"]),
            grant(&["crm:write"], &["https://api.example/a/1", "https://other.example/*"]),
        ]),
        json!([]),
    );
    let of = |audience: &str| asked(&chain, audience, &[]).map(|narrowed| narrowed.authority);
    let all = of("https://api.example/a").unwrap();
    let said = json!([
        grant(&["crm:read"], &["https://api.example/a", "https://api.example/a/*"]),
        grant(&["crm:write"], &["https://api.example/a/1"]),
    ]);
    assert_eq!(all, authority(said, json!([])));
    // With and without the slash it is one service, and one that begins alike is another.
    assert_eq!(
        of("https://api.example").map(|one| one.pairs().map(<[_]>::len)),
        of("https://api.example/").map(|one| one.pairs().map(<[_]>::len))
    );
    assert_eq!(of("https://api.exampl").unwrap_err().code(), "nothing_granted");
    assert_eq!(of("https://api.example.evil").unwrap_err().code(), "nothing_granted");
    assert_eq!(of("http://api.example").unwrap_err().code(), "nothing_granted");
    let only = authority(json!([grant(&["token:issue"], &["https://api.example/"])]), json!([]));
    assert_eq!(code(asked(&only, "https://api.example", &[])), "nothing_granted");
}

#[test]
fn what_is_no_uri_in_normal_form_is_no_audience() {
    let chain = authority(json!([grant(&["crm:read"], &["https://api.example/*", "urn:svc:1"])]), json!([]));
    for audience in [
        "",
        "api.example",
        "https://API.example",
        "https://api.example/a?x=1",
        "https://api.example/#x",
        "https://api.example/*",
        "https://api.example/../a",
        "https://u@api.example/",
        "https://api.example:443/",
        "https://",
        " https://api.example",
        &format!("https://api.example/{}", "x".repeat(600)),
    ] {
        assert_eq!(code(asked(&chain, audience, &[])), "audience_invalid", "{audience}");
    }
    assert_eq!(code(asked(&chain, "urn:svc:1", &[])), "good");
    assert_eq!(code(asked(&chain, "urn:svc:2", &[])), "nothing_granted");
}

#[test]
fn a_scope_takes_less_and_never_more() {
    let chain = authority(json!([grant(&["crm:*", "mail:send"], &["https://api.example/*"])]), json!([]));
    let of = |scope: &[&str]| asked(&chain, "https://api.example", scope);
    let pairs = of(&["crm:read"]).unwrap().authority;
    assert_eq!(pairs, authority(json!([grant(&["crm:read"], &["https://api.example/*"])]), json!([])));
    for more in ["crm", "*crm", "mail:*", "mail:receive", "token:issue"] {
        let Ok(pattern) = Pattern::action(more) else { continue };
        let asked = narrow(
            &chain,
            Ask { audience: "https://api.example", scope: &[pattern], ledger: GATEWAY, leads_to: None },
        );
        assert_eq!(code(asked), "scope_not_granted", "{more}");
    }
    assert_eq!(code(of(&["crm:read", "mail:receive"])), "scope_not_granted");
}

#[test]
fn a_total_rides_in_no_token_but_one_of_the_gateway_that_takes_from_it() {
    let grants =
        json!([grant(&["crm:read", "pay:out"], &["https://api.example/*", "https://acme.example/*"])]);
    for total in [
        json!({"type": "rate", "seconds": 60, "max": 10}),
        json!({"type": "rate", "seconds": 60, "max": 10, "actions": ["crm:*"]}),
        json!({"type": "spend", "currency": "USD", "window": {"seconds": 86400, "amount": 100}, "actions": ["crm:read"]}),
    ] {
        let Ok(chain) = Authority::parse(&json!({"grants": grants, "constraints": [total]}).to_string())
        else {
            panic!("{total} is no constraint")
        };
        let refused = asked(&chain, "https://api.example", &["crm:read"]);
        assert_eq!(code(refused), "ledger_needed", "{total}");
        let own = asked(&chain, "https://acme.example", &["crm:read"]).unwrap();
        assert_eq!(own.ledger.as_deref(), Some(GATEWAY), "{total}");
        // A service whose name begins as the gateway's is another one.
        assert_eq!(code(asked(&chain, "https://acme.example/x", &["crm:read"])), "ledger_needed", "{total}");
    }
    // One that binds none of the token's actions is none of its business.
    let rate = json!([{"type": "rate", "seconds": 60, "max": 10, "actions": ["pay:*"]}]);
    let chain = authority(grants, rate);
    let narrowed = asked(&chain, "https://api.example", &["crm:read"]).unwrap();
    assert_eq!((narrowed.authority.limits().count(), narrowed.ledger), (0, None));
    assert_eq!(code(asked(&chain, "https://api.example", &[])), "ledger_needed");
    assert_eq!(code(asked(&chain, "https://api.example", &["pay:out"])), "ledger_needed");
}

#[test]
fn a_limit_on_whom_the_chain_is_used_with_holds_for_the_audience() {
    let grants = json!([grant(
        &["crm:read"],
        &["https://api.example/*", "https://other.example/*", "https://acme.example/*"]
    )]);
    let chain = authority(
        grants,
        json!([{"type": "audience", "allow": ["did:web:acme.example", "https://api.example"]}]),
    );
    assert_eq!(code(asked(&chain, "https://api.example", &[])), "good");
    assert_eq!(code(asked(&chain, "https://other.example", &[])), "audience_refused");
    // The gateway is called by its DID.
    assert_eq!(code(asked(&chain, "https://acme.example", &[])), "good");
}

#[test]
fn a_chain_that_asks_who_signs_is_told_so() {
    let grants = json!([grant(&["crm:read"], &["https://api.example/*"])]);
    let signed = json!([{"type": "argument", "name": "possession", "equals": "signed"}]);
    assert!(asked(&authority(grants.clone(), signed), "https://api.example", &[]).unwrap().own_key);
    let ranked =
        json!([{"type": "argument", "name": "possession", "rank": "signed", "order": ["signed", "vouched"]}]);
    assert!(asked(&authority(grants.clone(), ranked), "https://api.example", &[]).unwrap().own_key);
    let any = json!([{"type": "argument", "name": "possession", "rank": "vouched", "order": ["signed", "vouched"]}]);
    assert!(!asked(&authority(grants.clone(), any), "https://api.example", &[]).unwrap().own_key);
    assert!(!asked(&authority(grants, json!([])), "https://api.example", &[]).unwrap().own_key);
}

#[test]
fn a_token_buys_no_tokens_whatever_pattern_grants_them() {
    let chain = authority(json!([grant(&["token:*"], &["https://api.example/*"])]), json!([]));
    for scope in ["token:issue", "token:*"] {
        assert_eq!(code(asked(&chain, "https://api.example", &[scope])), "scope_not_granted", "{scope}");
    }
}

/// Grants, constraints and requests of a small domain, in which everything meets everything.
const ACTIONS: [&str; 7] =
    ["crm:read", "crm:write", "crm:*", "mail:send", "mail:*", "token:issue", "token:*"];
const RESOURCES: [&str; 7] = [
    "https://api.example/",
    "https://api.example/*",
    "https://api.example/a",
    "https://api.example/a/*",
    "https://api.example/a/1",
    "https://other.example/*",
    "https://api.example/b/*",
];

fn constraints() -> Vec<Json> {
    let mut all = Vec::new();
    for actions in [
        None,
        Some(json!(["crm:*"])),
        Some(json!(["crm:read"])),
        Some(json!(["mail:send"])),
        Some(json!(["x:y"])),
    ] {
        for one in [
            json!({"type": "argument", "name": "region", "equals": "eu"}),
            json!({"type": "argument", "name": "n", "max": 3}),
            json!({"type": "spend", "currency": "USD", "perAction": 5}),
            json!({"type": "rate", "seconds": 60, "max": 2}),
        ] {
            let mut one = one;
            if let Some(actions) = &actions {
                one["actions"] = actions.clone();
            }
            all.push(one);
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    /// Whatever a token permits, its chain permits: for every request of the domain.
    #[test]
    fn no_token_permits_what_its_chain_does_not(
        pairs in prop::collection::vec((0..ACTIONS.len(), 0..RESOURCES.len()), 1..6),
        limits in prop::collection::btree_set(0usize..20, 0..4),
        audience in prop::sample::select(vec!["https://api.example", "https://api.example/", "https://api.example/a", "https://other.example", GATEWAY]),
        scope in prop::collection::vec(0usize..5, 0..3),
        facts in (0i64..6, any::<bool>(), 0i64..8),
    ) {
        let grants: Vec<Json> = pairs.iter().map(|(action, resource)| grant(&[ACTIONS[*action]], &[RESOURCES[*resource]])).collect();
        let all = constraints();
        let limits: Vec<Json> = limits.iter().map(|index| all[*index].clone()).collect();
        let chain = authority(json!(grants), json!(limits));
        let scope: Vec<&str> = scope.iter().map(|index| ACTIONS[*index]).collect();
        let Ok(token) = asked(&chain, audience, &scope) else { return Ok(()) };
        prop_assert!(token.ledger.is_some() || !token.authority.is_cumulative());
        let (n, is_eu, amount) = facts;
        let facts = Facts::from([
            ("n".to_owned(), Value::Integer(n)),
            ("region".to_owned(), if is_eu { "eu" } else { "us" }.into()),
            ("amount".to_owned(), Value::Integer(amount)),
            ("currency".to_owned(), "USD".into()),
        ]);
        for action in ["crm:read", "crm:write", "crm:other", "mail:send", "mail:x", "token:issue", "token:x", "x:y"] {
            for resource in ["https://api.example/", "https://api.example/a", "https://api.example/a/1", "https://api.example/b/2", "https://other.example/z"] {
                let request = Request::new(action, resource, facts.clone()).unwrap();
                let situation = Situation { possession: Some(Possession::Signed), ..Situation::at(audience) };
                if token.authority.permits_in(&request, situation).is_ok() {
                    prop_assert_eq!(chain.permits_in(&request, situation), Ok(()), "{} on {}", action, resource);
                    prop_assert!(resource.starts_with(audience), "{} for {}", resource, audience);
                    prop_assert_ne!(action, if pairs.iter().any(|(action, _)| ACTIONS[*action] == "token:*") { "" } else { "token:issue" });
                }
            }
        }
    }
}

#[test]
fn a_token_for_a_route_says_what_is_granted_where_the_route_leads_and_may_have_totals() {
    let chain = Authority::parse(
        r#"{"grants": [{"actions": ["http:GET", "token:issue"], "resources": ["https://crm.example/v1/*", "https://crm.example/v1/"]},
            {"actions": ["http:*"], "resources": ["https://gateway.example/*", "https://other.example/*"]}],
            "constraints": [{"type": "rate", "seconds": 60, "max": 10}]}"#,
    )
    .unwrap();
    let ask =
        |leads_to| Ask { audience: "https://gateway.example/crm/", scope: &[], ledger: GATEWAY, leads_to };
    let token = narrow(&chain, ask(Some("https://crm.example/v1/"))).unwrap();
    assert_eq!(
        (token.resource.as_str(), token.ledger.as_deref()),
        ("https://crm.example/v1/", Some(GATEWAY))
    );
    let pairs: Vec<String> =
        token.authority.pairs().unwrap().iter().map(|(action, at)| format!("{action} {at}")).collect();
    assert_eq!(pairs, ["http:GET https://crm.example/v1/", "http:GET https://crm.example/v1/*"]);
    assert_eq!(narrow(&chain, ask(None)).unwrap_err().code(), "ledger_needed");
}
