use super::versioned;

#[test]
fn a_base_url_without_a_version_gets_one() {
    for (given, expected) in [
        ("http://localhost:4000", "http://localhost:4000/v1"),
        ("http://localhost:4000/", "http://localhost:4000/v1"),
        ("http://localhost:4000/v1/", "http://localhost:4000/v1"),
        ("http://v1.example:80", "http://v1.example:80/v1"),
        (
            "https://api.z.ai/api/paas/v4",
            "https://api.z.ai/api/paas/v4",
        ),
        (
            "https://g.example/v1beta/openai",
            "https://g.example/v1beta/openai",
        ),
        ("http://x/v1/chat/completions", "http://x/v1"),
        ("http://x/chat/completions", "http://x/v1"),
        ("http://x/vendor", "http://x/vendor/v1"),
    ] {
        assert_eq!(versioned(given), expected);
    }
}
