//! Bytes: sizes, cuts, base64.

use super::Book;
use crate::make::draft::Draft;
use serde_json::json;

pub(crate) fn add(book: &mut Book) {
    good(book);
    presentation_size(book);
    link_size(book);
    truncated(book);
    links_truncated(book);
    base64(book);
    alphabets(book);
    more_base64(book);
}

fn good(book: &mut Book) {
    book.permit("good-chain", "The scene that every other case changes: three links, a document and a status list, all as they should be.", |_| {});
    book.valid(
        "good-chain-without-request",
        "Without a request nothing is authorized: the chain holds, and the nonce is not used up.",
        |_| {},
    );
    book.permit(
        "good-single-link",
        "The shortest chain: the principal delegates to the agent who presents.",
        Draft::solo,
    );
}

fn presentation_size(book: &mut Book) {
    let exact = |less: usize| {
        move |d: &mut Draft| d.trust["limits"] = json!({"presentationBytes": d.present().len() - less})
    };
    book.permit(
        "presentation-of-just-the-largest-size",
        "A limit of so many bytes lets so many pass.",
        exact(0),
    );
    book.deny(
        "presentation-one-byte-too-large",
        "One byte above the limit that the verifier set: whoever may send more fills its memory.",
        "input_too_large",
        None,
        exact(1),
    );
    let padded =
        |bytes: usize| move |d: &mut Draft| d.presentation.claims["padding"] = "A".repeat(bytes).into();
    book.permit(
        "presentation-large-but-within-the-limit",
        "A large member that is not known is ignored, as long as the whole stays below the limit.",
        padded(30_000),
    );
    book.deny(
        "presentation-oversized",
        "Above 64 KiB with padding: parsers without a limit were driven out of memory by a single request.",
        "input_too_large",
        None,
        padded(50_000),
    );
}

fn link_size(book: &mut Book) {
    let padded = |bytes: usize| move |d: &mut Draft| d.claims(1)["padding"] = "A".repeat(bytes).into();
    book.permit(
        "link-large-but-within-the-limit",
        "A large member that is not known is ignored, as long as the link stays below its limit.",
        padded(20_000),
    );
    book.deny(
        "link-oversized",
        "One link above 32 KiB, though the presentation is small enough.",
        "input_too_large",
        Some(1),
        padded(25_000),
    );
    book.deny(
        "header-oversized",
        "A header above 4 KiB: it is read before anything is known about its sender.",
        "input_too_large",
        Some(1),
        |d| {
            d.links[1].header["padding"] = "A".repeat(4200).into();
        },
    );
    book.permit(
        "header-large-but-within-the-limit",
        "A header member that is not known is ignored (RFC 7515 section 4).",
        |d| {
            d.links[1].header["padding"] = "A".repeat(3000).into();
        },
    );
}

fn truncated(book: &mut Book) {
    let cut = |d: &mut Draft, keep: fn(&str) -> usize| {
        d.bytes(move |text| text.as_bytes()[..keep(&text)].to_vec());
    };
    book.deny(
        "presentation-empty",
        "No bytes at all, as a header that is there and empty gives them.",
        "malformed",
        None,
        |d| cut(d, |_| 0),
    );
    book.deny(
        "presentation-truncated",
        "Cut off in the middle, as a proxy with a size limit does it.",
        "malformed",
        None,
        |d| cut(d, |text| text.len() / 2),
    );
    book.deny(
        "presentation-truncated-in-its-signature",
        "The last four characters are missing; what is left must not count as a signature.",
        "malformed",
        None,
        |d| cut(d, |text| text.len() - 4),
    );
    book.deny(
        "presentation-without-signature",
        "An empty signature: libraries that skipped verification where nothing was to verify.",
        "malformed",
        None,
        |d| {
            d.presentation.part(2, |_| String::new());
        },
    );
    book.deny(
        "presentation-of-four-parts",
        "A fourth part behind the signature, where readers that split at the first dots see another text.",
        "malformed",
        None,
        |d| {
            d.presentation.after(|compact| format!("{compact}.AAAA"));
        },
    );
    book.deny("presentation-of-two-parts", "Header and payload only.", "malformed", None, |d| {
        d.presentation.after(|compact| compact.rsplit_once('.').unwrap().0.to_owned());
    });
    book.deny(
        "presentation-in-json-serialization",
        "The JSON serialization of JWS has unprotected headers; only the compact one is read.",
        "malformed",
        None,
        |d| {
            d.presentation.after(|compact| {
                let parts: Vec<&str> = compact.split('.').collect();
                json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string()
            });
        },
    );
}

