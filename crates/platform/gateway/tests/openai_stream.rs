//! Streams: the same bytes and the same usage, however they are cut.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_gateway::openai::{Ended, Meter, Usage, stream::MAX_EVENT};
use proptest::prelude::*;

const USAGE: &str =
    r#"data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":7,"total_tokens":19}}"#;
const CHUNK: &str = r#"data: {"choices":[{"index":0,"delta":{"content":"usage"}}],"usage":null}"#;
const TOOK: Option<Usage> = Some(Usage { input: 12, cached: 0, written: 0, output: 7, other: 0 });

/// What goes to the caller in all, and how it ended.
fn run<'a>(wants_usage: bool, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Ended) {
    let mut meter = Meter::new(wants_usage);
    let mut out: Vec<u8> = pieces.into_iter().flat_map(|piece| meter.push(piece)).collect();
    let ended = meter.end();
    out.extend_from_slice(&ended.rest);
    (out, Ended { rest: Vec::new(), ..ended })
}

fn whole(wants_usage: bool, stream: &str) -> (String, Ended) {
    let (out, ended) = run(wants_usage, [stream.as_bytes()]);
    (String::from_utf8(out).unwrap(), ended)
}

/// Streams, what of each the caller gets that has not asked for the usage, the usage, and whether it came to its end.
fn streams() -> Vec<(&'static str, String, String, Option<Usage>, bool)> {
    let case = |name, stream: String, out: String, usage, finished| (name, stream, out, usage, finished);
    let mixed = r#"data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":12,"completion_tokens":7}}"#;
    let failed =
        r#"data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":7},"error":{"message":"x"}}"#;
    let running = r#"data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":12,"completion_tokens":1}}"#;
    let lying = r#"data: {"choices":[],"usage":{"prompt_tokens":-12,"completion_tokens":7}}"#;
    let no_choices = r#"data: {"usage":{"prompt_tokens":12,"completion_tokens":7}}"#;
    let spaced =
        "data:{\"choices\" : [ ] ,\ndata: \"usage\":{\"prompt_tokens\":12,\ndata:\"completion_tokens\":7}}";
    vec![
        case("nothing", String::new(), String::new(), None, false),
        case(
            "OpenAI",
            format!("{CHUNK}\n\n{USAGE}\n\ndata: [DONE]\n\n"),
            format!("{CHUNK}\n\ndata: [DONE]\n\n"),
            TOOK,
            true,
        ),
        case(
            "CRLF",
            format!("{CHUNK}\r\n\r\n{USAGE}\r\n\r\ndata: [DONE]\r\n\r\n"),
            format!("{CHUNK}\r\n\r\ndata: [DONE]\r\n\r\n"),
            TOOK,
            true,
        ),
        case(
            "CR",
            format!("{CHUNK}\r\r{USAGE}\r\rdata: [DONE]\r\r"),
            format!("{CHUNK}\r\rdata: [DONE]\r\r"),
            TOOK,
            true,
        ),
        case(
            "mixed line ends",
            format!("{CHUNK}\n\r\n{USAGE}\r\n\ndata: [DONE]\r\r\n"),
            format!("{CHUNK}\n\r\ndata: [DONE]\r\r\n"),
            TOOK,
            true,
        ),
        case(
            "comments",
            format!(": ping\n\n{CHUNK}\n\n:\n{USAGE}\n\n: bye\n\n"),
            format!(": ping\n\n{CHUNK}\n\n: bye\n\n"),
            TOOK,
            false,
        ),
        case("a comment that looks like data", format!(":{USAGE}\n\n"), format!(":{USAGE}\n\n"), None, false),
        case(
            "several lines of data",
            format!("{spaced}\n\ndata:[DONE]\n\n"),
            "data:[DONE]\n\n".to_owned(),
            TOOK,
            true,
        ),
        case(
            "other fields",
            format!("event: x\nid: 1\n{USAGE}\nretry: 5\n\nevent: y\n\n"),
            "event: y\n\n".to_owned(),
            TOOK,
            false,
        ),
        case("a byte order mark", format!("\u{feff}{USAGE}\n\n"), String::new(), TOOK, false),
        case(
            "a byte order mark too late",
            format!("\n\n\u{feff}{USAGE}\n\n"),
            format!("\n\n\u{feff}{USAGE}\n\n"),
            None,
            false,
        ),
        case("no empty line at the end", format!("{CHUNK}\n\n{USAGE}"), format!("{CHUNK}\n\n"), TOOK, false),
        case(
            "no empty line behind the end",
            format!("{USAGE}\n\ndata: [DONE]"),
            "data: [DONE]".to_owned(),
            TOOK,
            true,
        ),
        case(
            "usage beside the last choice",
            format!("{mixed}\n\ndata: [DONE]\n\n"),
            format!("{mixed}\n\ndata: [DONE]\n\n"),
            TOOK,
            true,
        ),
        case("usage and an error", format!("{failed}\n\n"), format!("{failed}\n\n"), TOOK, false),
        case(
            "usage in each chunk",
            format!("{running}\n\n{USAGE}\n\n"),
            format!("{running}\n\n"),
            TOOK,
            false,
        ),
        case("usage, then null", format!("{USAGE}\n\n{CHUNK}\n\n"), format!("{CHUNK}\n\n"), TOOK, false),
        case(
            "usage without choices",
            format!("{no_choices}\n\n{CHUNK}\n\n"),
            format!("{CHUNK}\n\n"),
            TOOK,
            false,
        ),
        case(
            "usage that lies",
            format!("{CHUNK}\n\n{lying}\n\ndata: [DONE]\n\n"),
            format!("{CHUNK}\n\ndata: [DONE]\n\n"),
            None,
            true,
        ),
        case("usage, then a lie", format!("{USAGE}\n\n{lying}\n\n"), String::new(), None, false),
        case(
            "no usage",
            format!("{CHUNK}\n\ndata: [DONE]\n\n"),
            format!("{CHUNK}\n\ndata: [DONE]\n\n"),
            None,
            true,
        ),
        case(
            "no JSON",
            "data: \"usage\"\n\ndata: {\"usage\"\n\n".to_owned(),
            "data: \"usage\"\n\ndata: {\"usage\"\n\n".to_owned(),
            None,
            false,
        ),
        case("empty lines", format!("\n\n\r\n{USAGE}\n\n\n"), "\n\n\r\n\n".to_owned(), TOOK, false),
        case(
            "data without a colon",
            "data\n\ndata: [DONE]\n\n".to_owned(),
            "data\n\ndata: [DONE]\n\n".to_owned(),
            None,
            true,
        ),
    ]
}

