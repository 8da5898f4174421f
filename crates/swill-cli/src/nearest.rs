//! What a user may have meant.

/// The name that is most like `wrong`, if one is like it at all.
pub(crate) fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let letters = wrong.chars().count();
    let most = (letters / 3).max(1).min(letters.saturating_sub(1));
    let close = |name: &&str| {
        let last = name.rsplit('.').next().unwrap_or_default();
        if last == wrong || name.eq_ignore_ascii_case(wrong) { 0 } else { distance(wrong, name) }
    };
    let best = names.into_iter().map(|name| (close(&name), name)).min_by_key(|(distance, _)| *distance);
    best.filter(|(distance, _)| *distance <= most).map(|(_, name)| name)
}

/// How many letters have to be changed, added, taken away or swapped with the next to get from one word to the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, letter) in left.chars().enumerate() {
        let mut this = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let changed = last[column] + usize::from(letter != *other);
            let mut best = changed.min(last[column + 1] + 1).min(this[column] + 1);
            if column > 0 && previous == Some(*other) && right[column - 1] == letter {
                best = best.min(before[column - 1] + 1);
            }
            this.push(best);
        }
        before = std::mem::replace(&mut last, this);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognized_and_other_words_are_not() {
        let names = ["add", "count", "rooms.join", "rooms.leave", "describe"];
        for (wrong, meant) in [
            ("ad", Some("add")),
            ("dad", Some("add")),
            ("cuont", Some("count")),
            ("Count", Some("count")),
            ("join", Some("rooms.join")),
            ("rooms.levae", Some("rooms.leave")),
            ("xyz", None),
            ("", None),
            ("b", None),
        ] {
            assert_eq!(nearest(wrong, names), meant, "{wrong}");
        }
    }

    #[test]
    fn distances_count_what_a_hand_does_wrong() {
        for (left, right, expected) in
            [("", "", 0), ("a", "", 1), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }
}
