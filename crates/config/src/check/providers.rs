//! Configured model servers; a broken one is left out and the others work.

use indexmap::IndexMap;
use openclaw_types::KnownProvider;

use super::{
    Checker,
    models::{LITELLM_KEY_VARIABLE, OLLAMA_URL, deadlines, is_http},
};
use crate::{
    api,
    config::{Api, Cost, Deadlines, Model, Provider},
    endpoint::{self, Url},
    expand,
    secret::Secret,
    section::{Entry, Section},
};

/// LiteLLM's port, by which a provider of another name is recognised.
const LITELLM_PORT: u16 = 4_000;
/// The word for a provider whose answers were recorded.
const REPLAY: &str = "replay";

impl Checker<'_> {
    pub(super) fn providers(&mut self, models: &Section<'_>, defaults: Deadlines) -> Vec<Provider> {
        let mut providers = Vec::new();
        for (id, entry) in models.section("providers").entries() {
            let section = entry.section();
            if section.flag("enabled")
                && let Some(provider) = self.provider(id, &section, defaults)
            {
                providers.push(provider);
            }
        }
        providers
    }

    fn provider(
        &mut self,
        id: &str,
        section: &Section<'_>,
        defaults: Deadlines,
    ) -> Option<Provider> {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if id.is_empty() || !id.chars().all(valid) {
            self.degraded(
                section.start(),
                section.path(),
                "a provider's id holds letters, digits, `-`, `_` and `.` only; it is left out",
            );
            return None;
        }
        if section.text("api") == Some(REPLAY) || section.has("recordings") {
            return self.replay(id, section, defaults);
        }
        let api = self.api(section)?;
        let base_url = self.provider_url(id, section, api)?;
        let key_variable = key_variable(id, &base_url);
        let key = section.secret("apiKey");
        let key = key.or_else(|| self.variable_secret(key_variable?));
        Some(Provider {
            id: id.to_owned(),
            api,
            key_variable: key
                .as_ref()
                .and_then(Secret::variable)
                .or(key_variable)
                .map(str::to_owned),
            key,
            headers: self.headers(section),
            deadlines: deadlines(&section.section("timeouts"), Some(defaults)),
            models: self.provider_models(section, api),
            base_url: endpoint::based(&base_url, api),
            recordings: None,
        })
    }

    /// A provider that asks nobody.
    fn replay(&mut self, id: &str, section: &Section<'_>, defaults: Deadlines) -> Option<Provider> {
        let Some(recordings) = section.text("recordings") else {
            self.degraded(
                section.start(),
                section.path_of("recordings"),
                "a replay without recordings; the provider is left out",
            )
            .hint("write `\"recordings\": \"~/.openclaw/agents/steward/recordings\"`, for example");
            return None;
        };
        let api = Api::OpenAiCompletions;
        Some(Provider {
            id: id.to_owned(),
            api,
            base_url: String::new(),
            key: None,
            key_variable: None,
            headers: IndexMap::new(),
            deadlines: deadlines(&section.section("timeouts"), Some(defaults)),
            models: self.provider_models(section, api),
            recordings: Some(expand::path(recordings, self.environment.home().as_deref())),
        })
    }

    fn provider_url(&mut self, id: &str, section: &Section<'_>, api: Api) -> Option<String> {
        let Some(text) = section.text("baseUrl") else {
            let known = KnownProvider::find(id);
            let variable = known.and_then(|known| known.base_variable);
            if let Some(variable) = variable.filter(|name| self.environment.value(name).is_some()) {
                return self.base_url_of(variable);
            }
            let url = known.map(|known| api::address(known, api));
            let url = url.or_else(|| (api == Api::Ollama).then_some(OLLAMA_URL));
            if url.is_none() {
                self.degraded(
                    section.start(),
                    section.path_of("baseUrl"),
                    "the provider has no address; it is left out",
                )
                .hint("add `\"baseUrl\": \"http://localhost:4000\"`, for example");
            }
            return url.map(str::to_owned);
        };
        let at = section.at("baseUrl");
        match Url::parse(text) {
            Some(url) if url.has_credentials || url.has_query => {
                self.degraded(
                    at,
                    section.path_of("baseUrl"),
                    "an address with a password or a query in it; the provider is left out",
                )
                .hint("put the key into `apiKey`");
                None
            }
            _ if is_http(text) => Some(text.to_owned()),
            _ => {
                self.degraded(
                    at,
                    section.path_of("baseUrl"),
                    "not an http:// or https:// address; the provider is left out",
                )
                .hint("write \"http://host:port\"");
                None
            }
        }
    }

    /// The protocol of a provider: its own, or that of its first model that names one. `None` where it is not
    /// spoken here, which is said.
    fn api(&mut self, section: &Section<'_>) -> Option<Api> {
        if section.has("api") {
            return self.spoken(section, "provider");
        }
        let mut models = section.list("models").map(|entry| entry.section());
        let first = models.find(|model| model.has("api"));
        // What the model says is checked with the model.
        let api = first.and_then(|model| api::parse(model.text_or_default("api")));
        Some(api.unwrap_or(Api::OpenAiCompletions))
    }

    fn spoken(&mut self, section: &Section<'_>, what: &str) -> Option<Api> {
        let api = api::parse(section.text_or_default("api"));
        if api.is_none() {
            self.degraded(
                section.at("api"),
                section.path_of("api"),
                format!("this protocol is not spoken here; the {what} is left out"),
            )
            .hint(format!(
                "most servers also speak \"{}\"; point `baseUrl` at that side of it",
                Api::OpenAiCompletions.as_str()
            ));
        }
        api
    }

    fn headers(&mut self, section: &Section<'_>) -> IndexMap<String, Secret> {
        let mut headers = IndexMap::new();
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        for (name, entry) in section.section("headers").entries() {
            let Some(value) = entry.secret() else {
                continue;
            };
            let visible = value
                .expose()
                .bytes()
                .all(|b| (b' '..=b'~').contains(&b) || b == b'\t');
            if name.is_empty() || !name.bytes().all(token) || !visible {
                let path = entry.section().path().to_owned();
                self.degraded(entry.at(), path, "not a header HTTP allows; it is left out");
                continue;
            }
            headers.insert(name.to_owned(), value);
        }
        headers
    }

    fn provider_models(&mut self, section: &Section<'_>, api: Api) -> Vec<Model> {
        let mut models: Vec<Model> = Vec::new();
        for entry in section.list("models") {
            if entry.is_dropped() {
                continue;
            }
            let Some(model) = self.model(&entry, api) else {
                continue;
            };
            if models.iter().any(|known| known.id == model.id) {
                let path = entry.section().path().to_owned();
                self.warning(
                    entry.at(),
                    path,
                    "the model is listed already; the first one counts",
                );
                continue;
            }
            models.push(model);
        }
        models
    }

    fn model(&mut self, entry: &Entry<'_>, provider: Api) -> Option<Model> {
        let section = entry.section();
        let Some(id) = entry.text().or_else(|| section.text("id")) else {
            self.degraded(
                entry.at(),
                section.path_of("id"),
                "a model without an id; it is left out",
            )
            .hint("write what the server calls it, like \"agent/steward\"");
            return None;
        };
        if section.has("api") && self.spoken(&section, "model")? != provider {
            self.degraded(
                section.at("api"),
                section.path_of("api"),
                format!(
                    "the provider speaks \"{}\"; the model is left out",
                    provider.as_str()
                ),
            )
            .hint("list it under a provider of its own");
            return None;
        }
        let cost = section.section("cost");
        Some(Model {
            id: id.to_owned(),
            name: section.text("name").unwrap_or(id).to_owned(),
            reasoning: section.flag("reasoning"),
            reads_images: self.reads_images(&section),
            context_window: section.number("contextWindow"),
            max_output: section.number("maxTokens"),
            cost: Cost {
                input: cost.fraction("input"),
                output: cost.fraction("output"),
                cache_read: cost.fraction("cacheRead"),
                cache_write: cost.fraction("cacheWrite"),
            },
        })
    }

    fn reads_images(&mut self, section: &Section<'_>) -> bool {
        let mut images = false;
        for (at, path, kind) in section.text_items("input") {
            match kind {
                "image" => images = true,
                "text" => {}
                "audio" | "video" | "file" => {
                    self.warning(at, path, "this kind of input is not used here");
                }
                _ => self
                    .warning(at, path, "not a kind of input; it is ignored")
                    .hint("write \"text\" or \"image\""),
            }
        }
        images
    }
}

/// The variable that holds a provider's key when the file does not give one.
fn key_variable(id: &str, base_url: &str) -> Option<&'static str> {
    if let Some(known) = KnownProvider::find(id) {
        return Some(known.key_variable());
    }
    let port = Url::parse(base_url).and_then(|url| url.port);
    (id == "litellm" || port == Some(LITELLM_PORT)).then_some(LITELLM_KEY_VARIABLE)
}
