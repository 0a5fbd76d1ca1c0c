//! Which dialect a frame speaks.

use openclaw_wire::{Dialect, sniff};

#[test]
fn an_event_is_native_only_when_it_names_itself_and_carries_a_payload_or_no_content() {
    use Dialect::{A2a, Native, Unknown};
    for (text, want) in [
        (
            r#"{"type":"event","event":"tick","payload":{"ts":1}}"#,
            Native,
        ),
        (r#"{"type":"event","event":"tick"}"#, Native),
        (
            r#"{"type":"event","event":"tick","payload":{},"content":{}}"#,
            Native,
        ),
        (
            r#"{"type":"event","event":"agent:status","content":{}}"#,
            A2a,
        ),
        (
            r#"{"type":"event","content":{"event":"agent:status"}}"#,
            A2a,
        ),
        (r#"{"type":"event"}"#, A2a),
        (r#"{"type":"event","event":7,"payload":{}}"#, A2a),
        (r#"{"type":"req","id":"1","method":"health"}"#, Native),
        (r#"{"type":"req"}"#, Native),
        (r#"{"type":"res","id":"1","ok":true}"#, Native),
        (r#"{"\u0074ype":"r\u0065q"}"#, Native),
        (
            r#"{"type":"message","agent":"steward","content":"hi"}"#,
            A2a,
        ),
        (r#"{"type":"request","content":{"service":"x"}}"#, A2a),
        (r#"{"type":"nonsense"}"#, A2a),
        (r#"{"type":5}"#, Unknown),
        (r#"{"type":null}"#, Unknown),
        (r"{}", Unknown),
    ] {
        assert_eq!(sniff(text.as_bytes()).unwrap(), want, "{text}");
    }
}
