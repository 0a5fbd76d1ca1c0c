//! What changed, and what it takes.

use openclaw_config::{Change, Config, Effect, diff};

use crate::fixture::Home;

fn configs(old: &str, new: &str) -> (Config, Config) {
    let home = Home::with(old);
    let before = home.loaded().0;
    home.write(".openclaw/openclaw.json", new);
    (before, home.loaded().0)
}

/// Before, after, what changed, what it takes.
const CHANGES: &[(&str, &str, &str, Effect)] = &[
    (
        "{}",
        "{ gateway: { port: 1 } }",
        "gateway.port",
        Effect::Restart,
    ),
    (
        "{}",
        "{ gateway: { bind: '127.0.0.2' } }",
        "gateway.bind",
        Effect::Restart,
    ),
    (
        "{}",
        "{ gateway: { auth: { token: '0123456789abcdef' } } }",
        "gateway.auth.token",
        Effect::Restart,
    ),
    (
        "{}",
        "{ agents: [{ name: 'alpha', role: 'x' }] }",
        "agents.alpha",
        Effect::NextRun,
    ),
    ("{}", "{ agents: ['nova'] }", "agents.nova", Effect::NextRun),
    ("{ agents: ['nova'] }", "{}", "agents.nova", Effect::NextRun),
    (
        "{ agents: ['b', 'a'] }",
        "{ agents: ['a', 'b'] }",
        "agents",
        Effect::NextRun,
    ),
    (
        "{}",
        "{ models: { providers: { p: { baseUrl: 'http://h' } } } }",
        "models.providers.p",
        Effect::NextRun,
    ),
    (
        "{}",
        "{ models: { timeouts: { idle: '1s' } } }",
        "models.timeouts",
        Effect::NextRun,
    ),
    (
        "{}",
        "{ models: { local: false } }",
        "models.local",
        Effect::Restart,
    ),
    (
        "{}",
        "{ model_routing: { default: 'x' } }",
        "model_routing",
        Effect::NextRun,
    ),
    (
        "{}",
        "{ session: { durability: 'os' } }",
        "session.durability",
        Effect::Restart,
    ),
    (
        "{}",
        "{ session: { historyEntries: 3 } }",
        "session.historyEntries",
        Effect::NextRun,
    ),
    ("{}", "{ limits: { runs: 3 } }", "limits", Effect::Restart),
    (
        "{}",
        "{ plugins: { deny: ['x'] } }",
        "plugins",
        Effect::Restart,
    ),
    (
        "{}",
        "{ logging: { level: 'debug' } }",
        "logging.level",
        Effect::Restart,
    ),
    (
        "{}",
        "{ embedding: { dimensions: 3 } }",
        "embedding",
        Effect::Restart,
    ),
    (
        "{}",
        "{ skills_repository: { path: 'x' } }",
        "skills_repository.path",
        Effect::NextRun,
    ),
];

#[test]
fn each_change_is_named_with_what_it_takes() {
    for &(old, new, path, effect) in CHANGES {
        let (before, after) = configs(old, new);
        let changes = diff(&before, &after);
        assert!(
            changes.contains(&Change {
                path: path.to_owned(),
                effect
            }),
            "{old} to {new}: {changes:?}"
        );
        assert_eq!(diff(&before, &before), []);
        assert_eq!(diff(&after, &after), []);
    }
}
