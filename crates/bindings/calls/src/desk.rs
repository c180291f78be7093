//! A verifier: its trust, the evidence that it has, what was used up.

use crate::{Failure, Holder, Look, Shown, input, place};
use legation_credential::Request;
use legation_verifier::{
    Case, Code, Denial, Evidence, LedgerLimits, MemoryLedger, Need, Presentation, Progress, Remedy, Trust,
    VerifiedChain, Verifier, approval_request, authorize_approved, gather_approvals, receipt, remedy,
    root_signed,
    verdict::{self, Yes},
    verify_approvals,
};
use serde_json::{Value, json};

/// How often evidence is asked for before it is decided with what is there: the documents of a chain, its lists, their
/// issuers, approvers.
const MAX_ROUNDS: usize = 64;

/// A verifier with its memory. What it permits is used up in this memory: a nonce once, a budget once, by this process. Several
/// processes that answer for one service need a ledger that they share, which a gateway has.
#[derive(Debug)]
pub struct Desk {
    verifier: Verifier,
    evidence: Evidence,
    ledger: MemoryLedger,
}

impl Desk {
    /// A verifier with these trust settings (`schemas/trust.schema.json`). `ledger` bounds what is remembered: `{"noncesPerKey"?,
    /// "noncesPerRoot"?, "nonces"?, "totals"?, "moments"?}`, each a number; the defaults fit a service of its own.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn new(trust: &str, ledger: Option<&str>) -> Result<Self, Failure> {
        let trust = Trust::parse(trust.as_bytes()).map_err(|error| Failure::new("trust", error))?;
        let limits = ledger.map(limits).transpose()?.unwrap_or_default();
        let ledger = MemoryLedger::with_limits(limits);
        Ok(Self { verifier: Verifier::new(trust), evidence: Evidence::new(), ledger })
    }

    /// Whom presentations have to be made for.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.verifier.trust().audience
    }

    /// Says that nothing is known of what was used up before `now` (Unix seconds), as after a start: what was signed before is
    /// refused, since it may have been used.
    pub fn begin_at(&mut self, now: i64) {
        self.ledger = core::mem::take(&mut self.ledger).begin(now);
    }

    /// Takes evidence as of a file (`schemas/evidence.schema.json`), in place of what is there.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn set_evidence(&mut self, text: &str) -> Result<(), Failure> {
        let most = self.verifier.trust().limits.status_entries;
        self.evidence =
            Evidence::parse(text.as_bytes(), most).map_err(|error| Failure::new("evidence", error))?;
        Ok(())
    }

    /// Takes what is shown. `asked` is `{"action", "resource", "facts"?, "approvals"?}`; without it the chain is verified and
    /// nothing authorized.
    ///
    /// # Errors
    /// Where `asked` can't be read, or a header can't have been sent. What is shown is judged by [`Desk::decide`].
    pub fn look(&self, shown: Shown<'_>, asked: Option<&str>, now: i64) -> Result<Look, Failure> {
        Look::begin(shown, asked, &self.verifier, &self.evidence, now)
    }

    /// Decides at `now` (Unix seconds): the verdict (`schemas/verdict.schema.json`; of a denial with the `remedy` and the
    /// `problem` that HTTP answers); or, where `fetching`, first `{"needs": […]}` with the evidence that has to be brought to the look.
    ///
    /// # Errors
    /// Where the look was decided already: what is permitted is permitted once.
    pub fn decide(&mut self, look: &mut Look, fetching: bool, now: i64) -> Result<Value, Failure> {
        if look.decided.is_some() {
            return Err(Failure::new("decided", "it was decided already; show it anew"));
        }
        match self.judge(look, fetching, now) {
            Ok(Judged::Needs(needs)) => {
                Ok(json!({"needs": needs.iter().map(place::of_need).collect::<Vec<_>>()}))
            }
            Ok(Judged::Yes(yes, record)) => {
                look.decided = Some(record);
                let request = look.request.as_ref().and_then(|request| request.as_ref().ok());
                Ok(verdict::to_json(Ok(yes), look.chain.as_ref(), request))
            }
            Err(denial) => {
                look.decided = Some(self.record_of(look, &denial, now));
                Ok(self.denied(look, &denial, now))
            }
        }
    }

    fn judge(&mut self, look: &mut Look, fetching: bool, now: i64) -> Result<Judged, Denial> {
        let presentation = look.presentation.as_ref().map_err(Clone::clone)?;
        let fetching = fetching && look.brought.len() < MAX_ROUNDS;
        // What was asked for is shared whatever comes of it: a stranger who names a trusted root makes nobody fetch its document again and
        // again.
        for need in look.brought.iter().skip(look.shared) {
            self.evidence.add_for(need, presentation, &look.evidence, self.verifier.trust(), now);
        }
        look.shared = look.brought.len();
        let chain = if fetching {
            match self.verifier.advance(presentation, &look.evidence, &look.nonce, now)? {
                Progress::Needs(needs) => return Ok(Judged::Needs(needs)),
                Progress::Verified(chain) => chain,
            }
        } else {
            self.verifier.verify(presentation, &look.evidence, &look.nonce, now)?
        };
        // Documents of approvers are not of those that the chain names.
        if let Some(Ok(request)) = &look.request {
            let approvals: Vec<&str> = look.approvals.iter().map(String::as_str).collect();
            for need in
                gather_approvals(&approvals, &chain, request, self.verifier.trust(), &look.evidence, now)
            {
                look.evidence.take_since(&need, &self.evidence, i64::MIN);
            }
        }
        let chain = look.chain.insert(chain);
        match &look.request {
            None => {
                let record = receipt::of_chain(chain, self.verifier.trust(), now);
                Ok(Judged::Yes(Yes::Valid, record))
            }
            Some(Err(denial)) => Err(denial.clone()),
            Some(Ok(request)) => authorize(
                (chain, request, &look.approvals, &look.evidence),
                (&mut self.ledger, self.verifier.trust()),
                fetching,
                now,
            ),
        }
    }

    fn record_of(&self, look: &Look, denial: &Denial, now: i64) -> Vec<u8> {
        let request = look.request.as_ref().and_then(|request| request.as_ref().ok());
        let (presented, chain) = (look.record.as_slice(), look.chain.as_ref());
        let subject = receipt::Subject { presented, chain, request, transcript: None };
        receipt::of_denial(denial, subject, self.verifier.trust(), now)
    }

    fn denied(&self, look: &Look, denial: &Denial, now: i64) -> Value {
        let request = look.request.as_ref().and_then(|request| request.as_ref().ok());
        let case = Case {
            presented: &look.record,
            presentation: look.presentation.as_ref().ok(),
            trust: self.verifier.trust(),
            evidence: &look.evidence,
            nonce: &look.nonce,
            now,
            chain: look.chain.as_ref(),
            request,
            ledger: Some(&self.ledger),
        };
        let remedy = remedy(denial, &case).as_ref().map(Remedy::to_json);
        let mut json = verdict::to_json(Err(denial), look.chain.as_ref(), request);
        if let Some(members) = json.as_object_mut() {
            members.insert("problem".to_owned(), self.problem(look, denial, now));
            members.extend(remedy.map(|remedy| ("remedy".to_owned(), remedy)));
        }
        json
    }

    /// What is told to whoever asked, over HTTP (RFC 9457): nothing of the trust, before a trusted root's signature was shown.
    fn problem(&self, look: &Look, denial: &Denial, now: i64) -> Value {
        let trust = self.verifier.trust();
        let is_signed = |one: &Presentation| root_signed(one, trust, &look.evidence, now).is_ok();
        let told = match look.presentation.as_ref() {
            Ok(presentation) if is_signed(presentation) => denial.clone(),
            _ => denial.clone().without_trust(),
        };
        let mut problem = json!({
            "type": "about:blank", "status": told.code.http_status(), "detail": told.to_string(),
            "code": told.code.as_str(), "link": told.link, "expected": told.expected, "found": told.found,
            "cure": told.code.cure(),
        });
        let request = look.request.as_ref().and_then(|request| request.as_ref().ok());
        if let (Code::ApprovalRequired, Some(chain), Some(request), Some(members)) =
            (told.code, &look.chain, request, problem.as_object_mut())
        {
            members.insert("approval".to_owned(), approval_request(chain, request).to_json());
        }
        problem
    }

    /// Signs the receipt of a decision that this verifier made, in the name of its audience: `{"receipt"}`.
    ///
    /// # Errors
    /// Where nothing is decided yet, the holder is not this verifier, or it does not sign.
    pub fn receipt(&self, look: &Look, holder: &Holder, given: Option<&[u8]>) -> Result<Value, Failure> {
        let record = look.decided.as_ref();
        let record = record.ok_or_else(|| Failure::new("undecided", "nothing is decided yet"))?;
        let audience = &self.verifier.trust().audience;
        if audience != holder.did().as_str() {
            let message =
                format!("the trust's audience is `{audience}`, and `{}` can't sign for it", holder.did());
            return Err(Failure::new("signer_mismatch", message));
        }
        holder.sign_with(given, |key_id, signer| {
            receipt::sign(record, key_id, signer)
                .map(|receipt| json!({"receipt": receipt}))
                .map_err(|error| Failure::new("sign", error))
        })
    }
}

