//! One entry of `model_list`.

use indexmap::IndexMap;
use openclaw_types::Price;
use serde_json::{Map, Value};

use super::{Reader, ms, provider::Target, settings, shares};
use crate::{
    config::{Api, Deadlines, Deployment, Mode},
    json5::Position,
    secret::{Opaque, Origin, Secret},
    section::{Entry, Section},
};

/// Keys of `litellm_params` that are fields of requests.
const FIELDS: [&str; 24] = [
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "n",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "stop",
    "user",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "thinking",
    "service_tier",
    "dimensions",
    "encoding_format",
    "keep_alive",
];

/// Fields that say which model is asked, and how; a file can't put them into requests.
const NEVER: [&str; 3] = ["model", "messages", "stream"];

/// The prices, in the order of [`Price::per_token_usd`].
const COSTS: [&str; 4] = [
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
];

impl Reader<'_> {
    pub(super) fn deployments(&mut self, root: &Section<'_>) -> Vec<Deployment> {
        let mut deployments: Vec<Deployment> = Vec::new();
        for entry in root.list("model_list") {
            if entry.is_dropped() {
                continue;
            }
            let Some(deployment) = self.deployment(root, &entry) else {
                continue;
            };
            let same = |known: &Deployment| known.id.is_some() && known.id == deployment.id;
            if deployments.iter().any(same) {
                let info = entry.section().section("model_info");
                self.degraded(
                    info.at("id"),
                    info.path_of("id"),
                    "another deployment has this id; this one is left out",
                )
                .hint("give each its own, or leave it out");
                continue;
            }
            deployments.push(deployment);
        }
        shares::fill_in(&mut deployments);
        deployments
    }

    fn deployment(&mut self, root: &Section<'_>, entry: &Entry<'_>) -> Option<Deployment> {
        let section = entry.section();
        let params = section.section("litellm_params");
        let info = section.section("model_info");
        let Some(group) = section.text("model_name") else {
            self.degraded(
                entry.at(),
                section.path_of("model_name"),
                "a deployment without a name; it is left out",
            )
            .hint("write what requests are to call it, like `agent/steward`");
            return None;
        };
        let target = self.target(&params)?;
        let mode = self.mode(&info, &target)?;
        self.wildcard(&section, group, &target)?;
        let (deadlines, stream_deadlines) = self.call_deadlines(root, &params);
        let global = root.section("litellm_settings").flag("drop_params");
        let window = info.stated("max_input_tokens");
        Some(Deployment {
            line: entry.at().line,
            id: info.text("id").map(str::to_owned),
            group: group.to_owned(),
            headers: self.headers(&params, target.api, "extra_headers"),
            order: params.stated("order").unwrap_or(shares::UNORDERED),
            weight: params.stated("weight"),
            rpm: params.stated("rpm"),
            tpm: params.stated("tpm"),
            price: self.price(&params, &info),
            context_window: window
                .or_else(|| info.stated("max_tokens"))
                .unwrap_or_default(),
            max_output: info.stated("max_output_tokens").unwrap_or_default(),
            reads_images: info.stated_flag("supports_vision").unwrap_or(true),
            calls_tools: info.stated_flag("supports_function_calling"),
            reasoning: info.stated_flag("supports_reasoning").unwrap_or_default(),
            mode,
            description: info.text("description").unwrap_or_default().to_owned(),
            deadlines,
            stream_deadlines,
            num_retries: params.stated("max_retries"),
            cooldown_ms: params
                .stated_fraction("cooldown_time")
                .or_else(|| info.stated_fraction("cooldown_time"))
                .map(ms),
            allowed_fails: info.stated("allowed_fails"),
            allowed_fails_policy: settings::allowed_fails(&info.section("allowed_fails_policy")),
            drop_params: params.stated_flag("drop_params").unwrap_or(global),
            extra: self.extra(&params),
            api: if mode == Mode::Responses && target.api == Api::OpenAiCompletions {
                Api::OpenAiResponses
            } else {
                target.api
            },
            provider: target.provider,
            model: target.model,
            base_url: target.base_url,
            key: target.key,
            key_variable: target.key_variable,
        })
    }

    fn mode(&mut self, info: &Section<'_>, target: &Target) -> Option<Mode> {
        let Some(word) = info.text("mode") else {
            return Some(target.mode.unwrap_or(Mode::Chat));
        };
        let mode = match word {
            "chat" => Mode::Chat,
            "completion" => Mode::Completion,
            "embedding" => Mode::Embedding,
            "responses" => Mode::Responses,
            _ => {
                self.degraded(
                    info.at("mode"),
                    info.path_of("mode"),
                    "requests of this kind are not served here; the deployment is left out",
                )
                .hint("`chat`, `completion`, `embedding`, or `responses`");
                return None;
            }
        };
        Some(mode)
    }

    /// A `*` at the provider needs one in the name to stand for something.
    fn wildcard(&mut self, section: &Section<'_>, group: &str, target: &Target) -> Option<()> {
        if !target.model.contains('*') || group.contains('*') {
            return Some(());
        }
        let params = section.section("litellm_params");
        self.degraded(
            params.at("model"),
            params.path_of("model"),
            "the `*` stands for nothing, since `model_name` has none; the deployment is left out",
        );
        None
    }

    /// Deadlines of answers in one piece, and of streams.
    fn call_deadlines(&self, root: &Section<'_>, params: &Section<'_>) -> (Deadlines, Deadlines) {
        let router = root.section("router_settings");
        let settings = root.section("litellm_settings");
        let timeout = params
            .stated_fraction("timeout")
            .or_else(|| router.stated_fraction("timeout"))
            .or_else(|| settings.stated_fraction("request_timeout"))
            .map(ms);
        let stream = params
            .stated_fraction("stream_timeout")
            .or_else(|| router.stated_fraction("stream_timeout"))
            .or_else(|| settings.stated_fraction("stream_timeout"))
            .map(ms);
        let of = |ms: Option<u64>, total: fn(u64, u64) -> u64| match ms {
            None => self.deadlines,
            Some(ms) => Deadlines {
                connect_ms: self.deadlines.connect_ms.min(ms),
                first_byte_ms: ms,
                idle_ms: ms,
                total_ms: total(ms, self.deadlines.total_ms),
            },
        };
        // A stream that goes on is not cut off by the time that one answer in one piece may take.
        (of(timeout, |own, _| own), of(stream.or(timeout), u64::max))
    }

    fn price(&mut self, params: &Section<'_>, info: &Section<'_>) -> Option<Price> {
        let [input, output, read, write] = COSTS.map(|key| {
            let own = params.stated_fraction(key);
            own.or_else(|| info.stated_fraction(key))
        });
        match (input, output) {
            (Some(0.0), Some(0.0)) => Some(Price::FREE),
            (Some(input), Some(output)) => Price::per_token_usd(input, output, read, write),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                let section = if params.has(COSTS[0]) || params.has(COSTS[1]) {
                    params
                } else {
                    info
                };
                self.warning(
                    section.start(),
                    section.path(),
                    "a price for tokens read needs one for tokens written, and the other way round; it counts as unknown",
                )
                .hint("write both; 0 is free");
                None
            }
        }
    }

    /// Fields put into requests.
    fn extra(&mut self, params: &Section<'_>) -> Opaque {
        let mut extra = Map::new();
        for key in FIELDS {
            if let Some(value) = params.json(key) {
                extra.insert(key.to_owned(), value);
            }
        }
        if let Some(window) = params.json("num_ctx") {
            let options = Map::from_iter([("num_ctx".to_owned(), window)]);
            extra.insert("options".to_owned(), Value::Object(options));
        }
        let (at, path) = (params.at("extra_body"), params.path_of("extra_body"));
        match params.any("extra_body") {
            None | Some(Value::Null) => {}
            Some(Value::Object(fields)) => {
                for (key, value) in fields {
                    if NEVER.contains(&key.as_str()) {
                        self.degraded(at, path.clone(), "a file can't say this of requests")
                            .hint(format!("remove `{key}`"));
                    } else {
                        extra.insert(key.clone(), value.clone());
                    }
                }
            }
            Some(_) => {
                self.degraded(at, path, "expected an object; the key is ignored");
            }
        }
        Opaque(Value::Object(extra))
    }

    /// Headers of a section, and those that other keys stand for.
    pub(super) fn headers(
        &mut self,
        section: &Section<'_>,
        api: Api,
        key: &str,
    ) -> IndexMap<String, Secret> {
        let mut headers = IndexMap::new();
        let plain = |text: &str| Secret::new(text, Origin::Inline);
        if key == "extra_headers" {
            if let Some(organization) = section.text("organization") {
                headers.insert("openai-organization".to_owned(), plain(organization));
            }
            self.api_version(section, api, &mut headers);
        }
        for (name, entry) in section.section(key).entries() {
            let Some(value) = entry.secret() else {
                continue;
            };
            if is_header(name, value.expose()) {
                headers.insert(name.to_owned(), value);
                continue;
            }
            let path = entry.section().path().to_owned();
            self.degraded(entry.at(), path, "not a header HTTP allows; it is left out");
        }
        headers
    }

    fn api_version(
        &mut self,
        section: &Section<'_>,
        api: Api,
        headers: &mut IndexMap<String, Secret>,
    ) {
        let Some(version) = section.text("api_version") else {
            return;
        };
        if api == Api::AnthropicMessages {
            let version = Secret::new(version, Origin::Inline);
            headers.insert("anthropic-version".to_owned(), version);
            return;
        }
        let at: Position = section.at("api_version");
        self.warning(
            at,
            section.path_of("api_version"),
            "this provider's protocol has no versions; the key has no effect",
        );
    }
}

fn is_header(name: &str, value: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let visible = value
        .bytes()
        .all(|b| (b' '..=b'~').contains(&b) || b == b'\t');
    !name.is_empty() && name.bytes().all(token) && visible
}
