//! What well-known models cost, for those whose price the configuration does not name.

use std::{collections::BTreeMap, sync::OnceLock};

use openclaw_types::Price;

/// The list, one model a line, with the source and the date of each figure.
const LIST: &str = include_str!("prices/table.tsv");
/// How the names of Ollama's models end that run on its own servers, where they are paid for.
const CLOUD: &str = "cloud";
/// The list counts in millions of tokens.
const MILLION: f64 = 1e6;

/// What a provider's model costs, if the list has exactly this model; free only where nobody is paid.
#[must_use]
pub fn of(provider: &str, model: &str) -> Option<Price> {
    match provider {
        crate::local::ID => Some(Price::FREE),
        crate::discovery::OLLAMA_ID => (!model.ends_with(CLOUD)).then_some(Price::FREE),
        "google" => list().get(&("gemini", model)).copied(),
        _ => list().get(&(provider, model)).copied(),
    }
}

fn list() -> &'static BTreeMap<(&'static str, &'static str), Price> {
    static PRICES: OnceLock<BTreeMap<(&str, &str), Price>> = OnceLock::new();
    PRICES.get_or_init(|| LIST.lines().filter_map(row).collect())
}

fn row(line: &'static str) -> Option<((&'static str, &'static str), Price)> {
    let words: Vec<&str> = line.split('\t').collect();
    let &[provider, model, read, written, cache_read, cache_write, ..] = words.as_slice() else {
        return None;
    };
    let dollars = |word: &str| word.parse::<f64>().ok().map(|dollars| dollars / MILLION);
    let price = Price::per_token_usd(
        dollars(read)?,
        dollars(written)?,
        dollars(cache_read),
        dollars(cache_write),
    )?;
    Some(((provider, model), price))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_is_a_price_with_its_source_and_date() {
        let rows = LIST.lines().filter(|line| !line.starts_with('#'));
        let mut count = 0;
        for line in rows {
            count += 1;
            let words: Vec<&str> = line.split('\t').collect();
            assert_eq!(words.len(), 9, "{line}");
            assert!(row(line).is_some(), "{line}");
            assert!(matches!(words[6], "exact" | "most"), "{line}");
            assert_eq!(words[7].len(), "2026-11-22".len(), "{line}");
            assert!(!words[8].is_empty(), "{line}");
        }
        // No model is there twice.
        assert_eq!(list().len(), count);
        assert!(count > 150, "{count}");
    }

    #[test]
    fn only_what_is_known_has_a_price() {
        let pico = |input, output| Price {
            input,
            output,
            cache_read: None,
            cache_write: None,
        };
        assert_eq!(of("minimax", "MiniMax-M2.7"), Some(pico(100_000, 400_000)));
        let glm = of("zai", "glm-5-1").unwrap();
        assert_eq!((glm.input, glm.output), (1_400_000, 4_400_000));
        assert!(of("google", "gemini-2.5-flash").is_some());
        let haiku = Price {
            cache_read: Some(100_000),
            cache_write: Some(1_250_000),
            ..pico(1_000_000, 5_000_000)
        };
        assert_eq!(of("anthropic", "claude-haiku-4-5"), Some(haiku));
        for (provider, model) in [
            ("openai", "claude-haiku-4-5"),
            ("anthropic", "claude-haiku-4-5-"),
            ("anthropic", ""),
            ("nobody", "gpt-5"),
            ("ollama", "qwen3.5:cloud"),
        ] {
            assert_eq!(of(provider, model), None, "{provider}/{model}");
        }
        for (provider, model) in [("local", "anything"), ("ollama", "qwen3:4b")] {
            assert_eq!(of(provider, model), Some(Price::FREE), "{model}");
        }
    }
}