#[test]
fn nothing_but_the_usage_that_nobody_asked_for_is_left_out() {
    for (name, stream, out, usage, finished) in streams() {
        let (found, ended) = whole(false, &stream);
        assert_eq!(found, out, "{name}");
        assert_eq!((ended.usage, ended.finished, ended.unread), (usage, finished, 0), "{name}");
        let (found, ended) = whole(true, &stream);
        assert_eq!((found, ended.usage), (stream, usage), "{name}, asked for");
    }
}

#[test]
fn a_cut_at_any_byte_changes_nothing() {
    for (name, stream, out, _, _) in streams() {
        let bytes = stream.as_bytes();
        let wanted = (out.into_bytes(), whole(false, &stream).1);
        assert_eq!(run(false, bytes.chunks(1)), wanted, "{name}, byte by byte");
        for cut in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(run(false, [head, &[], tail]), wanted, "{name}, cut at {cut}");
        }
    }
}

#[test]
fn a_stream_that_breaks_off_gives_the_right_usage_or_none() {
    for (name, stream, out, _, _) in streams() {
        if name.contains("each chunk") || name.contains("a lie") {
            continue;
        }
        for end in 0..=stream.len() {
            let (passed, ended) = run(false, [&stream.as_bytes()[..end]]);
            assert!(ended.usage.is_none() || ended.usage == TOOK, "{name}, broken off at {end}");
            let (passed_all, _) = run(true, [&stream.as_bytes()[..end]]);
            assert_eq!(passed_all, &stream.as_bytes()[..end], "{name}, broken off at {end}");
            assert!(passed.len() <= end && (end < stream.len() || passed == out.as_bytes()), "{name}");
        }
    }
}

