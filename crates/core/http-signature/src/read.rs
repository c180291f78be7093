//! Reading the signature of a request, and holding it against the request.

use crate::{
    Message,
    base::{base, is_plain},
    digest,
    error::{HeaderError, ReadError, shorten},
    field::{self, Member, Value},
    input::{self, Input},
    message::{AGENT_DELEGATION, CONTENT_DIGEST, SIGNATURE},
};
use legation_keys::public::Signature;
use legation_verifier::Proof;
use sfv::BareItem;

/// Reads the one signature that covers `agent-delegation`, under whatever label, and holds it
/// against the request: what it covers, its parameters, the digest of the body.
///
/// The proof that comes out is not believed yet. That its key belongs to the chain's last subject,
/// that the signature fits, that it is of now and that its nonce is new, is the verifier's to check.
///
/// # Errors
/// [`ReadError`], the first rule that is broken: form, coverage, parameters, body, signature.
pub fn read(message: &Message<'_>) -> Result<Proof, ReadError> {
    if message.headers.get_all(AGENT_DELEGATION).iter().nth(1).is_some() {
        return Err(HeaderError::Repeated.into());
    }
    let input = ours(input::read_all(message)?)?;
    check_coverage(message, &input)?;
    let parameters = input::parameters(&input.params)?;
    let signing_input = base(message, &input.components, &input.params)?;
    digest::check(message, &input)?;
    let signature = signature(message, input.label.as_str())?;
    Ok(Proof {
        signing_input,
        algorithm: parameters.algorithm,
        key_thumbprint: parameters.key_thumbprint,
        signature,
        nonce: parameters.nonce,
        created: parameters.created,
        expires: parameters.expires,
    })
}

pub(crate) fn covers(input: &Input, name: &str) -> bool {
    input.components.iter().any(|component| is_plain(component, name))
}

/// The one that covers `agent-delegation`; the others are somebody else's.
fn ours(inputs: Vec<Input>) -> Result<Input, ReadError> {
    let mut ours = inputs.into_iter().filter(|input| covers(input, AGENT_DELEGATION));
    let one = ours.next().ok_or(ReadError::Uncovered { component: AGENT_DELEGATION })?;
    match ours.next() {
        None => Ok(one),
        Some(_) => Err(ReadError::Several),
    }
}

fn check_coverage(message: &Message<'_>, input: &Input) -> Result<(), ReadError> {
    let body: &[_] = if message.body.is_empty() { &[] } else { &[CONTENT_DIGEST] };
    for component in ["@method", "@target-uri"].iter().chain(body) {
        if !covers(input, component) {
            return Err(ReadError::Uncovered { component });
        }
    }
    Ok(())
}

/// The signature of that label: 64 bytes, without parameters, which nothing would cover.
pub(crate) fn signature(message: &Message<'_>, label: &str) -> Result<Signature, ReadError> {
    let dictionary = message.dictionary(SIGNATURE)?;
    let wrong = |found: &str| ReadError::Signature { label: shorten(label), found: found.to_owned() };
    match field::member(&dictionary, label).ok_or_else(|| wrong("nothing"))? {
        Member { params, .. } if !params.is_empty() => Err(wrong("parameters")),
        Member { value: Value::Item(BareItem::ByteSequence(bytes)), .. } => {
            bytes.as_slice().try_into().map_err(|_| wrong(&format!("{} bytes", bytes.len())))
        }
        _ => Err(wrong("another kind")),
    }
}
