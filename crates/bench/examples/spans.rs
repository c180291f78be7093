//! What the spans of a call cost where nobody listens: `cargo run --release -p legation-bench --example spans`.
//!
//! Nine of them, one within the other or one after the other as in a call, with the fields that the gateway's have: without
//! any listener, and with one for warnings only, as `legation up` has it without `--otlp`. Nanoseconds for all nine.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::{hint::black_box, time::Instant};
use tracing::{field::Empty, info_span, level_filters::LevelFilter};
use tracing_subscriber::{layer::SubscriberExt, registry};

const TIMES: u32 = 2_000_000;

fn call(text: &str, number: i64) {
    let request = info_span!(
        "request",
        otel.kind = "server",
        otel.name = format!("POST {text}"),
        http.route = text,
        legation.agent = Empty,
        legation.status_age = Empty,
    );
    let _request = request.enter();
    request.record("legation.agent", text);
    request.record("legation.status_age", number);
    for step in 0..7 {
        let span = match step {
            0 => info_span!("auth"),
            1 => info_span!("resolve"),
            2 => info_span!("verify"),
            3 => info_span!("authorize"),
            4 => info_span!("reserve"),
            5 => info_span!("record"),
            _ => info_span!("settle", legation.code = text),
        };
        let _step = span.enter();
        black_box(step);
    }
    let upstream = info_span!(
        "upstream",
        otel.name = format!("chat {text}"),
        gen_ai.request.model = text,
        gen_ai.usage.input_tokens = Empty,
    );
    upstream.record("gen_ai.usage.input_tokens", number);
}

fn measure(what: &str) {
    let begin = Instant::now();
    for number in 0..TIMES {
        call(black_box("/v1/chat/completions"), i64::from(number));
    }
    println!("{what}: {:.1} ns a call", begin.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES));
}

fn main() {
    measure("no listener");
    tracing::subscriber::set_global_default(registry().with(LevelFilter::WARN)).unwrap();
    measure("warnings only");
}
