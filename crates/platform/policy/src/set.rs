//! All that is bound, which decides.

mod always;

use crate::{
    asked::{Asked, Built},
    document::{Document, Statement},
    index::Index,
    principal::{Principal, Target},
    verdict::{By, Outcome, Verdict},
};
use cedar_policy::{AuthorizationError, Authorizer, Decision, Policy, PolicyId, PolicySet};
use legation_keys::base64url;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

/// Most documents of an organization that are bound.
pub const MAX_DOCUMENTS: usize = 10_000;
/// Most statements that are kept put together.
const KEPT: usize = 100_000;

/// A document, and somebody whom it is bound to.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The document.
    pub document: Arc<Document>,
    /// Whom it is bound to.
    pub target: Target,
}

/// All that is bound at a moment.
#[derive(Debug)]
pub struct Set {
    documents: Vec<(Arc<Document>, BTreeSet<Target>)>,
    /// The statements by number: their document's and their own place.
    statements: Vec<(usize, Statement)>,
    numbers: HashMap<PolicyId, u32>,
    index: Index,
    /// Documents that list what is allowed, by whom they are bound to.
    lists: HashMap<Target, Vec<usize>>,
    digest: String,
    slices: Mutex<Slices>,
    open: always::Open,
}

/// Statements that were put together for a request, by their numbers.
#[derive(Debug, Default)]
struct Slices {
    sets: HashMap<Vec<u32>, Arc<PolicySet>>,
    statements: usize,
}

impl Set {
    /// All of these.
    #[must_use]
    pub fn of(bound: impl IntoIterator<Item = Bound>) -> Self {
        let mut by_label: BTreeMap<(String, i64), (Arc<Document>, BTreeSet<Target>)> = BTreeMap::new();
        for Bound { document, target } in bound {
            let label = (document.name().to_owned(), document.version());
            by_label.entry(label).or_insert_with(|| (document, BTreeSet::new())).1.insert(target);
        }
        let documents: Vec<_> = by_label.into_values().collect();
        let mut digest = Sha256::new_with_prefix("legation policies\n");
        let mut lists: HashMap<Target, Vec<usize>> = HashMap::new();
        let mut statements = Vec::new();
        for (number, (document, targets)) in documents.iter().enumerate() {
            for target in targets {
                let text = base64url::encode(&document.digest());
                digest.update(format!("{} {text} {target}\n", document.label()));
                if document.lists() {
                    lists.entry(target.clone()).or_default().push(number);
                }
            }
            statements.extend(document.statements.iter().map(|statement| (number, statement.clone())));
        }
        let index = Index::of(statements.iter().map(|(_, statement)| &statement.policy));
        let numbers =
            (0_u32..).zip(&statements).map(|(number, (_, one))| (one.policy.id().clone(), number)).collect();
        let digest = base64url::encode(&digest.finalize());
        let open = always::Open::of(statements.len());
        Self { documents, statements, numbers, index, lists, digest, slices: Mutex::default(), open }
    }

    /// Whether nothing is bound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// The documents, each with all whom it is bound to.
    pub fn documents(&self) -> impl Iterator<Item = (&Arc<Document>, &BTreeSet<Target>)> {
        self.documents.iter().map(|(document, targets)| (document, targets))
    }

    /// SHA-256 over names, versions, texts and bindings, base64url: what receipts name it by.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Decides on a request that the chain permits.
    ///
    /// ```
    /// # use legation_credential::{Facts, Possession, Request};
    /// use legation_policy::{Asked, Bound, Document, Kind, Principal, Set, Target};
    ///
    /// let text = r#"forbid (principal, action, resource == Model::"gpt-5");"#;
    /// let document = std::sync::Arc::new(Document::parse("no-gpt-5", 1, text).unwrap());
    /// let set = Set::of([Bound { document, target: Target::Tag("pii".to_owned()) }]);
    ///
    /// let request = Request::new("model:chat", "https://acme.example/models/standard/gpt-5", Facts::new()).unwrap();
    /// let did = "did:web:acme.example:agents:bot";
    /// let mut bot = Principal { name: "bot".to_owned(), ..Principal::of_did(Kind::Agent, did) };
    /// bot.tags.push("pii".to_owned());
    /// let asked = Asked {
    ///     host: "acme.example", organization: "did:web:acme.example", principals: &[bot], agent: did,
    ///     root: "did:web:acme.example", links: 2, possession: Possession::Vouched, status_age: None,
    ///     request: &request, at: 1_800_000_000,
    /// };
    /// assert_eq!(set.decide(&asked).code(), Some("policy_denied"));
    /// ```
    #[must_use]
    pub fn decide(&self, asked: &Asked<'_>) -> Verdict {
        self.decide_by(asked, |built| self.index.candidates(&built.named))
    }

    /// The same by looking at every statement that is bound: what [`Set::decide`] is held to.
    #[doc(hidden)]
    #[must_use]
    pub fn decide_whole(&self, asked: &Asked<'_>) -> Verdict {
        self.decide_by(asked, |_| (0_u32..).zip(&self.statements).map(|(number, _)| number).collect())
    }

