//! `openclaw ledger …`; it only reads, whether a gateway runs or not.

use openclaw_ledger::{Entry, Error, Event, Filter, Head, ProposalId, Reader};
use serde_json::json;

use crate::{
    args::{Entries, Ledger},
    error::{self, Failure},
    output::{Output, table},
    place::Place,
};

/// The ledger's file in the state directory.
const FILE: &str = "ledger.jsonl";

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: &Ledger) -> Result<(), Failure> {
    let reader = Reader::new(&place.home()?.paths.state.join(FILE));
    match command {
        Ledger::List(wanted) => {
            let entries = reader
                .list(&filter(wanted)?)
                .map_err(|error| failed(&error))?;
            print(output, &entries)
        }
        Ledger::Tail(wanted) => {
            let entries = reader
                .tail(&filter(wanted)?)
                .map_err(|error| failed(&error))?;
            print(output, &entries)
        }
        Ledger::Show { what } => show(&reader, output, what),
        Ledger::Verify { head } => verify(&reader, output, head.as_deref()),
    }
}

fn failed(error: &Error) -> Failure {
    let failure = Failure::from_error(error);
    match error {
        Error::Line { .. } => failure.hint("`openclaw ledger verify` says what is wrong"),
        Error::ProposalId { .. } | Error::Field { .. } => failure.code(error::USAGE),
        _ => failure,
    }
}

fn filter(wanted: &Entries) -> Result<Filter, Failure> {
    let parse_id = |text: &String| ProposalId::parse(text).map_err(|error| failed(&error));
    let kind = wanted.kind.as_ref().map(|text| text.parse());
    Ok(Filter {
        proposal: wanted.proposal.as_ref().map(parse_id).transpose()?,
        kind: kind.transpose().map_err(|error| failed(&error))?,
        agent: wanted.agent.clone(),
        count_max: Some(wanted.limit),
        ..Filter::default()
    })
}

fn print(output: Output, entries: &[Entry]) -> Result<(), Failure> {
    output.either(&entries, || {
        let row = |entry: &Entry| {
            vec![
                entry.seq.to_string(),
                entry.at.to_string(),
                entry.proposal.to_string(),
                said(&entry.event),
            ]
        };
        let rows: Vec<_> = entries.iter().map(row).collect();
        table(&["Number", "When", "Proposal", "What"], &rows)
    })
}

/// An event in a line.
fn said(event: &Event) -> String {
    match event {
        Event::Proposal {
            title,
            category,
            submitter,
            ..
        } => format!("{submitter} proposes ({category}): {title}"),
        Event::Vote {
            voter,
            proxy_for,
            vote,
            ..
        } => {
            let for_whom = proxy_for.as_ref().map(|member| format!(" for {member}"));
            format!(
                "{voter} votes{}: {}",
                for_whom.unwrap_or_default(),
                word(vote)
            )
        }
        Event::Decision { result, quorum, .. } => format!("decided: {} ({quorum})", word(result)),
        Event::TieBreak { by, result, .. } => format!("{by} breaks the tie: {}", word(result)),
        Event::Ratification { by, result, .. } => {
            format!("{} settles it: {}", by.join(", "), word(result))
        }
        Event::Emergency { by, reason, .. } => format!("{by} declares an emergency: {reason}"),
    }
}

/// A value as it stands in the file.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn show(reader: &Reader, output: Output, what: &str) -> Result<(), Failure> {
    let missing = || {
        let message = format!("there is no `{what}` in the ledger");
        Failure::new(message)
            .hint("`openclaw ledger tail` shows the last entries")
            .code(error::NOT_FOUND)
    };
    if let Ok(number) = what.parse() {
        let entry = reader.entry(number).map_err(|error| failed(&error))?;
        return output.value(&entry.ok_or_else(missing)?);
    }
    let proposal = ProposalId::parse(what).map_err(|error| failed(&error))?;
    let case = reader.show(&proposal).map_err(|error| failed(&error))?;
    let case = case.ok_or_else(missing)?;
    let value = json!({
        "proposal": case.proposal,
        "title": case.title,
        "category": case.category,
        "votes": case.votes,
        "verdict": case.verdict.map(|(verdict, _)| verdict),
        "isRatified": case.is_ratified,
        "entries": case.entries,
    });
    output.either(&value, || {
        let mut lines = vec![format!(
            "{}: {}",
            case.proposal,
            case.title.clone().unwrap_or_default()
        )];
        let entry =
            |entry: &Entry| format!("{:>6}  {}  {}", entry.seq, entry.at, said(&entry.event));
        lines.extend(case.entries.iter().map(entry));
        lines.join("\n")
    })
}

fn verify(reader: &Reader, output: Output, head: Option<&str>) -> Result<(), Failure> {
    let known = head.map(known).transpose()?;
    let report = reader
        .verify(known.as_ref())
        .map_err(|error| failed(&error))?;
    let fault = report.fault.as_ref().map(ToString::to_string);
    let value = json!({
        "entries": report.head.seq,
        "hash": report.head.hash,
        "tornBytes": report.torn_bytes,
        "fault": report.fault.as_ref().map(|fault| json!({"line": fault.line, "what": fault.to_string()})),
    });
    output.either(&value, || {
        let whole = format!(
            "{} entries are whole, up to {}",
            report.head.seq, report.head.hash
        );
        fault.as_ref().map_or_else(
            || whole.clone(),
            |_| format!("{whole}; nothing behind is trusted"),
        )
    })?;
    match fault {
        None => Ok(()),
        Some(fault) if output.json => Err(Failure::new(fault).told()),
        Some(fault) => Err(Failure::new(fault)),
    }
}

fn known(text: &str) -> Result<Head, Failure> {
    let parts = text
        .split_once(':')
        .and_then(|(seq, hash)| Some((seq.parse().ok()?, hash)));
    let Some((seq, hash)) = parts.filter(|(_, hash)| hash.len() == 64) else {
        let message =
            format!("`{text}` is not a number and a hash of 64 digits with a colon between");
        return Err(Failure::new(message).code(error::USAGE));
    };
    let hash = hash.to_ascii_lowercase();
    Ok(Head { seq, hash })
}