fn links_truncated(book: &mut Book) {
    book.deny("link-truncated", "The last link is cut off in its payload.", "malformed", Some(2), |d| {
        d.links[2].after(|compact| compact[..compact.len() / 2].to_owned());
    });
    book.deny(
        "link-truncated-in-its-signature",
        "The last four characters of a link are missing.",
        "malformed",
        Some(1),
        |d| {
            d.links[1].after(|compact| compact[..compact.len() - 4].to_owned());
        },
    );
    book.deny("link-signature-too-long", "Four characters behind the signature, which a reader of fixed length would not look at: one link, many digests.", "malformed", Some(2), |d| {
        d.links[2].part(2, |signature| format!("{signature}AAAA"));
    });
}

fn base64(book: &mut Book) {
    let pad = |part: &str| format!("{part}{}", "=".repeat((4 - part.len() % 4).max(1)));
    book.deny(
        "padded-presentation-payload",
        "base64 with padding: a second spelling of the same bytes has another digest.",
        "padded_base64",
        None,
        move |d| {
            d.presentation.payload(even);
            d.presentation.part(1, pad);
        },
    );
    book.deny(
        "padded-presentation-signature",
        "Padding behind the signature of the presentation.",
        "padded_base64",
        None,
        move |d| d.presentation.part(2, pad),
    );
    book.deny(
        "padded-link-header",
        "Padding behind the header of a link.",
        "padded_base64",
        Some(0),
        move |d| {
            d.links[0].header_text(even);
            d.links[0].part(0, pad);
        },
    );
    book.deny(
        "padded-link-payload",
        "Padding behind the payload of a link.",
        "padded_base64",
        Some(1),
        move |d| {
            d.links[1].payload(even);
            d.links[1].part(1, pad);
        },
    );
    book.deny(
        "padded-link-signature",
        "Padding behind the signature of the last link: a second digest for one delegation.",
        "padded_base64",
        Some(2),
        move |d| d.links[2].part(2, pad),
    );
}

fn alphabets(book: &mut Book) {
    let standard = |part: &str| {
        assert!(part.contains(['-', '_']), "nothing to spell otherwise");
        part.replace('-', "+").replace('_', "/")
    };
    book.deny(
        "standard-alphabet-in-a-presentation",
        "base64 with `+` and `/` instead of `-` and `_`.",
        "malformed",
        None,
        move |d| {
            d.presentation.claims["ignored"] = "~~~~????>>>>".into();
            d.presentation.part(1, standard);
        },
    );
    book.deny(
        "standard-alphabet-in-a-link",
        "base64 with `+` and `/` in the payload of a link.",
        "malformed",
        Some(1),
        move |d| {
            d.claims(1)["ignored"] = "~~~~????>>>>".into();
            d.links[1].part(1, standard);
        },
    );
    book.permit("url-alphabet-in-a-link", "The same payload in the alphabet of base64url.", |d| {
        d.claims(1)["ignored"] = "~~~~????>>>>".into()
    });
}

/// A JSON text whose base64 would end in `==`.
fn even(text: String) -> String {
    let missing = (4 - text.len() % 3) % 3;
    format!("{text}{}", " ".repeat(missing))
}

fn more_base64(book: &mut Book) {
    book.deny(
        "white-space-in-a-link",
        "A line break inside base64, which lenient decoders skip.",
        "malformed",
        Some(1),
        |d| {
            d.links[1].part(1, |payload| format!("{}\n{}", &payload[..40], &payload[40..]));
        },
    );
    book.deny(
        "link-signature-with-stray-bits",
        "The last character holds four bits that no byte takes: sixteen spellings of one signature.",
        "malformed",
        Some(2),
        |d| {
            d.links[2].part(2, |signature| {
                let other = match signature.as_bytes()[85] {
                    b'A' => 'B',
                    b'Q' => 'R',
                    b'g' => 'h',
                    _ => 'x',
                };
                format!("{}{other}", &signature[..85])
            });
        },
    );
    book.permit(
        "presentation-with-a-line-break-behind-it",
        "A file or a header may end in white space; it is not part of the text.",
        |d| {
            d.bytes(|text| format!("{text}\r\n").into_bytes());
        },
    );
    book.deny("empty-payload", "Nothing between the dots.", "malformed", None, |d| {
        d.presentation.payload(|_| String::new())
    });
}