    fn decide_by(&self, asked: &Asked<'_>, candidates: impl Fn(&Built) -> Vec<u32>) -> Verdict {
        let mut policies = BTreeSet::new();
        if self.is_empty() {
            return Verdict::through(Vec::new());
        }
        for principal in asked.principals {
            let verdict = self.decide_for(principal, asked, &candidates);
            if !verdict.is_through() {
                return verdict;
            }
            policies.extend(verdict.policies);
        }
        Verdict::through(policies.into_iter().collect())
    }

    fn decide_for(
        &self,
        principal: &Principal,
        asked: &Asked<'_>,
        candidates: impl Fn(&Built) -> Vec<u32>,
    ) -> Verdict {
        let targets = Target::all_of(principal);
        let built = match asked.build(principal) {
            Ok(built) => built,
            Err(why) => return Verdict { outcome: Outcome::Failed(None, why), policies: Vec::new() },
        };
        let mut slice = candidates(&built);
        slice.retain(|number| self.is_bound(*number, &targets));
        let lists: BTreeSet<usize> =
            targets.iter().filter_map(|target| self.lists.get(target)).flatten().copied().collect();
        if slice.is_empty() && lists.is_empty() {
            return Verdict::through(Vec::new());
        }
        let Some(set) = self.put_together(slice) else {
            let why = "the policies can't be put together".to_owned();
            return Verdict { outcome: Outcome::Failed(None, why), policies: Vec::new() };
        };
        let answer = Authorizer::new().is_authorized(&built.request, &set, &built.entities);
        let reasons = answer.diagnostics().reason().filter_map(|id| self.numbers.get(id));
        let mut reasons: Vec<u32> = reasons.copied().collect();
        reasons.sort_unstable();
        if answer.decision() == Decision::Deny {
            return self.forbidden(&reasons);
        }
        if let Some(AuthorizationError::PolicyEvaluationError(error)) = answer.diagnostics().errors().next() {
            let by = self.numbers.get(error.policy_id()).and_then(|number| self.by(*number));
            let policies = by.iter().map(|by| by.policy.clone()).collect();
            return Verdict { outcome: Outcome::Failed(by, error.inner().to_string()), policies };
        }
        let fits: BTreeSet<usize> = reasons.iter().filter_map(|number| self.document(*number)).collect();
        let label = |number: &usize| {
            self.documents.get(*number).map(|(document, _)| document.label()).unwrap_or_default()
        };
        match lists.difference(&fits).next() {
            Some(number) => {
                let policy = label(number);
                Verdict { outcome: Outcome::NotListed(policy.clone()), policies: vec![policy] }
            }
            None => Verdict::through(fits.iter().map(label).collect()),
        }
    }

    fn forbidden(&self, reasons: &[u32]) -> Verdict {
        let by: Vec<By> = reasons.iter().filter_map(|number| self.by(*number)).collect();
        let policies: BTreeSet<String> = by.iter().map(|by| by.policy.clone()).collect();
        let outcome = match by.into_iter().next() {
            Some(first) => Outcome::Forbidden(first),
            None => Outcome::Failed(None, "nobody knows which policy denies".to_owned()),
        };
        Verdict { outcome, policies: policies.into_iter().collect() }
    }

    fn document(&self, number: u32) -> Option<usize> {
        self.statement(number).map(|(document, _)| *document)
    }

    fn statement(&self, number: u32) -> Option<&(usize, Statement)> {
        self.statements.get(usize::try_from(number).ok()?)
    }

    fn by(&self, number: u32) -> Option<By> {
        let (document, statement) = self.statement(number)?;
        let (document, _) = self.documents.get(*document)?;
        Some(By::new(document.label(), statement.line, statement.policy.annotation("reason")))
    }

    fn is_bound(&self, number: u32, targets: &[Target]) -> bool {
        let bound = self.document(number).and_then(|document| self.documents.get(document));
        bound.is_some_and(|(_, bound)| targets.iter().any(|target| bound.contains(target)))
    }

    /// Statements by their numbers as Cedar takes them, with one that permits all that they don't forbid: what isn't listed where a
    /// document lists what is allowed is found by the reasons.
    fn put_together(&self, slice: Vec<u32>) -> Option<Arc<PolicySet>> {
        let mut slices = self.slices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = slices.sets.get(&slice) {
            return Some(Arc::clone(set));
        }
        let mut set = PolicySet::new();
        set.add(everything()?).ok()?;
        for number in &slice {
            set.add(self.statement(*number)?.1.policy.clone()).ok()?;
        }
        let set = Arc::new(set);
        if slices.statements.saturating_add(slice.len()).saturating_add(1) > KEPT {
            *slices = Slices::default();
        }
        slices.statements = slices.statements.saturating_add(slice.len()).saturating_add(1);
        slices.sets.insert(slice, Arc::clone(&set));
        Some(set)
    }
}

/// `permit (principal, action, resource);`. No name of a document can be its id, which has no `@`.
fn everything() -> Option<Policy> {
    static ALL: std::sync::LazyLock<Option<Policy>> = std::sync::LazyLock::new(|| {
        Policy::parse(Some(PolicyId::new("everything")), "permit (principal, action, resource);").ok()
    });
    ALL.clone()
}
