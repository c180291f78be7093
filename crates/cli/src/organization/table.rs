//! Tables for people.

use crate::output::one_line;

/// Columns under their heads, each as wide as its widest cell.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let rows: Vec<Vec<String>> = core::iter::once(&heads)
        .chain(rows)
        .map(|row| row.iter().map(|cell| one_line(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Facts under one another, by their names. What is empty is left out.
pub(crate) fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        text.push_str(&format!("  {name:<width$}  {}\n", one_line(fact)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_breaks_no_line_and_columns_stand_under_their_heads() {
        let rows = [vec!["a".to_owned(), "b\nc".to_owned()], vec!["ünder".to_owned(), String::new()]];
        assert_eq!(table(&["x", "yy"], &rows), "x      yy\na      b c\nünder\n");
        assert_eq!(
            facts(&[("a", "1".to_owned()), ("long", String::new()), ("b", "2\n3".to_owned())]),
            "  a     1\n  b     2 3\n"
        );
    }
}
