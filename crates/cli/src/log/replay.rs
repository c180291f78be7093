//! `legation log replay`.

use super::source::each;
use crate::{
    args::ReplayArgs,
    output::{Failure, Output},
};
use legation_log::{
    entry::{self, Kind},
    replay::{Replayed, replay},
};
use serde_json::{Value, json};

/// Most differences that are told; what comes after is counted.
const MOST: usize = 100;

#[derive(Default)]
struct Sums {
    same: u64,
    erased: u64,
    beyond: u64,
    different: u64,
    told: Vec<Value>,
}

pub(crate) fn run(args: &ReplayArgs) -> Result<Output, Failure> {
    let mut sums = Sums::default();
    each(args.file.as_deref(), &args.of, &mut |index, leaf, shown| {
        let head = entry::head(leaf);
        let is_meant =
            head.is_some_and(|head| head.kind == Kind::Receipt && args.at.is_none_or(|at| head.at <= at));
        if !is_meant {
            return Ok(());
        }
        let replayed = replay(index, leaf, &shown()?);
        let replayed = replayed.map_err(|error| Failure::invalid("entry_malformed", error.to_string()))?;
        sums.add(index, head.map_or(0, |head| head.seq), replayed);
        Ok(())
    })?;
    let Sums { same, erased, beyond, different, told } = sums;
    let mut text = format!(
        "{same} decided the same again, {different} differently, {erased} erased or not shown, {beyond} not by the authority \
         alone (signatures, status, totals)\n"
    );
    for one in &told {
        let text_of = |name: &str| one.get(name).map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!(
            "receipt {}: recorded {}, now {}\n",
            text_of("seq"),
            text_of("recorded"),
            text_of("now")
        ));
    }
    let json = json!({"same": same, "different": different, "erased": erased, "beyond": beyond, "differences": told});
    Ok(Output { exit: u8::from(different > 0), ..Output::done(json, text) })
}

impl Sums {
    fn add(&mut self, index: u64, seq: i64, replayed: Replayed) {
        let count = match replayed {
            Replayed::Same => &mut self.same,
            Replayed::Erased => &mut self.erased,
            Replayed::Beyond => &mut self.beyond,
            Replayed::Different { recorded, now } => {
                if self.told.len() < MOST {
                    self.told.push(json!({"index": index, "seq": seq, "recorded": recorded, "now": now}));
                }
                &mut self.different
            }
        };
        *count = count.saturating_add(1);
    }
}
