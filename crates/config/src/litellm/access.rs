//! `general_settings`: the master key, and paths that are passed on.

use super::Reader;
use crate::{
    check::router::is_publicly_known,
    config::{Api, PassThrough},
    endpoint::Url,
    secret::Secret,
    section::Section,
};

impl Reader<'_> {
    pub(super) fn master_key(&mut self, general: &Section<'_>) -> Option<Secret> {
        let key = general.secret("master_key")?;
        if is_publicly_known(key.expose()) {
            self.warning(
                general.at("master_key"),
                general.path_of("master_key"),
                "everybody knows this key; LiteLLM itself refuses to start with it",
            )
            .hint("make one of your own, like `openssl rand -hex 24` does, and write `os.environ/LITELLM_MASTER_KEY`");
        }
        Some(key)
    }

    pub(super) fn pass_through(&mut self, general: &Section<'_>) -> Vec<PassThrough> {
        let mut endpoints: Vec<PassThrough> = Vec::new();
        for entry in general.list("pass_through_endpoints") {
            if entry.is_dropped() {
                continue;
            }
            let section = entry.section();
            let Some(endpoint) = self.endpoint(&section) else {
                continue;
            };
            if endpoints.iter().any(|known| known.path == endpoint.path) {
                self.degraded(
                    section.at("path"),
                    section.path_of("path"),
                    "the path is listed already; the first one counts",
                );
                continue;
            }
            endpoints.push(endpoint);
        }
        endpoints
    }

    fn endpoint(&mut self, section: &Section<'_>) -> Option<PassThrough> {
        let path = section.text("path").map(|path| path.trim_end_matches('/'));
        let plain = |path: &&str| {
            path.starts_with('/')
                && path
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b"?#{}%\\".contains(&b))
                && !path.split('/').any(|segment| matches!(segment, "." | ".."))
        };
        let Some(path) = path.filter(plain) else {
            self.degraded(
                section.at("path"),
                section.path_of("path"),
                "not a path; the endpoint is left out",
            )
            .hint("write `/agent/steward`, for example");
            return None;
        };
        let target = section.text("target").filter(|text| {
            Url::parse(text)
                .is_some_and(|url| matches!(url.scheme, "http" | "https") && !url.has_credentials)
        });
        let Some(target) = target else {
            self.degraded(
                section.at("target"),
                section.path_of("target"),
                "not an http:// or https:// address without a password; the endpoint is left out",
            )
            .hint("write `https://host/v1/chat/completions`, for example");
            return None;
        };
        Some(PassThrough {
            path: path.to_owned(),
            target: target.to_owned(),
            headers: self.headers(section, Api::OpenAiCompletions, "headers"),
            has_subpaths: section.flag("include_subpath"),
            forwards_headers: section.flag("forward_headers"),
            needs_key: section.flag("auth"),
        })
    }
}