fn limits(text: &str) -> Result<LedgerLimits, Failure> {
    let names = ["noncesPerKey", "noncesPerRoot", "nonces", "totals", "moments"];
    let object = input::object("ledger", text, &names)?;
    let mut limits = LedgerLimits::default();
    let fields = [
        &mut limits.nonces_per_key,
        &mut limits.nonces_per_root,
        &mut limits.nonces,
        &mut limits.totals,
        &mut limits.moments,
    ];
    for (name, field) in names.into_iter().zip(fields) {
        if let Some(number) = input::integer(&object, name)? {
            *field = usize::try_from(number).map_err(|_| Failure::input(name, "a number from 0 on"))?;
        }
    }
    Ok(limits)
}

enum Judged {
    Needs(Vec<Need>),
    Yes(Yes, Vec<u8>),
}

/// Authorizes and commits.
fn authorize(
    (chain, request, approvals, evidence): (&VerifiedChain, &Request, &[String], &Evidence),
    (ledger, trust): (&mut MemoryLedger, &Trust),
    fetching: bool,
    now: i64,
) -> Result<Judged, Denial> {
    let approvals: Vec<&str> = approvals.iter().map(String::as_str).collect();
    if fetching {
        let needs = gather_approvals(&approvals, chain, request, trust, evidence, now);
        if !needs.is_empty() {
            return Ok(Judged::Needs(needs));
        }
    }
    let approvals = verify_approvals(&approvals, chain, request, trust, evidence, now);
    let permit = authorize_approved(chain, request, &approvals, now).into_permit()?;
    let committed = ledger.commit(permit, now)?;
    Ok(Judged::Yes(Yes::Permit, receipt::of_permit(&committed, chain, trust)))
}
