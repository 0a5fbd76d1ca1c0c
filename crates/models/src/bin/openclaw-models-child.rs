//! The binary that this crate's tests start in place of `openclaw` and of `openclaw-modeld`; it is not installed.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use openclaw_process::{CHILD_ARGUMENT, child_main};

/// `__child` is the helper; `serve` acts as a model server whose model file says how it behaves.
fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(word) if word == CHILD_ARGUMENT => child_main(args),
        Some(word) if word == "serve" => {
            let words = args.filter_map(|word| word.into_string().ok()).collect();
            serve(words).unwrap_or(ExitCode::FAILURE)
        }
        _ => ExitCode::from(2),
    }
}

fn serve(words: Vec<String>) -> io::Result<ExitCode> {
    let mut options = BTreeMap::new();
    let mut words = words.into_iter();
    while let Some(option) = words.next() {
        let value = if option == "--exit-with-stdin" {
            String::new()
        } else {
            words.next().unwrap_or_default()
        };
        options.insert(option, value);
    }
    let option = |name: &str| options.get(name).cloned().unwrap_or_default();
    let model = PathBuf::from(option("--model"));
    let behaviour = std::fs::read_to_string(&model)?;
    let behaviour = behaviour.trim_start_matches("GGUF").trim();
    let starts = count_start(&model)?;
    say("{\"event\":\"loading\",\"progress\":0.5}")?;
    match behaviour {
        "invalid" => {
            say(
                "{\"event\":\"error\",\"code\":\"model-invalid\",\"message\":\"not a model\",\"hint\":\"fetch it again\"}",
            )?;
            return Ok(ExitCode::from(4));
        }
        "dies" => return Ok(ExitCode::FAILURE),
        "late" => std::thread::sleep(Duration::from_millis(300)),
        _ => {}
    }
    let socket = option("--socket");
    // A socket that a killed predecessor left.
    std::fs::remove_file(&socket).ok();
    let listener = UnixListener::bind(&socket)?;
    let window = option("--context");
    say(&format!(
        "{{\"event\":\"ready\",\"socket\":\"{socket}\",\"model\":\"{}\",\"contextWindow\":{window},\"loadMs\":1}}",
        option("--name")
    ))?;
    let crashes = behaviour == "crashes once" && starts == 1;
    for stream in listener.incoming() {
        if answer(&stream?, starts)? && crashes {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How often this model was started, this time included; counted in empty files, because we may write none.
fn count_start(model: &Path) -> io::Result<usize> {
    let mut starts = 1;
    while model.with_extension(format!("{starts}.start")).exists() {
        starts += 1;
    }
    std::fs::File::create(model.with_extension(format!("{starts}.start")))?;
    Ok(starts)
}

/// Answers one request; true for a chat.
fn answer(mut stream: &UnixStream, starts: usize) -> io::Result<bool> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let is_chat = first.contains("/v1/chat/completions");
    let (kind, said) = if is_chat {
        let text = format!("start {starts}, {length} bytes");
        let chunk = format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n"
        );
        ("text/event-stream", chunk)
    } else {
        (
            "application/json",
            "{\"tokens\":42,\"prompt\":\"x\"}".to_owned(),
        )
    };
    let said_length = said.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {said_length}\r\nconnection: close\r\n\r\n{said}"
    )?;
    Ok(is_chat)
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
