//! What a path asks for: a mode and its keys.

use std::time::Duration;

/// A mode with its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// What happens.
    pub mode: String,
    /// What the text is labelled with.
    pub label: String,
    /// How long nothing happens first.
    pub delay: Duration,
    /// A size, a number of seconds, whatever the mode takes.
    pub number: Option<u64>,
    /// How many tools are called at once.
    pub calls: usize,
}

impl Spec {
    /// Reads `mode,key=value,...`; what it doesn't know only tells counters apart.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut words = text.split(',');
        let mut spec = Self {
            mode: words.next().unwrap_or_default().to_owned(),
            label: String::new(),
            delay: Duration::ZERO,
            number: None,
            calls: 1,
        };
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "l" => value.clone_into(&mut spec.label),
                "t" => spec.delay = Duration::from_millis(value.parse().unwrap_or_default()),
                "n" => spec.number = value.parse().ok(),
                "p" => spec.calls = value.parse().unwrap_or(1),
                _ => {}
            }
        }
        spec
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_everything() {
        let spec = Spec::read("storm,g=solo,l=A,t=1500,n=86400,p=2");
        let expected = Spec {
            mode: "storm".to_owned(),
            label: "A".to_owned(),
            delay: Duration::from_millis(1500),
            number: Some(86400),
            calls: 2,
        };
        assert_eq!(spec, expected);
    }
}
