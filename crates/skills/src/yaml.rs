//! The YAML of a front matter as a small tree that knows its lines; without anchors, tags or second documents.

use granit_parser::{Event, Options, Parser, ScalarStyle};

use crate::limits::{DEPTH_MAX, VALUES_MAX};

/// A value and the line it begins in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A word without quotes, whatever it looks like.
    Plain(String),
    /// A text in quotes or in a block.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys with their lines.
    Map(Vec<(String, usize, Node)>),
}

/// Why a text is not what is read here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) reason: String,
}

impl Node {
    /// A text, or a word that stands for itself.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Plain(text) if !matches!(text.as_str(), "" | "~" | "null") => Some(text),
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A word without quotes that says yes or no.
    pub(crate) fn flag(&self) -> Option<bool> {
        match &self.value {
            Value::Plain(text) => text.to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }

    /// A word without quotes that is a number.
    pub(crate) fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Plain(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// A list of texts; a single text is a list of one, and one with commas of several.
    pub(crate) fn texts(&self) -> Option<Vec<String>> {
        match &self.value {
            Value::List(items) => items
                .iter()
                .map(|item| item.text().map(str::to_owned))
                .collect(),
            _ => {
                let words = self.text()?.split([',', ' ']).map(str::trim);
                Some(
                    words
                        .filter(|word| !word.is_empty())
                        .map(str::to_owned)
                        .collect(),
                )
            }
        }
    }

    pub(crate) fn members(&self) -> Option<&[(String, usize, Self)]> {
        match &self.value {
            Value::Map(members) => Some(members),
            _ => None,
        }
    }
}

enum Open {
    List(usize, Vec<Node>),
    Map(usize, Vec<(String, usize, Node)>, Option<(String, usize)>),
}

/// Parses a text whose first line is the line `first` of its file.
pub(crate) fn parse(text: &str, first: usize) -> Result<Node, Fault> {
    let mut options = Options::default();
    options.block_nesting_limit = DEPTH_MAX;
    options.flow_nesting_limit = DEPTH_MAX;
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    let mut count = 0;
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| Fault {
            line: first + error.marker().line().max(1) - 1,
            reason: error
                .info()
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(120)
                .collect(),
        })?;
        let line = first + span.start.line().max(1) - 1;
        let fault = |reason: &str| Fault {
            line,
            reason: reason.to_owned(),
        };
        count += 1;
        if count > VALUES_MAX {
            return Err(fault("it has too many values"));
        }
        let done = match event {
            Event::Alias(_) => return Err(fault("aliases are not read here")),
            Event::DocumentStart(..) if root.is_some() => {
                return Err(fault("it has a second document"));
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(line, Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(line, Vec::new(), None));
                continue;
            }
            Event::Scalar(text, ScalarStyle::Plain, ..) => Node {
                line,
                value: Value::Plain(text.into_owned()),
            },
            Event::Scalar(text, ..) => Node {
                line,
                value: Value::Text(text.into_owned()),
            },
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(line, items)) => Node {
                    line,
                    value: Value::List(items),
                },
                Some(Open::Map(line, members, _)) => Node {
                    line,
                    value: Value::Map(members),
                },
                None => return Err(fault("it ends what it did not begin")),
            },
            _ => continue,
        };
        place(&mut open, &mut root, done).map_err(fault)?;
    }
    root.ok_or_else(|| Fault {
        line: first,
        reason: "it is empty".to_owned(),
    })
}

fn place(open: &mut [Open], root: &mut Option<Node>, node: Node) -> Result<(), &'static str> {
    match open.last_mut() {
        None => *root = Some(node),
        Some(Open::List(_, items)) => items.push(node),
        Some(Open::Map(_, members, key)) => match key.take() {
            Some((key, line)) => members.push((key, line, node)),
            None => match node.value {
                Value::Plain(text) | Value::Text(text) => *key = Some((text, node.line)),
                Value::List(_) | Value::Map(_) => return Err("a key is a list or an object"),
            },
        },
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_lines() {
        let node = parse(
            "name: a\nmetadata:\n  openclaw: {\"os\": [linux, 'darwin'], always: true}\n",
            2,
        )
        .unwrap();
        let members = node.members().unwrap();
        assert_eq!((members[0].1, members[0].2.text()), (2, Some("a")));
        let inner = members[1].2.members().unwrap()[0].2.members().unwrap();
        assert_eq!(inner[0].1, 4);
        assert_eq!(inner[0].2.texts().unwrap(), ["linux", "darwin"]);
        assert_eq!(inner[1].2.flag(), Some(true));
    }

    #[test]
    fn what_is_not_read_is_said_with_its_line() {
        for (text, line) in [
            ("a: 1\nb: [", 3),
            ("a: &x 1\nb: *x\n", 3),
            ("? [a]\n: b\n", 2),
            ("", 2),
        ] {
            assert_eq!(parse(text, 2).unwrap_err().line, line, "{text:?}");
        }
        let many = format!("a: [{}]", "1,".repeat(3_000));
        assert_eq!(
            parse(&many, 1).unwrap_err().reason,
            "it has too many values"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_mixture_of_signs_makes_it_panic(text in "[-a:?&*<!|>'\"#\\[\\]{}, \n%~0-9.]{0,80}") {
            drop(parse(&text, 1));
        }
    }
}
