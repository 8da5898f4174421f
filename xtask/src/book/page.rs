//! A page of Markdown taken apart: its blocks of code with what is said about them, its headings, its links.

/// A fenced block of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block<'t> {
    /// The line of its fence, from 1.
    pub(crate) line: usize,
    /// What stands behind the fence, such as `rust,no_run`.
    pub(crate) info: &'t str,
    /// What is inside.
    pub(crate) text: &'t str,
    /// The comment on the line above the fence, without its signs: `runs: node`.
    pub(crate) mark: Option<&'t str>,
}

impl<'t> Block<'t> {
    /// The language, without attributes.
    pub(crate) fn language(&self) -> &'t str {
        self.info.split(',').next().unwrap_or_default()
    }

    /// What a mark of this name says: `node` of `runs: node`, nothing of `prints`.
    pub(crate) fn marked(&self, name: &str) -> Option<&'t str> {
        let rest = self.mark?.strip_prefix(name)?;
        match rest.strip_prefix(':') {
            Some(rest) => Some(rest.trim()),
            None => rest.is_empty().then_some(""),
        }
    }
}

/// The blocks of a page, from its top.
pub(crate) fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = vec![];
    // The mark above, and the block that is open: its line, its info, its fence, and where its text begins.
    let (mut mark, mut open) = (None, None);
    let mut at = 0;
    for (number, line) in page.split_inclusive('\n').enumerate() {
        let (start, text) = (at, line.trim_end());
        at += line.len();
        match open {
            None if text.starts_with("```") => {
                let fence = text.bytes().take_while(|byte| *byte == b'`').count();
                open = Some((number + 1, text[fence..].trim(), &text[..fence], at));
            }
            None => mark = text.strip_prefix("<!-- ").and_then(|text| text.strip_suffix(" -->")),
            Some((line, info, fence, from)) if text == fence => {
                blocks.push(Block { line, info, text: &page[from..start], mark });
                (mark, open) = (None, None);
            }
            Some(_) => {}
        }
    }
    blocks
}

/// The lines of a page that are in no block, with their numbers.
pub(crate) fn prose(page: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let numbered = page.lines().enumerate().map(|(at, line)| (at + 1, line));
    numbered
        .filter(|(_, line)| {
            let fence = line.starts_with("```");
            inside ^= fence;
            !fence && !inside
        })
        .collect()
}

/// The names by which headings of a page can be linked to, as mdBook and GitHub make them.
pub(crate) fn anchors(page: &str) -> Vec<String> {
    let mut anchors: Vec<String> = vec![];
    let headings = prose(page).into_iter().filter(|(_, line)| line.starts_with('#'));
    for (_, heading) in headings {
        let anchor = anchor(heading.trim_start_matches('#'));
        let same = |other: &&String| other.strip_prefix(&*anchor).is_some_and(is_count);
        anchors.push(match anchors.iter().filter(same).count() {
            0 => anchor,
            count => format!("{anchor}-{count}"),
        });
    }
    anchors
}

/// Whether that is what makes the second of two equal anchors another one.
fn is_count(rest: &str) -> bool {
    rest.is_empty()
        || rest.strip_prefix('-').is_some_and(|count| count.bytes().all(|byte| byte.is_ascii_digit()))
}

fn anchor(heading: &str) -> String {
    let shown = heading.trim().to_lowercase();
    shown
        .chars()
        .filter_map(|char| match char {
            char if char.is_alphanumeric() || char == '_' || char == '-' => Some(char),
            char if char.is_whitespace() => Some('-'),
            _ => None,
        })
        .collect()
}

/// The targets of the links of a page, with their lines.
pub(crate) fn links(page: &str) -> Vec<(usize, &str)> {
    let lines = prose(page).into_iter();
    let found = lines.flat_map(|(number, line)| {
        let starts = line.match_indices("](").map(|(start, _)| start + 2);
        // What is between backticks is no link: an odd number of them is before it.
        let outside = starts.filter(|start| line[..*start].matches('`').count() % 2 == 0);
        outside.filter_map(move |start| Some((number, line[start..].split_once(')')?.0)))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_with_their_marks() {
        let page = "# A\n\n```rust,no_run\nfn main() {}\n```\n\n<!-- runs: python webmesh -->\n```python\nprint(3)\n```\n\n\
                    <!-- prints -->\n```text\n3\n```\n\n<!-- far away -->\n\n````text\n```\n````\n";
        let found: Vec<_> = blocks(page).iter().map(|it| (it.line, it.info, it.text, it.mark)).collect();
        let expected = [
            (3, "rust,no_run", "fn main() {}\n", None),
            (8, "python", "print(3)\n", Some("runs: python webmesh")),
            (13, "text", "3\n", Some("prints")),
            (19, "text", "```\n", None),
        ];
        assert_eq!(found, expected);
        let blocks = blocks(page);
        assert_eq!(blocks[0].language(), "rust");
        assert_eq!((blocks[1].marked("runs"), blocks[1].marked("prints")), (Some("python webmesh"), None));
        assert_eq!((blocks[2].marked("prints"), blocks[2].marked("print")), (Some(""), None));
    }

    #[test]
    fn anchors_are_those_of_the_book() {
        let page = "# First: `swill/1` by hand\n\n## Pitfalls\n\n```sh\n# no heading\n```\n\n## 2.7 Swill's errors\n## Pitfalls\n";
        assert_eq!(anchors(page), ["first-swill1-by-hand", "pitfalls", "27-swills-errors", "pitfalls-1"]);
    }

    #[test]
    fn links_are_found_outside_of_code() {
        let page = "see [a](a.md) and [b](b.md#c), not `[x](y)`\n```\n[z](z.md)\n```\n";
        assert_eq!(links(page), [(1, "a.md"), (1, "b.md#c")]);
    }
}
