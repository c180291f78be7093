//! Models: which can be called, and what a call costs to the millionth.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_credential::{Facts, Request};
use legation_registry::model::{
    MAX_COST, MAX_PRICE, MAX_TOKENS, Model, ModelError, OutputLimit, Price, Target, Usage,
};
use serde_json::{Value, json};

fn model() -> Model {
    serde_json::from_value(json!({
        "group": "standard", "name": "gpt-4o-mini", "maxOutputTokens": 16384, "maxInputTokens": 128_000,
        "targets": [{"baseUrl": "https://api.openai.com/v1", "model": "gpt-4o-mini-2024-07-18", "secret": "oa"}],
        "price": {"currency": "USD", "input": 15, "cachedInput": 8, "output": 60}
    }))
    .unwrap()
}

fn price(input: u64, cached_input: Option<u64>, cache_write: Option<u64>, output: u64) -> Price {
    Price { currency: "USD".to_owned(), input, cached_input, cache_write, output, ..Price::default() }
}

#[test]
fn a_model_survives_being_written_and_read() {
    let model = model();
    assert_eq!(model.validate(), Ok(()));
    let text = serde_json::to_string(&model).unwrap();
    assert_eq!(serde_json::from_str::<Model>(&text).unwrap(), model);
    assert!(!text.contains("null"), "{text}");
}

#[test]
fn a_misspelled_member_is_no_default() {
    for pointer in ["", "/targets/0", "/price"] {
        let mut json = serde_json::to_value(model()).unwrap();
        json.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert("cached".to_owned(), json!(1));
        assert!(serde_json::from_value::<Model>(json).is_err(), "{pointer}");
    }
}

#[test]
fn what_can_not_be_called_is_told_by_its_rule() {
    let long = "n".repeat(65);
    let nine = json!(vec![json!({"baseUrl": "https://a.example/", "model": "m"}); 9]);
    let cases: &[(&str, Value, &str)] = &[
        ("/group", json!(""), "model_group"),
        ("/group", json!("Standard"), "model_group"),
        ("/group", json!("a/b"), "model_group"),
        ("/group", json!("a:b"), "model_group"),
        ("/group", json!(".."), "model_group"),
        ("/group", json!(long), "model_group"),
        ("/name", json!(""), "model_name"),
        ("/name", json!("."), "model_name"),
        ("/name", json!("../admin"), "model_name"),
        ("/name", json!("meta-llama/Llama-3.1-8B"), "model_name"),
        ("/name", json!("gpt 4"), "model_name"),
        ("/name", json!("gpt*"), "model_name"),
        ("/name", json!("gpt%2e"), "model_name"),
        ("/name", json!("modèle"), "model_name"),
        ("/name", json!(long), "model_name"),
        ("/targets", json!([]), "model_targets"),
        ("/targets", nine, "model_targets"),
        ("/targets/0/model", json!(""), "target_model"),
        ("/targets/0/model", json!("a b"), "target_model"),
        ("/targets/0/model", json!("m".repeat(257)), "target_model"),
        ("/targets/0/secret", json!("sk-proj-ABCDEF"), "target_secret"),
        ("/targets/0/secret", json!(""), "target_secret"),
        ("/price/currency", json!("usd"), "price_currency"),
        ("/price/currency", json!("TOKENS"), "price_currency"),
        ("/price/input", json!(MAX_PRICE + 1), "price_too_large"),
        ("/price/cachedInput", json!(u64::MAX), "price_too_large"),
        ("/price/output", json!(MAX_PRICE + 1), "price_too_large"),
        ("/maxOutputTokens", json!(0), "model_tokens"),
        ("/maxOutputTokens", json!(MAX_TOKENS + 1), "model_tokens"),
        ("/maxInputTokens", json!(0), "model_tokens"),
    ];
    for (pointer, value, code) in cases {
        let mut json = serde_json::to_value(model()).unwrap();
        *json.pointer_mut(pointer).unwrap() = value.clone();
        let read: Model = serde_json::from_value(json).unwrap();
        assert_eq!(read.validate().map_err(|error| error.code()), Err(*code), "{pointer}: {value}");
    }
}

