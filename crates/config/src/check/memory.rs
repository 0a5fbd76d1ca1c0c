//! Side services that the deep status probes, and embeddings.

use super::{Checker, models::is_http};
use crate::{
    config::{Embedding, Memory},
    endpoint::{self, Endpoint},
    secret::{Origin, Secret},
    section::Section,
};

const POSTGRES_PORT: u16 = 5_432;
const REDIS_PORT: u16 = 6_379;
const OLLAMA_PORT: u16 = 11_434;

impl Checker<'_> {
    pub(super) fn memory(&mut self, root: &Section<'_>, ollama_url: &str) -> Memory {
        let memory = root.section("memory");
        let provider = memory.text("provider").unwrap_or_default().to_lowercase();
        let (for_postgres, for_redis) = match provider.as_str() {
            "postgres" | "postgresql" | "pgvector" => (true, false),
            "redis" => (false, true),
            "" => (false, false),
            _ => {
                self.degraded(
                    memory.at("provider"),
                    memory.path_of("provider"),
                    "not a service known here; `memory.connection` is ignored",
                )
                .hint("write \"pgvector\" or \"redis\"");
                (false, false)
            }
        };
        Memory {
            pgvector: self.service(
                &memory,
                ("pgvector", "connectionString", POSTGRES_PORT),
                for_postgres,
            ),
            redis: self.service(&memory, ("redis", "url", REDIS_PORT), for_redis),
            ollama: self.ollama(root, &memory, ollama_url),
        }
    }

    fn service(
        &mut self,
        memory: &Section<'_>,
        (name, key, port): (&str, &str, u16),
        is_provider: bool,
    ) -> Option<Endpoint> {
        let section = memory.section(name);
        if !section.flag("enabled") {
            return None;
        }
        let (url, at, path) = match section.secret(key) {
            Some(url) => (url, section.at(key), section.path_of(key)),
            None if is_provider => (
                memory.secret("connection")?,
                memory.at("connection"),
                memory.path_of("connection"),
            ),
            None => {
                if section.is_present() {
                    self.degraded(
                        section.start(),
                        section.path_of(key),
                        "the service is enabled but has no address; it is not used",
                    );
                }
                return None;
            }
        };
        let endpoint = endpoint::endpoint(url, port);
        if endpoint.is_none() {
            self.degraded(at, path, "not a connection string; the service is not used")
                .hint("write `scheme://user:password@host:port/name`");
        }
        endpoint
    }

    /// Ollama where the file or the environment mentions it.
    fn ollama(
        &mut self,
        root: &Section<'_>,
        memory: &Section<'_>,
        default_url: &str,
    ) -> Option<Endpoint> {
        let section = memory.section("ollama");
        if !section.flag("enabled") {
            return None;
        }
        let embedding = root.section("embedding");
        let embeds = embedding.is_present() && embedding.text_or_default("provider") == "ollama";
        let named = embedding.text("api_base").filter(|_| embeds);
        let (text, at, path) = match (section.text("url"), named) {
            (Some(url), _) => (url, section.at("url"), section.path_of("url")),
            (None, Some(url)) => (url, embedding.at("api_base"), embedding.path_of("api_base")),
            (None, None) => (default_url, section.start(), section.path().to_owned()),
        };
        let mentioned =
            section.is_present() || embeds || self.environment.value("OLLAMA_HOST").is_some();
        if !mentioned {
            return None;
        }
        let Some(url) = endpoint::ollama_url(text) else {
            self.degraded(at, path, "not an address; Ollama is not used")
                .hint("write \"http://host:11434\"");
            return None;
        };
        endpoint::endpoint(Secret::new(&url, Origin::Inline), OLLAMA_PORT)
    }

    pub(super) fn embedding(&mut self, root: &Section<'_>) -> Embedding {
        let section = root.section("embedding");
        let older = root.section("collective").section("configuration");
        let model = section
            .text("model")
            .or_else(|| older.text("embedding_model"));
        let base_url = section.text("api_base").filter(|url| is_http(url));
        if section.has("api_base") && base_url.is_none() {
            self.degraded(
                section.at("api_base"),
                section.path_of("api_base"),
                "not an http:// or https:// address without a password; it is ignored",
            )
            .hint("write \"http://host:port\"");
        }
        Embedding {
            provider: section.text_or_default("provider").to_owned(),
            model: model.map(str::to_owned),
            dimensions: section.number("dimensions"),
            base_url: base_url.map(str::to_owned),
        }
    }
}
