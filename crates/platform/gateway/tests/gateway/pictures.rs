//! Pictures and sound: what they cost is bounded before, and counted after.

use crate::world::{World, blocking, local, now, post_to, sqlite};
use axum::{
    body::Body,
    http::{Request, header},
};
use http_body_util::BodyExt;
use legation_registry::model::{Model, Target};
use legation_tests::upstream::{Plan, Upstream};
use serde_json::{Value, json};
use std::time::Duration;

const CENT: i64 = 1_000_000;

fn priced(world: &World, upstream: &Upstream, price: &Value) -> Model {
    let mut model = world.model("small", upstream, 0);
    let mut all = json!({"currency": "USD", "input": 0, "output": 0});
    all.as_object_mut().unwrap().extend(price.as_object().unwrap().clone());
    model.price = Some(serde_json::from_value(all).unwrap());
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    model
}

fn pictures(count: usize) -> Plan {
    let data = vec![json!({"b64_json": "AAAA"}); count];
    Plan::body(200, "application/json", json!({"created": 1, "data": data}).to_string())
}

async fn draw(world: &World, key: &str, more: Value) -> (u16, String) {
    let mut asked = json!({"model": "small", "prompt": "a cat"});
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = world.send(0, post_to("/v1/images/generations", key, asked.to_string())).await;
    let (status, code) = answer.told();
    (status, if code.is_empty() { answer.text() } else { code })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_are_reserved_by_the_dearest_that_fits_and_counted_by_those_that_came() {
    let upstream = Upstream::start(|seen, _| pictures(seen.json()["n"].as_u64().unwrap() as usize)).unwrap();
    let world = sqlite();
    let key = world.agent("mail", "0.10USD/day");
    let images = json!({"images": [
        {"size": "1024x1024", "quality": "high", "each": 4 * CENT},
        {"size": "1024x1024", "quality": "low", "each": CENT},
        {"size": "1536x1024", "each": 6 * CENT},
    ]});
    priced(&world, &upstream, &images);
    let high = json!({"size": "1024x1024", "quality": "high", "n": 2});
    assert_eq!(draw(&world, &key, high).await.0, 200);
    assert_eq!(upstream.requests()[0].json()["model"], "gpt-scripted");
    assert_eq!(world.wait_for_receipts(2).await[1], ("settle".to_owned(), String::new(), Some(8 * CENT)));
    // Two cents are left: what does not say its quality may be the dearest.
    for more in [json!({"size": "1024x1024"}), json!({"quality": "auto"}), json!({}), json!({"n": 10})] {
        assert_eq!(draw(&world, &key, more).await, (429, "budget_exceeded".to_owned()));
    }
    let low = json!({"size": "1024x1024", "quality": "low", "n": 2});
    assert_eq!(draw(&world, &key, low).await.0, 200);
    for more in [json!({"size": "4096x4096"}), json!({"size": "1024x1024", "quality": "ultra"})] {
        assert_eq!(draw(&world, &key, more).await, (403, "unpriced".to_owned()));
    }
    for more in
        [json!({"n": 11}), json!({"partial_images": 2}), json!({"stream": true}), json!({"image": "x"})]
    {
        let (status, told) = draw(&world, &key, more).await;
        assert_eq!(status, 400, "{told}");
    }
    assert_eq!(upstream.count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_makes_fewer_or_more_images_than_were_asked_for_is_believed_by_what_it_made() {
    let upstream = Upstream::start(|_, number| pictures(if number == 0 { 1 } else { 3 })).unwrap();
    let world = sqlite();
    let key = world.agent("mail", "10USD/day");
    priced(&world, &upstream, &json!({"images": [{"each": CENT}]}));
    for _ in 0..2 {
        assert_eq!(draw(&world, &key, json!({"n": 2})).await.0, 200);
    }
    let receipts = world.wait_for_receipts(4).await;
    let settled: Vec<_> = receipts.iter().filter(|(kind, ..)| kind == "settle").cloned().collect();
    assert_eq!(settled[0], ("settle".to_owned(), String::new(), Some(CENT)));
    assert_eq!(settled[1], ("settle".to_owned(), "over_reserved".to_owned(), Some(3 * CENT)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(draw(&world, &key, json!({})).await, (503, "route_closed".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speech_passes_as_sound_and_costs_its_characters() {
    let upstream = Upstream::always(Plan::body(200, "audio/mpeg", [0xff, 0xf3, 0, 1])).unwrap();
    let world = sqlite();
    let key = world.agent("mail", "0.10USD/day");
    let speak = async |more: Value| {
        let mut asked = json!({"model": "small", "input": "Hällo.", "voice": "alloy"});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.send(0, post_to("/v1/audio/speech", &key, asked.to_string())).await
    };
    priced(&world, &upstream, &json!({}));
    assert_eq!(speak(json!({})).await.told(), (403, "unpriced".to_owned()));
    priced(&world, &upstream, &json!({"character": CENT}));
    let answer = speak(json!({})).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers[header::CONTENT_TYPE]),
        (200, &"audio/mpeg".parse().unwrap())
    );
    assert_eq!(answer.body, [0xff, 0xf3, 0, 1]);
    let receipts = world.wait_for_receipts(3).await;
    assert_eq!(receipts[2], ("settle".to_owned(), String::new(), Some(6 * CENT)));
    assert_eq!(speak(json!({})).await.told(), (429, "budget_exceeded".to_owned()), "four cents are left");
    for more in [json!({"voice": {"id": "v_1"}}), json!({"stream_format": "sse"}), json!({"model_too": 1})] {
        assert_eq!(speak(more).await.status, 400);
    }
    assert_eq!(upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_that_breaks_off_breaks_off_and_nothing_is_put_into_it() {
    let upstream = Upstream::always(Plan::body(200, "audio/mpeg", vec![7; 5000]).cut_after(3000)).unwrap();
    let world = sqlite();
    let key = world.agent("mail", "1USD/day");
    priced(&world, &upstream, &json!({"character": CENT}));
    let asked = json!({"model": "small", "input": "Hello.", "voice": "alloy"});
    let response = world.begin(0, post_to("/v1/audio/speech", &key, asked.to_string())).await;
    let (mut body, mut came) = (response.into_body(), Vec::new());
    let broke = loop {
        match body.frame().await {
            Some(Ok(frame)) => came.extend(frame.into_data().unwrap()),
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(broke && came.iter().all(|byte| *byte == 7), "{} bytes", came.len());
    assert_eq!(world.wait_for_receipts(2).await[1].2, Some(6 * CENT), "it was spoken");
}

fn form(key: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut body = String::new();
    for (name, text) in fields {
        body.push_str(&format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"));
    }
    body.push_str("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\nsound\r\n--b--\r\n");
    let mut request = post_to("/v1/audio/transcriptions", key, body);
    request.headers_mut().insert(header::CONTENT_TYPE, "multipart/form-data; boundary=b".parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_down_is_reserved_at_the_most_seconds_and_counted_by_those_there_were() {
    let said = json!({"text": "hello", "usage": {"type": "duration", "seconds": 3}});
    let verbose = json!({"text": "hello", "duration": "4.2"});
    let plan = move |_: &_, number| match number {
        0 => Plan::body(200, "application/json", said.to_string()),
        1 => Plan::body(200, "application/json", verbose.to_string()),
        _ => Plan::body(200, "text/plain", "hello"),
    };
    let upstream = Upstream::start(plan).unwrap();
    let world = sqlite();
    let key = world.agent("mail", "0.30USD/day");
    priced(&world, &upstream, &json!({"second": CENT, "maxSeconds": 20}));
    let write = async |fields: &[(&str, &str)]| world.send(0, form(&key, fields)).await;
    let answer = write(&[("model", "small"), ("language", "en")]).await;
    assert_eq!((answer.status.as_u16(), answer.json()["text"].as_str()), (200, Some("hello")));
    let seen = String::from_utf8_lossy(&upstream.requests()[0].body).into_owned();
    let kind = upstream.requests()[0].header("content-type").unwrap().to_owned();
    assert!(kind.starts_with("multipart/form-data; boundary=legation-"), "{kind}");
    for part in [
        "gpt-scripted",
        "name=\"language\"\r\n\r\nen\r\n",
        "filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\nsound\r\n",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    assert!(!seen.contains("small"));
    let settled = |receipts: &[(String, String, Option<i64>)]| -> Vec<(String, Option<i64>)> {
        let all = receipts.iter().filter(|(kind, ..)| kind == "settle");
        all.map(|(_, code, amount)| (code.clone(), *amount)).collect()
    };
    assert_eq!(settled(&world.wait_for_receipts(2).await), [(String::new(), Some(3 * CENT))]);
    assert_eq!(write(&[("model", "small"), ("response_format", "verbose_json")]).await.status, 200);
    let answer = write(&[("model", "small"), ("response_format", "text")]).await;
    assert_eq!(
        (answer.text().as_str(), &answer.headers[header::CONTENT_TYPE]),
        ("hello", &"text/plain; charset=utf-8".parse().unwrap())
    );
    let receipts = world.wait_for_receipts(6).await;
    // A text says nothing of how long it was: it stays at its most.
    assert_eq!(
        settled(&receipts)[1..],
        [(String::new(), Some(5 * CENT)), ("usage_missing".to_owned(), None)]
    );
    assert_eq!(
        write(&[("model", "small")]).await.told(),
        (429, "budget_exceeded".to_owned()),
        "two are left"
    );
    for fields in [
        [("model", "small"), ("stream", "true")],
        [("model", "small"), ("model", "other")],
        [("model", "small"), ("known_speaker_references[]", "x")],
    ] {
        assert_eq!(write(&fields).await.status, 400, "{fields:?}");
    }
    assert_eq!(upstream.count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_reserves_the_dearest_target_and_is_counted_by_the_one_that_served_it() {
    let upstream = Upstream::always(Plan::says("one two").tokens(0, 2)).unwrap();
    let world = sqlite();
    let key = world.agent("mail", "0.10USD/day");
    let mut model = world.model("small", &upstream, 1_000_000);
    let priced = |cents: u64| {
        serde_json::from_value(json!({"currency": "USD", "input": 0, "output": cents * 1_000_000}))
    };
    let mut dear = Target::new("http://localhost:1/v1", "m");
    dear.price = Some(priced(5).unwrap());
    model.targets.insert(0, dear);
    model.targets.push(Target::new(local(&upstream.url()), "m"));
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    let answer = world.chat(0, &key, json!({"max_tokens": 2})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let receipts = world.wait_for_receipts(2).await;
    assert_eq!((receipts[0].2, receipts[1].2), (Some(10 * CENT), Some(2 * CENT)));
    assert_eq!(
        world.chat(0, &key, json!({"max_tokens": 2})).await.told().1,
        "budget_exceeded",
        "at the dearest"
    );
    // Without a price of the model's own, each target needs one.
    model.price = None;
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.told(), (403, "unpriced".to_owned()));
    for target in &mut model.targets {
        target.price = Some(priced(1).unwrap());
    }
    blocking(|| world.registry.put_model(&model, now())).unwrap();
    assert_eq!(world.chat(0, &key, json!({"max_tokens": 1})).await.status, 200);
    model.targets[1].price.as_mut().unwrap().currency = "EUR".to_owned();
    let wrong = blocking(|| world.registry.put_model(&model, now())).unwrap_err();
    assert!(wrong.to_string().contains("in one currency"), "{wrong}");
}

/// A form of fields and of files of pictures, each by its field.
fn edit(key: &str, fields: &[(&str, &str)], files: &[&str]) -> Request<Body> {
    let mut body = String::new();
    for (name, text) in fields {
        body.push_str(&format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"));
    }
    for field in files {
        body.push_str(&format!(
            "--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{field}.png\"\r\n\
             Content-Type: image/png\r\n\r\nPNG of {field}\r\n"
        ));
    }
    body.push_str("--b--\r\n");
    let mut request = post_to("/v1/images/edits", key, body);
    request.headers_mut().insert(header::CONTENT_TYPE, "multipart/form-data; boundary=b".parse().unwrap());
    request
}

const ASKED: [(&str, &str); 2] = [("model", "small"), ("prompt", "a hat on it")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_that_are_given_are_reserved_at_all_that_the_model_reads_and_counted_as_the_answer_says() {
    let said = json!({"created": 1, "data": [{"b64_json": "AAAA"}], "usage": {"input_tokens": 300}});
    let silent = json!({"created": 1, "data": [{"b64_json": "AAAA"}]});
    let plan = move |_: &_, number| {
        Plan::body(200, "application/json", if number == 0 { &said } else { &silent }.to_string())
    };
    let upstream = Upstream::start(plan).unwrap();
    let world = sqlite();
    let key = world.agent("mail", "50USD/day");
    let price = json!({"input": 1000, "images": [{"each": 4 * CENT}]});
    let model = priced(&world, &upstream, &price);
    let answer = world.send(0, edit(&key, &ASKED, &["image[]", "image[]", "mask"])).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = String::from_utf8_lossy(&upstream.requests()[0].body).into_owned();
    for part in [
        "gpt-scripted",
        "name=\"n\"\r\n\r\n1\r\n",
        "name=\"prompt\"\r\n\r\na hat on it\r\n",
        "name=\"image[]\"; filename=\"image.png\"\r\nContent-Type: image/png\r\n\r\nPNG of image[]\r\n",
        "name=\"mask\"; filename=\"mask.png\"",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    let receipts = world.wait_for_receipts(2).await;
    let most = i64::try_from(model.max_input_tokens).unwrap() * 1000 + 4 * CENT;
    assert_eq!(receipts[0].2, Some(most), "all that it may read");
    assert_eq!(receipts[1].2, Some(300 * 1000 + 4 * CENT), "what it read");
    let answer = world.send(0, edit(&key, &ASKED, &["image"])).await;
    assert_eq!(answer.status, 200);
    let receipts = world.wait_for_receipts(4).await;
    let settled = receipts.iter().filter(|(kind, ..)| kind == "settle").nth(1).unwrap();
    assert_eq!(settled.2.unwrap_or(most), most, "an answer that says nothing stays at its most");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_of_pictures_that_is_read_in_two_ways_goes_nowhere() {
    let upstream = Upstream::always(pictures(1)).unwrap();
    let world = sqlite();
    let key = world.agent("mail", "50USD/day");
    priced(&world, &upstream, &json!({"images": [{"size": "1024x1024", "each": CENT}]}));
    for (more, files, code) in [
        (vec![], vec![], "missing_member"),
        (vec![], vec!["mask"], "missing_member"),
        (vec![], vec!["image", "image"], "wrong_member"),
        (vec![], vec!["picture"], "unknown_member"),
        (vec![("prompt", "another")], vec!["image"], "wrong_member"),
        (vec![("model", "large")], vec!["image"], "wrong_member"),
        (vec![("n", "2"), ("n", "1")], vec!["image"], "wrong_member"),
        (vec![("n", "11")], vec!["image"], "wrong_member"),
        (vec![("n", "+2")], vec!["image"], "wrong_member"),
        (vec![("stream", "true")], vec!["image"], "unsupported_member"),
        (vec![("partial_images", "2")], vec!["image"], "unsupported_member"),
        (vec![("size", "9x9")], vec!["image"], "unpriced"),
    ] {
        let fields = [ASKED.as_slice(), &more].concat();
        let (status, told) = world.send(0, edit(&key, &fields, &files)).await.told();
        assert!((400..500).contains(&status), "{more:?} {files:?}: {status} {told}");
        assert_eq!(told, code, "{more:?} {files:?}");
    }
    let seventeen = vec!["image[]"; 17];
    assert_eq!(world.send(0, edit(&key, &ASKED, &seventeen)).await.told().0, 400);
    assert_eq!(upstream.count(), 0);
}
