//! What differs between two texts, line by line.

/// Most cells of the table that is filled: beyond it the middle is told as taken out and put in whole.
const CELLS: usize = 1 << 20;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'t> {
    Same(&'t str),
    Out(&'t str),
    In(&'t str),
}

/// The lines of both, in order: as many as can be stay the same.
pub(crate) fn lines<'t>(before: &'t str, after: &'t str) -> Vec<Line<'t>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let begin = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (old.get(begin..).unwrap_or_default(), new.get(begin..).unwrap_or_default());
    let end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_mid, last) = old_rest.split_at(old_rest.len() - end);
    let (new_mid, _) = new_rest.split_at(new_rest.len() - end);
    let same = |lines: &[&'t str]| lines.iter().map(|line| Line::Same(line)).collect::<Vec<_>>();
    let mut all = same(old.get(..begin).unwrap_or_default());
    all.extend(middle(old_mid, new_mid));
    all.extend(same(last));
    all
}

/// By the longest common subsequence.
fn middle<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    let width = new.len() + 1;
    let cells = (old.len() + 1).saturating_mul(width);
    if cells > CELLS {
        return old.iter().map(|line| Line::Out(line)).chain(new.iter().map(|line| Line::In(line))).collect();
    }
    // How many lines can stay from here on, counted from the end.
    let mut stay = vec![0_u32; cells];
    let at = |stay: &[u32], i: usize, j: usize| stay.get(i * width + j).copied().unwrap_or_default();
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let most = match old.get(i) == new.get(j) {
                true => at(&stay, i + 1, j + 1) + 1,
                false => at(&stay, i + 1, j).max(at(&stay, i, j + 1)),
            };
            if let Some(cell) = stay.get_mut(i * width + j) {
                *cell = most;
            }
        }
    }
    let (mut i, mut j, mut all) = (0, 0, Vec::with_capacity(old.len() + new.len()));
    loop {
        match (old.get(i), new.get(j)) {
            (Some(line), Some(other)) if line == other => {
                all.push(Line::Same(line));
                (i, j) = (i + 1, j + 1);
            }
            (Some(line), other) if other.is_none() || at(&stay, i + 1, j) >= at(&stay, i, j + 1) => {
                all.push(Line::Out(line));
                i += 1;
            }
            (_, Some(line)) => {
                all.push(Line::In(line));
                j += 1;
            }
            (_, None) => return all,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    fn told(before: &str, after: &str) -> String {
        let one = |line: &Line<'_>| match line {
            Line::Same(text) => format!(" {text}"),
            Line::Out(text) => format!("-{text}"),
            Line::In(text) => format!("+{text}"),
        };
        lines(before, after).iter().map(one).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn what_stays_stays_and_the_rest_goes_or_comes() {
        for (before, after, expected) in [
            ("", "", ""),
            ("a", "a", " a"),
            ("", "a\nb", "+a|+b"),
            ("a\nb", "", "-a|-b"),
            ("a\nb\nc", "a\nx\nc", " a|-b|+x| c"),
            ("a\nb\nc\nd", "b\nc\ne\nd", "-a| b| c|+e| d"),
            ("a\na\na", "a\na", " a| a|-a"),
            ("x\ny", "y\nx", "-x| y|+x"),
        ] {
            assert_eq!(told(before, after), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn each_side_can_be_read_out_of_it_and_what_is_too_much_is_told_whole() {
        let before: String = (0..3000).map(|one| format!("{one}\n")).collect();
        let after: String = (0..3000).rev().map(|one| format!("{one}\n")).collect();
        let all = lines(&before, &after);
        let side = |out: bool| {
            all.iter()
                .filter_map(|line| match line {
                    Line::Same(text) => Some(*text),
                    Line::Out(text) if out => Some(*text),
                    Line::In(text) if !out => Some(*text),
                    _ => None,
                })
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        assert_eq!((side(true), side(false)), (before, after));
    }
}
