//! Pictures: the timeline, and who decided how much, as SVG without scripts.

use super::facts::{BARS, Facts};
use super::page::escape;

const WIDTH: u64 = 720;

/// Permits and denials over time.
pub(super) fn timeline(facts: &Facts) -> String {
    let bars = facts.bars();
    let most = bars.iter().map(|(permits, denials)| permits + denials).max().unwrap_or(0).max(1);
    let step = WIDTH / u64::try_from(BARS).unwrap_or(1);
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} 140\" role=\"img\" aria-label=\"decisions over time\">");
    for (place, (permits, denials)) in (0_u64..).zip(&bars) {
        let (high, low) = (permits * 110 / most, denials * 110 / most);
        let x = place * step;
        svg.push_str(&format!(
            "<rect class=\"permit\" x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{high}\"/><rect class=\"deny\" x=\"{x}\" y=\"{}\" \
             width=\"{}\" height=\"{low}\"/>",
            120 - high,
            step - 2,
            120 - high - low,
            step - 2
        ));
    }
    svg.push_str(&format!("<path d=\"M0 120H{WIDTH}\"/></svg>"));
    svg
}

/// Permits and denials by agent, those with the most first.
pub(super) fn by_agent(facts: &Facts) -> String {
    let mut agents: Vec<(&String, &(u64, u64))> = facts.agents.iter().collect();
    agents.sort_by_key(|(_, (permits, denials))| core::cmp::Reverse(permits + denials));
    agents.truncate(20);
    let most = agents.iter().map(|(_, (permits, denials))| permits + denials).max().unwrap_or(0).max(1);
    let height = 26 * u64::try_from(agents.len()).unwrap_or_default() + 8;
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"decisions by agent\">");
    for (place, (agent, (permits, denials))) in (0_u64..).zip(agents) {
        let (y, wide, more) = (place * 26 + 4, permits * 320 / most, denials * 320 / most);
        let name = escape(agent);
        svg.push_str(&format!(
            "<text x=\"0\" y=\"{}\">{name}</text><rect class=\"permit\" x=\"380\" y=\"{y}\" width=\"{wide}\" height=\"18\"/>\
             <rect class=\"deny\" x=\"{}\" y=\"{y}\" width=\"{more}\" height=\"18\"/>",
            y + 14,
            380 + wide
        ));
    }
    svg.push_str("</svg>");
    svg
}

/// Who acts for whom: a line from each principal to its agents.
pub(super) fn delegations(facts: &Facts) -> String {
    let chains: Vec<(&(String, String), &usize)> = facts.chains.iter().take(40).collect();
    let height = 26 * u64::try_from(chains.len()).unwrap_or_default() + 8;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"delegations\">");
    for (place, ((principal, agent), links)) in (0_u64..).zip(chains) {
        let y = place * 26 + 18;
        svg.push_str(&format!(
            "<text x=\"0\" y=\"{y}\">{}</text><path d=\"M300 {mid}H370\"/><text x=\"310\" y=\"{up}\" class=\"small\">{links} links</text>\
             <text x=\"380\" y=\"{y}\">{}</text>",
            escape(principal),
            escape(agent),
            mid = y - 5,
            up = y - 8
        ));
    }
    svg.push_str("</svg>");
    svg
}