#[test]
fn a_base_url_that_two_readers_read_differently_is_refused_and_not_told() {
    for url in [
        "",
        "api.openai.com/v1",
        "ftp://a.example/",
        "HTTPS://a.example/",
        "https://",
        "https:///v1",
        "https://user:hunter2@a.example/v1",
        "https://a.example/v1?key=hunter2",
        "https://a.example/v1#hunter2",
        "https://A.example/v1",
        "https://a.example:443/v1",
        "https://a.example/v1/../admin",
        "https://a.example/%2e%2e",
        "https://127.1/",
        "https://a.example\\@b.example/",
        "https://a.example/v1 ",
    ] {
        let mut model = model();
        model.targets[0].base_url = url.to_owned();
        let error = model.validate().unwrap_err();
        assert_eq!(error.code(), "target_base_url", "{url}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    for url in
        ["https://a.example", "http://127.0.0.1:11434/v1", "https://[::1]:8443/", "http://localhost:8080/v1/"]
    {
        let mut model = model();
        model.targets[0].base_url = url.to_owned();
        assert_eq!(model.validate(), Ok(()), "{url}");
    }
}

#[test]
fn a_key_given_for_the_name_of_a_secret_is_not_told() {
    let mut model = model();
    model
        .targets
        .push(Target { secret: Some("sk-HUNTER2".to_owned()), ..Target::new("https://a.example/", "m") });
    let error = model.validate().unwrap_err();
    assert_eq!(error, ModelError::Secret { target: 2 });
    assert!(!error.to_string().contains("HUNTER2"));
}

#[test]
fn the_resource_of_a_model_is_one_that_a_request_can_name() {
    for (host, group, name) in [
        ("acme.example", "standard", "gpt-4o-mini"),
        ("localhost:8080", "a_b.c-d", "Llama-3.1-8B"),
        ("acme.example", "0", "qwen3:8b"),
    ] {
        let model = Model { group: group.to_owned(), name: name.to_owned(), ..model() };
        assert_eq!(model.validate(), Ok(()));
        let resource = model.resource(host);
        assert_eq!(resource, format!("https://{host}/models/{group}/{name}"));
        let request = Request::new("model:chat", &resource, Facts::new());
        assert!(request.is_ok(), "{resource}");
    }
    let escaped = model().resource("localhost%3A8080");
    assert!(Request::new("model:chat", &escaped, Facts::new()).is_err(), "the DID's spelling is no host");
}

#[test]
fn the_origin_and_the_end_points_of_a_target_follow_from_its_base_url() {
    for (base, origin, url) in [
        ("https://api.openai.com/v1", "https://api.openai.com", "https://api.openai.com/v1/models"),
        ("https://api.openai.com/v1/", "https://api.openai.com", "https://api.openai.com/v1/models"),
        ("http://localhost:1234", "http://localhost:1234", "http://localhost:1234/models"),
        ("http://[::1]:1/", "http://[::1]:1", "http://[::1]:1/models"),
    ] {
        let target = Target::new(base, "m");
        assert_eq!((target.origin(), target.url("models").as_str()), (origin, url));
    }
}

#[test]
fn each_target_is_bounded_by_the_member_that_it_reads() {
    for (base, member) in [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("https://acme.openai.azure.com/openai/v1", "max_completion_tokens"),
        ("https://api.openai.com.evil.example/v1", "max_tokens"),
        ("https://notapi.openai.com/v1", "max_tokens"),
        ("https://api.mistral.ai/v1", "max_tokens"),
        ("http://localhost:8000/v1", "max_tokens"),
    ] {
        assert_eq!(Target::new(base, "m").output_limit().member(), member, "{base}");
    }
    let said: Target = serde_json::from_value(json!({
        "baseUrl": "http://localhost:8000/v1", "model": "m", "outputLimit": "max_completion_tokens"
    }))
    .unwrap();
    assert_eq!(said.output_limit(), OutputLimit::MaxCompletionTokens);
}

#[test]
fn a_cost_is_exact_to_one_millionth_at_every_bound() {
    let usage = |input, cached, written, output| Usage { input, cached, written, output, other: 0 };
    let one = price(1, None, None, 1);
    for (price, usage, cost) in [
        (&one, usage(0, 0, 0, 0), Some(0)),
        (&one, usage(1, 0, 0, 0), Some(1)),
        (&one, usage(0, 0, 0, MAX_COST), Some(MAX_COST)),
        (&one, usage(1, 0, 0, MAX_COST), None),
        (&one, usage(0, 0, 0, MAX_COST + 1), None),
        (&one, usage(u64::MAX, 0, 0, u64::MAX), None),
        (&price(u64::MAX, None, None, u64::MAX), usage(u64::MAX, 0, 0, u64::MAX), None),
        (&price(250, Some(125), None, 1000), usage(1200, 1000, 0, 300), Some(475_000)),
        (&price(250, None, None, 1000), usage(1200, 1000, 0, 300), Some(600_000)),
        (&price(500, Some(50), Some(625), 3000), usage(2600, 2000, 400, 1), Some(453_000)),
        (&price(250, Some(0), None, 1000), usage(1200, 1200, 0, 0), Some(0)),
        (&price(0, None, None, 0), usage(u64::MAX, 0, 0, u64::MAX), Some(0)),
        (&one, usage(1, 2, 0, 0), None),
        (&one, usage(2, 1, 2, 0), None),
        (&one, usage(u64::MAX, u64::MAX, u64::MAX, 0), None),
    ] {
        assert_eq!(price.cost(&usage), cost, "{price:?} {usage:?}");
    }
}

#[test]
fn no_use_of_caches_makes_a_call_dearer_than_its_bound() {
    for price in [
        price(7, None, None, 11),
        price(7, Some(3), None, 11),
        price(7, Some(3), Some(9), 11),
        price(7, Some(20), Some(9), 11),
    ] {
        for (input, output) in [(0, 0), (5, 2), (6, 0)] {
            let most = price.at_most(input, output).unwrap();
            let parts =
                (0..=input).flat_map(|cached| (0..=input - cached).map(move |written| (cached, written)));
            for (cached, written) in parts {
                assert!(
                    price.cost(&Usage { input, cached, written, output, other: 0 }).unwrap() <= most,
                    "{price:?}"
                );
            }
        }
    }
    assert_eq!(price(0, None, None, 1).at_most(5, MAX_COST), Some(MAX_COST));
    assert_eq!(price(1, None, None, 1).at_most(1, MAX_COST), None);
}

#[test]
fn azure_is_known_by_its_host_and_by_nothing_that_looks_like_it() {
    for (base, is_azure) in [
        ("https://acme.openai.azure.com/openai/v1", true),
        ("https://acme.services.ai.azure.com/openai/v1", true),
        ("https://api.openai.com/v1", false),
        ("https://openai.azure.com.evil.example/v1", false),
        ("https://evil.example/.openai.azure.com", false),
        ("https://acme-openai.azure.com.evil.example:8443/v1", false),
    ] {
        assert_eq!(Target::new(base, "m").is_azure(), is_azure, "{base}");
    }
}

#[test]
fn pictures_and_sound_have_prices_that_bound_them() {
    let price = |more: serde_json::Value| -> Price {
        let mut all = json!({"currency": "USD", "input": 0, "output": 0});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    };
    let images = price(json!({"images": [
        {"size": "a", "quality": "high", "each": 9}, {"size": "a", "quality": "low", "each": 2}, {"size": "b", "each": 5}
    ]}));
    for (size, quality, each) in [
        (Some("a"), Some("high"), Some(9)),
        (Some("a"), Some("low"), Some(2)),
        (Some("a"), None, Some(9)),
        (None, Some("low"), Some(5)),
        (None, None, Some(9)),
        (Some("b"), Some("anything"), Some(5)),
        (Some("c"), None, None),
        (Some("a"), Some("medium"), None),
    ] {
        assert_eq!(images.image(size, quality), each, "{size:?} {quality:?}");
    }
    assert_eq!(images.cost(&Usage { other: 7, ..Usage::default() }), Some(7));
    let validate =
        |price: Price| Model { price: Some(price), ..model() }.validate().map_err(|error| error.code());
    assert_eq!(validate(images), Ok(()));
    assert_eq!(validate(price(json!({"second": 1, "maxSeconds": 1500}))), Ok(()));
    assert_eq!(validate(price(json!({"second": 1}))), Err("model_seconds"));
    assert_eq!(validate(price(json!({"second": 1, "maxSeconds": 0}))), Err("model_seconds"));
    assert_eq!(validate(price(json!({"character": 2_000_000_000}))), Err("price_too_large"));
    let many = vec![json!({"each": 1}); 65];
    assert_eq!(validate(price(json!({"images": many}))), Err("price_images"));
}
