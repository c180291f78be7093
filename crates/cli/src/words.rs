//! Words that are nearly others.

/// The word that was probably meant, where one is near.
pub(crate) fn near<'w>(typed: &str, all: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let nearest = all.min_by_key(|word| distance(word, typed))?;
    (distance(nearest, typed) <= typed.len() / 2).then_some(nearest)
}

/// How many letters must be put in, left out or replaced to come from one word to the other.
pub(crate) fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut next = vec![index + 1];
        for ((pair, found), left_out) in row.windows(2).zip(other.chars()).zip(row.iter().skip(1)) {
            let replaced = pair.first().unwrap_or(&0) + usize::from(letter != found);
            let put_in = next.last().unwrap_or(&0) + 1;
            next.push(replaced.min(put_in).min(left_out + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
