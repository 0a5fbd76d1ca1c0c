//! `openclaw models probe`: asks models for a word, one after the other.

use std::time::Duration;

use openclaw_wire::methods::{
    Empty,
    models::{
        ModelsList, ModelsProbe, ModelsProbeParams, ModelsProbeResult, ProbeResult, ProbeStatus,
    },
};

use super::settled;
use crate::{
    error::{self, Failure},
    link::{CALL_DEADLINE, Link, block_on},
    output::{self, Output},
    patience::Patience,
    place::{Home, Place},
};

/// The source of references that nobody wrote down.
const FOUND: &str = "found";

pub(super) fn run(
    place: &Place,
    output: Output,
    (model, all): (Option<String>, bool),
    timeout: Duration,
) -> Result<(), Failure> {
    let home = Home::from(&place.config()?);
    let results = block_on(async {
        let link = Link::open(&home).await?;
        let references = match model {
            Some(model) => vec![model],
            None => {
                let in_use = in_use_now(&link).await?;
                if all {
                    every(&link, in_use).await?
                } else {
                    vec![in_use]
                }
            }
        };
        ask(&link, output, &references, timeout).await
    })?;
    if output.json {
        output.value(&summed_up(&results))?;
    }
    verdict(&results)
}

/// One after the other, so that none waits for another; each is told as it ends.
async fn ask(
    link: &Link,
    output: Output,
    references: &[String],
    timeout: Duration,
) -> Result<Vec<ProbeResult>, Failure> {
    let mut results: Vec<ProbeResult> = Vec::new();
    for (at, reference) in references.iter().enumerate() {
        if references.len() > 1 {
            output::progress(&format!("{} of {}: {reference}", at + 1, references.len()));
        }
        let params = ModelsProbeParams {
            provider: None,
            model: Some(reference.clone()),
            timeout_ms: u64::try_from(timeout.as_millis()).ok(),
        };
        let asked = link.call_within::<ModelsProbe>(&params, timeout + CALL_DEADLINE);
        let result = Patience::new().wait(link, asked).await?;
        output::progress_done();
        for one in result.results {
            if !output.json {
                output::line(&probed(&one, references.len() > 1));
            }
            results.push(one);
        }
    }
    Ok(results)
}

fn summed_up(results: &[ProbeResult]) -> ModelsProbeResult {
    let bad = results.iter().find(|one| one.status != ProbeStatus::Ok);
    let status = match bad {
        Some(bad) => bad.status,
        None if results.is_empty() => ProbeStatus::NoModel,
        None => ProbeStatus::Ok,
    };
    ModelsProbeResult {
        provider: "all".to_owned(),
        status,
        results: results.to_vec(),
    }
}

fn verdict(results: &[ProbeResult]) -> Result<(), Failure> {
    let bad: Vec<&ProbeResult> = results
        .iter()
        .filter(|one| one.status != ProbeStatus::Ok)
        .collect();
    let (Some(first), true) = (bad.first(), !bad.is_empty()) else {
        return Ok(());
    };
    if results.len() > 1 {
        let failure = format!("{} of {} models did not answer", bad.len(), results.len());
        return Err(Failure::new(failure).maybe_hint(first.hint.clone()).told());
    }
    let error = first.error.clone();
    let error = error.unwrap_or_else(|| "no answer".to_owned());
    let failure = Failure::new(format!("{}: {error}", first.label));
    let failure = failure.maybe_hint(first.hint.clone()).told();
    Err(if first.status == ProbeStatus::NoModel {
        failure.code(error::NOT_FOUND)
    } else {
        failure
    })
}

/// One line; the error stands in it where it is not the last thing that is said anyway.
fn probed(result: &ProbeResult, tells_error: bool) -> String {
    let took = result.latency_ms.map(|ms| format!(" in {ms} ms"));
    let took = took.unwrap_or_default();
    let label = &result.label;
    if result.status == ProbeStatus::Ok {
        let answer = result.answer.as_deref().unwrap_or_default();
        let answer: String = answer.split_whitespace().collect::<Vec<_>>().join(" ");
        let answer = if answer.is_empty() {
            String::new()
        } else {
            format!(": {answer}")
        };
        return format!("{label} answered{took}{answer}");
    }
    let error = result.error.as_deref().filter(|_| tells_error);
    let error = error.map(|error| format!(": {error}")).unwrap_or_default();
    format!("{label} failed{took} ({}){error}", kind(result.status))
}

/// The kind of a failure in words.
const fn kind(status: ProbeStatus) -> &'static str {
    match status {
        ProbeStatus::Ok => "ok",
        ProbeStatus::Auth => "key refused",
        ProbeStatus::RateLimit => "asked too often",
        ProbeStatus::Billing => "no budget for it",
        ProbeStatus::Timeout => "too slow",
        ProbeStatus::Format => "no sense in the answer",
        ProbeStatus::Unknown => "other failure",
        ProbeStatus::NoModel => "no such model",
    }
}

/// Every reference that the configuration names, and the one in use.
async fn every(link: &Link, in_use: String) -> Result<Vec<String>, Failure> {
    let listed = link.call::<ModelsList>(&Empty {}).await?;
    let stated = listed
        .groups
        .into_iter()
        .filter(|group| group.source != FOUND);
    let mut references: Vec<String> = stated.map(|group| group.name).collect();
    if !references.contains(&in_use) {
        references.insert(0, in_use);
    }
    Ok(references)
}

/// The model that agents use unless they name another.
async fn in_use_now(link: &Link) -> Result<String, Failure> {
    let status = settled(link).await?;
    status
        .model
        .filter(|model| !model.is_empty())
        .ok_or_else(|| {
            Failure::new("no model is in use")
                .hint("`openclaw models status` shows what was looked for")
                .code(error::NOT_FOUND)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(status: ProbeStatus) -> ProbeResult {
        ProbeResult {
            label: "a/b".to_owned(),
            status,
            latency_ms: Some(12),
            answer: Some("Hi\n there".to_owned()),
            error: Some("bad key".to_owned()),
            hint: None,
            details: None,
        }
    }

    #[test]
    fn a_line_has_the_time_and_the_answer_or_the_kind_of_failure() {
        for (status, tells_error, said) in [
            (ProbeStatus::Ok, false, "a/b answered in 12 ms: Hi there"),
            (
                ProbeStatus::Auth,
                false,
                "a/b failed in 12 ms (key refused)",
            ),
            (
                ProbeStatus::Auth,
                true,
                "a/b failed in 12 ms (key refused): bad key",
            ),
        ] {
            assert_eq!(probed(&result(status), tells_error), said);
        }
    }

    #[test]
    fn several_fail_as_one() {
        let all = [result(ProbeStatus::Ok), result(ProbeStatus::NoModel)];
        let failure = verdict(&all).unwrap_err();
        assert_eq!(failure.message, "1 of 2 models did not answer");
        assert_eq!(summed_up(&all).status, ProbeStatus::NoModel);
        assert_eq!(verdict(&all[1..]).unwrap_err().code, error::NOT_FOUND);
        assert!(verdict(&all[..1]).is_ok());
    }
}
