//! What was taken of totals, as the entries before say it.

use crate::entry::Head;
use legation_credential::{Amount, Debit, Request, Value, window::Window};
use legation_keys::json::Json;
use std::collections::{HashMap, VecDeque};

/// Millionths of a minor unit.
const MICROS: i64 = 1_000_000;
/// Most permits that wait to be settled.
const OPEN: usize = 1_000_000;

/// What a limit counts, by its name in receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Money of a currency.
    Money(String),
    /// A fact.
    Fact(String),
    /// How often.
    Actions,
}

impl Counts {
    /// Of a limit's name, such as `spend USD in 60 s`.
    ///
    /// ```
    /// use legation_log::replay::totals::Counts;
    ///
    /// assert_eq!(Counts::of("spend USD in a calendar day in UTC"), Some(Counts::Money("USD".to_owned())));
    /// assert_eq!(Counts::of("total \"tokens in\" in 60 s for pay.*"), Some(Counts::Fact("tokens in".to_owned())));
    /// assert_eq!(Counts::of("actions in 60 s"), Some(Counts::Actions));
    /// ```
    #[must_use]
    pub fn of(limit: &str) -> Option<Self> {
        if let Some(rest) = limit.strip_prefix("spend ") {
            return Some(Self::Money(rest.split(' ').next()?.to_owned()));
        }
        if limit.starts_with("actions in ") {
            return Some(Self::Actions);
        }
        let rest = limit.strip_prefix("total ")?;
        let mut fact = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        Some(Self::Fact(fact.next()?.ok()?))
    }

    /// What a debit says that it took of such a limit: millionths of a minor unit of money.
    pub(crate) fn taken(&self, debit: &Json<'_>) -> i64 {
        let number = |name: &str| debit.get(name).and_then(Json::as_integer);
        match (number("amountMicros"), number("amount"), self) {
            (Some(micros), ..) => micros,
            (None, Some(amount), Self::Money(_)) => amount.saturating_mul(MICROS),
            (None, amount, _) => amount.unwrap_or_default(),
        }
    }

    /// The most of a limit, in the same unit.
    fn most(&self, debit: &Json<'_>) -> i64 {
        let most = debit.get("most").and_then(Json::as_integer).unwrap_or_default();
        if let Self::Money(_) = self { most.saturating_mul(MICROS) } else { most }
    }

    /// What a settlement says that it really was, in the same unit.
    pub(crate) fn settled(&self, settlement: &Json<'_>) -> Option<i64> {
        match self {
            Self::Money(_) => settlement.get("amountMicros").and_then(Json::as_integer),
            Self::Fact(name) => settlement.get("facts")?.get(name)?.as_integer(),
            Self::Actions => None,
        }
    }

    /// What a request asks of it, in the same unit.
    fn asked(&self, request: &Request) -> Option<i64> {
        match self {
            Self::Money(currency) => {
                let is_of = request.facts().get("currency") == Some(&Value::Text(currency.clone()));
                is_of.then(|| Amount::of(request.facts()).map(|amount| amount.micros)).flatten()
            }
            Self::Fact(name) => match request.facts().get(name) {
                Some(Value::Integer(number)) => Some(*number),
                _ => None,
            },
            Self::Actions => Some(1),
        }
    }
}

/// The window of a limit, by its name in receipts.
fn window(limit: &str) -> Option<Window> {
    let read = |(at, _): (usize, &str)| {
        let rest = limit.get(at..)?.strip_prefix(" in ")?;
        Window::read(rest).or_else(|| Window::read(rest.rsplit_once(" for ")?.0))
    };
    limit.match_indices(" in ").find_map(read)
}

/// A total: its account and limit.
type Key = (String, String);

#[derive(Debug)]
struct Total {
    counts: Counts,
    window: Window,
    /// The SHA-256 of the delegation whose it is, base64url; empty of a ceiling.
    link: String,
    most: i64,
    /// What was taken: as of which moment, by which receipt, how much.
    taken: VecDeque<(i64, i64, i64)>,
}

