use super::*;

#[test]
fn error_bodies_of_every_shape_are_read() {
    let cases = [
        (
            "{\"error\":{\"message\":\"a\\nb\",\"type\":\"t\",\"code\":\"c\"}}",
            "a b",
            "c",
            "t",
        ),
        (
            "{\"error\":{\"message\":\"a\",\"code\":429}}",
            "a",
            "429",
            "",
        ),
        (
            "{\"error\":{\"message\":\"a\",\"code\":null,\"status\":\"RESOURCE_EXHAUSTED\"}}",
            "a",
            "RESOURCE_EXHAUSTED",
            "",
        ),
        (
            "[{\"error\":{\"code\":400,\"message\":\"API key not valid\",\"status\":\"INVALID_ARGUMENT\"}}]",
            "API key not valid",
            "400",
            "",
        ),
        ("{\"error\":\"plain\"}", "plain", "", ""),
        ("{\"message\":\"m\"}", "m", "", ""),
        ("{\"detail\":\"Not Found\"}", "\"Not Found\"", "", ""),
        (
            "<html>Bad Gateway</html>",
            "<html>Bad Gateway</html>",
            "",
            "",
        ),
        ("", "", "", ""),
        ("\u{fffd}\u{0}x", "\u{fffd} x", "", ""),
    ];
    for (body, message, code, kind) in cases {
        let expected = Refusal {
            message: message.to_owned(),
            code: code.to_owned(),
            r#type: kind.to_owned(),
        };
        assert_eq!(Refusal::read(body.as_bytes()), expected, "{body}");
    }
    let long = Refusal::read("é".repeat(9_000).as_bytes()).message;
    assert_eq!(long.chars().count(), ERROR_MESSAGE_CHARS_MAX + 1);
}

#[test]
fn a_bad_request_is_told_by_what_it_names() {
    let limited = Kind::RateLimited { retry_after: None };
    let cases = [
        (
            400,
            "{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens\"}}",
            Kind::ContextOverflow,
        ),
        (
            400,
            "{\"error\":{\"message\":\"x\",\"type\":\"exceed_context_size_error\",\"code\":\"context_length_exceeded\"}}",
            Kind::ContextOverflow,
        ),
        (
            400,
            "{\"error\":{\"message\":\"x\",\"code\":\"content_filter\"}}",
            Kind::Refused,
        ),
        (
            400,
            "{\"error\":{\"message\":\"x\",\"code\":\"model_not_found\"}}",
            Kind::NotFound,
        ),
        (
            400,
            "{\"error\":{\"message\":\"No connected db.\",\"type\":\"no_db_connection\",\"code\":\"400\"}}",
            Kind::Auth,
        ),
        (
            400,
            "{\"error\":{\"message\":\"API key not valid. Please pass a valid API key.\"}}",
            Kind::Auth,
        ),
        (
            422,
            "{\"error\":{\"message\":\"x\",\"type\":\"budget_exceeded\"}}",
            limited,
        ),
        (
            400,
            "{\"error\":{\"message\":\"messages is required\"}}",
            Kind::BadRequest,
        ),
        (418, "", Kind::BadRequest),
        (402, "", Kind::Auth),
        (307, "", Kind::Malformed),
        (599, "", Kind::Overloaded),
        (0, "{\"error\":\"boom\"}", Kind::Overloaded),
        (0, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}", limited),
    ];
    for (status, body, kind) in cases {
        assert_eq!(
            Refusal::read(body.as_bytes()).kind(status, None),
            kind,
            "{status} {body}"
        );
    }
}

#[test]
fn retry_after_is_read_in_both_units() {
    let read = |pairs: &[(&'static str, &'static str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, http::HeaderValue::from_static(value));
        }
        retry_after(&headers).map(|time| time.as_millis())
    };
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[("retry-after", "2")]), Some(2_000));
    assert_eq!(read(&[("retry-after", "0.5")]), Some(500));
    assert_eq!(
        read(&[("retry-after", "9"), ("retry-after-ms", "250")]),
        Some(250)
    );
    assert_eq!(read(&[("retry-after", "86400")]), Some(86_400_000));
    for nonsense in [
        "soon",
        "-1",
        "1e400",
        "NaN",
        "Wed, 21 Oct 2026 07:28:00 GMT",
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(
            "retry-after",
            http::HeaderValue::from_str(nonsense).unwrap(),
        );
        assert_eq!(retry_after(&headers), None, "{nonsense}");
    }
}