#[test]
fn a_whole_event_is_not_held_back() {
    for line_end in ["\n", "\r\n", "\r"] {
        let mut meter = Meter::new(false);
        let event = format!("{CHUNK}{line_end}{line_end}");
        let (last, head) = event.as_bytes().split_last().unwrap();
        let mut out = meter.push(head);
        // Of CR LF CR LF the last LF goes on as soon as it comes, but the event is whole before it.
        assert_eq!(out.is_empty(), line_end != "\r\n");
        out.extend(meter.push(&[*last]));
        assert_eq!(out, event.as_bytes());
    }
}

#[test]
fn an_event_that_is_too_large_passes_unread_and_the_next_is_read() {
    let start = r#"data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1},"x":""#;
    for (length, unread) in [(MAX_EVENT, 0), (MAX_EVENT + 1, 1), (2 * MAX_EVENT, 1)] {
        let large = format!("{start}{}\"}}\r\n\r", "x".repeat(length - start.len() - 5));
        assert_eq!(large.len(), length);
        let stream = format!("{large}\n{CHUNK}\n\n");
        let passed = if unread == 1 { stream.clone() } else { format!("{CHUNK}\n\n") };
        for pieces in [vec![stream.as_bytes()], stream.as_bytes().chunks(4099).collect()] {
            let (out, ended) = run(false, pieces);
            assert!(out == passed.as_bytes(), "{length}");
            assert_eq!((ended.unread, ended.usage.is_some()), (unread, unread == 0), "{length}");
        }
        let (_, ended) = whole(false, &format!("{stream}{USAGE}\n\n"));
        assert_eq!((ended.unread, ended.usage), (unread, TOOK));
    }
    // While it passes, nothing of it is kept.
    let mut meter = Meter::new(false);
    assert!(meter.push(&vec![b'x'; MAX_EVENT]).is_empty());
    assert_eq!(meter.push(b"yz").len(), MAX_EVENT + 2);
    assert_eq!(meter.push(b"w"), b"w");
    assert_eq!(meter.end().rest, b"");
}

#[test]
fn why_a_usage_is_not_believed_is_told() {
    let (_, ended) =
        whole(false, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":1}}\n\n");
    assert_eq!((ended.usage, ended.problem.unwrap().code()), (None, "usage_malformed"));
}

/// Streams of whole and broken events with all kinds of line ends.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just(USAGE.to_owned()),
        Just(CHUNK.to_owned()),
        Just("data: [DONE]".to_owned()),
        Just(": ping".to_owned()),
        Just("data: {\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":0}}".to_owned()),
        Just("data".to_owned()),
        Just(String::new()),
        "[a-z:\" \u{feff}é]{0,8}",
    ];
    let end = prop_oneof![Just("\n"), Just("\r"), Just("\r\n"), Just("\n\n"), Just("\r\n\r\n"), Just("")];
    let noise = prop::collection::vec(any::<u8>(), 0..3);
    prop::collection::vec((line, end, noise, any::<u8>()), 0..12).prop_map(|parts| {
        let bytes = parts.into_iter().flat_map(|(line, end, noise, often)| {
            let noise = if often < 40 { noise } else { Vec::new() };
            [line.into_bytes(), noise, end.as_bytes().to_vec()].concat()
        });
        bytes.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn however_a_stream_is_cut_the_same_goes_on(stream in any_stream(), sizes in prop::collection::vec(0_usize..40, 0..40)) {
        let mut pieces = Vec::new();
        let mut rest = stream.as_slice();
        for size in sizes {
            let (piece, behind) = rest.split_at(size.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        let wanted = run(false, [stream.as_slice()]);
        prop_assert_eq!(&run(false, pieces.clone()), &wanted);
        prop_assert_eq!(&run(false, stream.chunks(1)), &wanted);
        let (all, ended) = run(true, pieces);
        prop_assert_eq!(&all, &stream, "who asked for the usage gets every byte");
        prop_assert_eq!(ended, wanted.1);
    }

    #[test]
    fn no_bytes_make_it_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..8)) {
        let _ = run(false, chunks.iter().map(Vec::as_slice));
    }
}
