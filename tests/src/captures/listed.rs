//! Differences that are meant, as a page of the documentation lists them with their reasons.

use super::Difference;

/// How the reason begins for what may be equal at times.
const CHANCE: &str = "Chance: ";

/// The differences of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed(Vec<Row>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    captures: Vec<String>,
    whats: Vec<String>,
    /// Whether it differs at times only.
    is_chance: bool,
    line: usize,
}

impl Listed {
    /// Reads the table below a heading: `| captures | what differs | reason |`, patterns in backticks.
    ///
    /// # Panics
    /// When a row is incomplete.
    #[must_use]
    pub fn read(page: &str, heading: &str) -> Self {
        let lines = page.lines().enumerate();
        let below = lines.skip_while(|(_, line)| *line != heading).skip(1);
        let section = below.take_while(|(_, line)| !line.starts_with("## "));
        let rows = section.filter(|(_, line)| line.starts_with("| `"));
        Self(
            rows.map(|(number, line)| Row::read(number + 1, line))
                .collect(),
        )
    }

    /// The differences that no row names, and the rows that nothing differs in any more.
    #[must_use]
    pub fn unlisted<'a>(&self, found: &'a [Difference]) -> (Vec<&'a Difference>, Vec<String>) {
        let unlisted = found
            .iter()
            .filter(|difference| !self.0.iter().any(|row| row.is(difference)))
            .collect();
        let stale = self.0.iter().filter_map(|row| row.stale(found)).collect();
        (unlisted, stale)
    }
}

impl Row {
    fn read(line: usize, text: &str) -> Self {
        let cells: Vec<&str> = text.trim_matches('|').split(" | ").map(str::trim).collect();
        let [captures, whats, reason] = cells.as_slice() else {
            panic!("line {line} has not three cells: {text}");
        };
        assert!(reason.len() > 3, "line {line} gives no reason: {text}");
        Self {
            captures: patterns(captures),
            whats: patterns(whats),
            is_chance: reason.starts_with(CHANCE),
            line,
        }
    }

    fn is(&self, difference: &Difference) -> bool {
        self.captures
            .iter()
            .any(|one| matches(one, &difference.capture))
            && self.whats.iter().any(|one| matches(one, &difference.what))
    }

    /// What of this row nothing bears out.
    fn stale(&self, found: &[Difference]) -> Option<String> {
        let of_row: Vec<&Difference> = found.iter().filter(|one| self.is(one)).collect();
        let captures = self
            .captures
            .iter()
            .filter(|pattern| !of_row.iter().any(|one| matches(pattern, &one.capture)));
        let whats = self
            .whats
            .iter()
            .filter(|pattern| !of_row.iter().any(|one| matches(pattern, &one.what)));
        let stale: Vec<&str> = captures.chain(whats).map(|pattern| &**pattern).collect();
        (!stale.is_empty() && !self.is_chance)
            .then(|| format!("line {}: {}", self.line, stale.join(", ")))
    }
}

/// What stands between backticks.
fn patterns(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Whether a text is what a pattern says, in which each `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((begin, rest)) => text.strip_prefix(begin).is_some_and(|text| {
            (0..=text.len())
                .filter(|at| text.is_char_boundary(*at))
                .any(|at| matches(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "## Other\n\n| `x` | `y` | no reason |\n\n## Ours\n\n| captures | what | why |\n|---|---|---|\n\
        | `40_*`, `41_a` | `no header x-*`, `status` | because |\n\n## Next\n| `z` | `z` | none |\n";

    fn difference(capture: &str, what: &str) -> Difference {
        Difference {
            capture: capture.to_owned(),
            what: what.to_owned(),
            values: String::new(),
        }
    }

    #[test]
    fn what_is_listed_passes_and_nothing_else() {
        let listed = Listed::read(PAGE, "## Ours");
        let found = [
            difference("40_err_400", "no header x-frame"),
            difference("41_a", "status"),
            difference("41_b", "status"),
            difference("40_err_400", "new header x-frame"),
        ];
        let (unlisted, stale) = listed.unlisted(&found);
        assert_eq!(unlisted, [&found[2], &found[3]]);
        assert_eq!(stale, Vec::<String>::new());
    }

    #[test]
    fn what_differs_no_longer_is_told() {
        let listed = Listed::read(PAGE, "## Ours");
        let found = [difference("40_err_400", "status")];
        let (unlisted, stale) = listed.unlisted(&found);
        assert_eq!(unlisted, Vec::<&Difference>::new());
        assert_eq!(stale, ["line 9: 41_a, no header x-*"]);
    }
}