impl Total {
    /// What counts at a moment.
    fn sum(&mut self, at: i64) -> i128 {
        let before = self.window.before(at);
        while self.taken.front().is_some_and(|(moment, ..)| *moment <= before) {
            self.taken.pop_front();
        }
        let counts = self.taken.iter().filter(|(moment, ..)| *moment > before);
        counts.map(|(.., amount)| i128::from(*amount)).sum()
    }
}

/// Whether a permit took what its authority says that it takes.
pub(super) fn is_debited(entry: &Json<'_>, due: &Debit<'_>) -> bool {
    let limit = due.key.total();
    let Some(counts) = Counts::of(&limit) else { return false };
    let all = entry.get("consumed").and_then(|consumed| consumed.get("debits")).and_then(Json::as_array);
    all.unwrap_or_default().iter().any(|one| {
        one.get("limit").and_then(Json::as_str) == Some(limit.as_str())
            && (counts.taken(one), counts.most(one)) == (due.amount, due.most)
    })
}

/// What was taken of all totals so far.
#[derive(Debug, Default)]
pub struct Totals {
    all: HashMap<Key, Total>,
    open: HashMap<i64, Vec<Key>>,
}

impl Totals {
    /// Counts what a permit took; gives the limit of a total that holds more by it than it may.
    pub(super) fn permit(&mut self, head: &Head, entry: &Json<'_>) -> Option<String> {
        let links = entry.get("chain").and_then(Json::as_array).unwrap_or_default();
        let debits =
            entry.get("consumed").and_then(|consumed| consumed.get("debits")).and_then(Json::as_array);
        let (mut keys, mut over) = (Vec::new(), None);
        for debit in debits.unwrap_or_default() {
            let text = |name: &str| debit.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
            let (account, limit) = (text("account"), text("limit"));
            let Some((counts, window)) = Counts::of(&limit).zip(window(&limit)) else { continue };
            let amount = counts.taken(debit);
            let link =
                debit.get("link").and_then(Json::as_integer).and_then(|link| usize::try_from(link).ok());
            let link = link.and_then(|link| links.get(link)).and_then(Json::as_str).unwrap_or_default();
            let total = self.all.entry((account.clone(), limit.clone())).or_insert_with(|| Total {
                counts: counts.clone(),
                window,
                link: String::new(),
                most: 0,
                taken: VecDeque::new(),
            });
            link.clone_into(&mut total.link);
            total.most = counts.most(debit);
            total.taken.push_back((window.moment(head.at), head.seq, amount));
            if over.is_none() && total.sum(head.at) > i128::from(total.most) {
                over = Some(limit.clone());
            }
            keys.push((account, limit));
        }
        if !keys.is_empty() && self.open.len() < OPEN {
            self.open.insert(head.seq, keys);
        }
        over
    }

    /// Lowers what a permit took to what it really cost.
    pub(super) fn settle(&mut self, of: i64, settlement: &Json<'_>) {
        for key in self.open.remove(&of).unwrap_or_default() {
            let Some(total) = self.all.get_mut(&key) else { continue };
            let Some(actual) = total.counts.settled(settlement) else { continue };
            // Receipts have ascending numbers.
            let at = total.taken.partition_point(|(_, seq, _)| *seq < of);
            if let Some((_, seq, amount)) = total.taken.get_mut(at)
                && *seq == of
            {
                *amount = actual;
            }
        }
    }

    /// Whether some total of a chain holds too much for what is asked.
    pub(super) fn is_full(&mut self, at: i64, entry: &Json<'_>, request: &Request) -> bool {
        let links = entry.get("chain").and_then(Json::as_array).unwrap_or_default();
        let link = entry.get("link").and_then(Json::as_integer).and_then(|link| usize::try_from(link).ok());
        let link = link.and_then(|link| links.get(link)).and_then(Json::as_str);
        let mut meant = self.all.values_mut().filter(|total| Some(total.link.as_str()) == link);
        meant.any(|total| {
            let asked = total.counts.asked(request);
            asked.is_some_and(|asked| total.sum(at) + i128::from(asked) > i128::from(total.most))
        })
    }
}
