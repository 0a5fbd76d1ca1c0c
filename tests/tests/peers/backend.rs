//! The scripted backend says what the captures' backend said, byte for byte.

use std::time::Duration;

use openclaw_tests::{
    backend::Backend,
    captures::captures,
    http::{self, End, Whole},
};

const DEADLINE: Duration = Duration::from_secs(5);

async fn ask(backend: &Backend, mode: &str, path: &str, body: &str) -> Whole {
    let length = body.len().to_string();
    let target = format!("/m/{mode}/{path}");
    let headers = [("Host", "localhost"), ("Content-Length", length.as_str())];
    let mut request = http::request("POST", &target, &headers);
    request.extend_from_slice(body.as_bytes());
    http::whole(backend.address, &request, DEADLINE).await
}

#[tokio::test]
async fn what_pass_throughs_showed_is_said_again() {
    let backend = Backend::start().await;
    let modes = [
        ("70_pt_ok", "ok,l=PT", "v1/chat/completions"),
        ("70b_pt_stream", "ok,l=PT", "v1/chat/completions"),
        ("72_pt_fwd", "ok,l=PTFWD", "v1/chat/completions?a=1"),
        ("73_pt_500", "500,g=pt", "v1/chat/completions"),
        ("73b_pt_429", "429ra,g=pt", "v1/chat/completions"),
    ];
    let captures = captures();
    for (name, mode, path) in modes {
        let capture = captures.iter().find(|one| one.name == name).unwrap();
        let answer = ask(&backend, mode, path, &capture.body).await;
        assert_eq!(answer.end, End::Whole, "{name}");
        assert_eq!(answer.status, capture.answer.status, "{name}");
        assert_eq!(answer.text().trim(), capture.answer.body, "{name}");
        // LiteLLM adds headers of its own to those of the backend.
        let lines = answer.head.lines().skip(1);
        for (header, value) in lines.filter_map(|line| line.split_once(": ")) {
            if header == "transfer-encoding" {
                continue;
            }
            let captured = capture.answer.headers.get(header);
            assert_eq!(
                captured.map(String::as_str),
                Some(value),
                "{name}: {header}"
            );
        }
    }
    assert_eq!(backend.hits("ok,l=PT"), 2);
    assert_eq!(backend.last().unwrap().header("host"), Some("localhost"));
}

#[tokio::test]
async fn the_lengths_that_litellm_passed_on_are_those_of_the_refusals() {
    let backend = Backend::start().await;
    let captures = captures();
    let modes = [
        "400",
        "401",
        "403",
        "404",
        "429",
        "429ra",
        "500",
        "502",
        "503",
        "ctx",
        "content_filter",
    ];
    for mode in modes {
        let name = format!("40_err_{mode}");
        let capture = captures.iter().find(|one| one.name == name).unwrap();
        let answer = ask(&backend, mode, "v1/chat/completions", "{}").await;
        let captured = &capture.answer.headers["llm_provider-content-length"];
        assert_eq!(&answer.body.len().to_string(), captured, "{mode}");
        let kind = &capture.answer.headers["llm_provider-content-type"];
        assert_eq!(
            http::header(&answer.head, "content-type"),
            Some(&**kind),
            "{mode}"
        );
    }
}

#[tokio::test]
async fn every_way_to_break_off_is_seen_by_a_client() {
    let backend = Backend::start().await;
    let stream = r#"{"stream":true,"model":"m"}"#;
    let chat = "v1/chat/completions";
    let short = Duration::from_millis(300);
    for (mode, end) in [
        ("drop", End::Cut),
        ("reset", End::Cut),
        ("midclose", End::Cut),
        ("midreset", End::Cut),
        ("close0", End::Cut),
        ("miderr", End::Whole),
        ("nodone", End::Whole),
        ("split", End::Whole),
        ("crlf", End::Whole),
        ("odd", End::Whole),
        ("endless,n=1000000", End::Whole),
        ("endless", End::Flood),
        ("bigline", End::Flood),
    ] {
        let answer = ask(&backend, mode, chat, stream).await;
        assert_eq!(answer.end, end, "{mode}");
    }
    for mode in ["hang", "silence", "midhang", "drip"] {
        let late = tokio::time::timeout(short, ask(&backend, mode, chat, stream)).await;
        assert!(late.is_err(), "{mode}");
    }
}

#[tokio::test]
async fn every_dialect_is_spoken_whole_and_as_a_stream() {
    let backend = Backend::start().await;
    let stream = r#"{"stream":true,"model":"m"}"#;
    let whole = r#"{"stream":false,"model":"m"}"#;
    let paths = [
        ("v1/chat/completions", "v1/chat/completions", "data: [DONE]"),
        ("v1/responses", "v1/responses", "event: response.completed"),
        ("v1/messages", "v1/messages", "event: message_stop"),
        (
            "v1beta/models/m:generateContent",
            "v1beta/models/m:streamGenerateContent?alt=sse",
            "\"finishReason\":\"STOP\"",
        ),
        ("api/chat", "api/chat", "\"done\":true"),
    ];
    for (plain, streaming, end) in paths {
        let answer = ask(&backend, "reply,l=A", plain, whole).await;
        assert!(
            answer.text().contains("Grüße vom Modell: A!"),
            "{plain}: {}",
            answer.text()
        );
        let answer = ask(&backend, "reply,l=A", streaming, stream).await;
        let text = answer.text();
        assert!(text.contains("Grüße "), "{plain}: {text}");
        let last = text.trim_end().rsplit("\n\n").next().unwrap();
        assert!(last.contains(end), "{plain}: {last}");
    }
}
