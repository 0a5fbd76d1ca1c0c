//! Finds out where answers come from when nobody said: asks servers what they have, and chooses the first that has.

use std::time::Duration;

use futures_util::future::{join, join_all};

use crate::{
    discovery::{
        findings::{Place, serves},
        known::{KNOWN, Known},
        probe::{Failure, Probe, is_litellm, list},
    },
    exchange::line,
    http::Http,
    openai::versioned,
    options::{Api, DiscoveryOptions, ModelOptions, ProviderOptions},
    secret::Secret,
};

mod choice;
mod findings;
pub(crate) mod known;
mod owner;
mod probe;

pub(crate) use choice::best;
pub(crate) use findings::Findings;

/// How long one server has to say what it has: long for a server on this machine, and nobody waits for more.
pub const PROBE_DEADLINE: Duration = Duration::from_secs(1);
/// The least time between two searches, so that a machine without any model does not ask around all the time.
pub const SEARCH_INTERVAL: Duration = Duration::from_secs(30);

/// The id under which a LiteLLM that was found is known.
pub(crate) const LITELLM_ID: &str = "litellm";
/// The id under which an Ollama that was found is known.
pub(crate) const OLLAMA_ID: &str = "ollama";
/// The variable that holds LiteLLM's key.
pub(crate) const LITELLM_VARIABLE: &str = "LITELLM_MASTER_KEY";
/// What Ollama gives a conversation unless told otherwise, in tokens; more is cut off in silence.
const OLLAMA_WINDOW: u32 = 4_096;
/// Room for an answer in that window.
const OLLAMA_OUTPUT: u32 = 1_024;

/// Whether the model on this machine can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LocalChoice {
    /// It can; its model.
    Usable(String),
    /// It can't; why.
    Not(String),
}

/// That the configuration names groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupsChoice {
    /// The one used where nobody names one.
    pub(crate) default: Option<String>,
}

/// Where to look.
#[derive(Debug)]
pub(crate) struct Discovery {
    pub(crate) http: Http,
    pub(crate) configured: Vec<ProviderOptions>,
    pub(crate) groups: Option<GroupsChoice>,
    pub(crate) options: DiscoveryOptions,
    pub(crate) local: LocalChoice,
}

impl Discovery {
    /// Whether everything is known without asking anybody.
    pub(crate) fn is_needless(&self) -> bool {
        let declared =
            |provider: &ProviderOptions| !provider.models.is_empty() && !self.is_doubtful(provider);
        let is_settled = self.configured.iter().all(declared);
        match &self.groups {
            Some(_) => is_settled && !self.options.enabled,
            None => is_settled && !self.configured.is_empty(),
        }
    }

    /// Providers that are used only once a search has found what they are.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = &str> {
        let configured = self.configured.iter();
        let doubtful = configured.filter(|provider| self.is_doubtful(provider));
        let litellm = (self.groups.is_some() && self.options.enabled).then_some(LITELLM_ID);
        doubtful.map(|provider| provider.id.as_str()).chain(litellm)
    }

    /// Whether a provider with declared models has to say who it is: with groups, calls go to a LiteLLM first only
    /// while it is there; and where a router of ours listens, what looks like a server may be that.
    fn is_doubtful(&self, provider: &ProviderOptions) -> bool {
        let is_litellm = provider.id == LITELLM_ID && self.groups.is_some();
        is_litellm || (self.options.instance.is_some() && owner::is_loopback(&provider.base_url))
    }

    /// Looks everywhere, each place with a deadline.
    pub(crate) async fn search(&self) -> Findings {
        let mut findings = Findings::default();
        if let Some(groups) = &self.groups {
            findings.add(Place::groups(groups.default.clone()));
            let configured = self.ask_configured();
            let litellm = async {
                let is_configured = self.configured.iter().any(|known| known.id == LITELLM_ID);
                let is_wanted = self.options.enabled && !is_configured;
                if is_wanted {
                    Some(self.ask_litellm().await)
                } else {
                    None
                }
            };
            let (configured, litellm) = join(configured, litellm).await;
            for place in configured.into_iter().chain(litellm) {
                findings.add(place);
            }
            return findings;
        }
        if !self.configured.is_empty() {
            for place in self.ask_configured().await {
                findings.add(place);
            }
            return findings;
        }
        if self.options.enabled {
            let keyed = self.ask_keyed();
            let servers = join(self.ask_litellm(), self.ask_ollama());
            let (keyed, (litellm, ollama)) = join(keyed, servers).await;
            for place in keyed.into_iter().chain([litellm, ollama]) {
                findings.add(place);
            }
        }
        findings.add(self.look_at_local());
        findings
    }

    /// Asks the configured providers; one of them is the source, even when none answers: nobody asked for another.
    async fn ask_configured(&self) -> Vec<Place> {
        let asked = self.configured.iter();
        let mut places = join_all(asked.map(|provider| self.ask_one_configured(provider))).await;
        let answers = |place: &Place| place.is_usable && place.model.is_some();
        let source = places.iter().position(answers).unwrap_or(0);
        if let Some(place) = places.get_mut(source) {
            place.is_chosen = true;
        }
        places
    }

    async fn ask_one_configured(&self, provider: &ProviderOptions) -> Place {
        let known = KNOWN.iter().find(|known| known.id == provider.id);
        let is_declared = !provider.models.is_empty();
        let is_native = provider.api == Api::AnthropicMessages;
        let lists = is_native || known.is_none_or(|known| known.lists);
        let answer = if (is_declared && self.is_doubtful(provider)) || (!is_declared && lists) {
            self.list(&Probe::of(provider)).await
        } else {
            Ok(Vec::new())
        };
        let is_ours = answer == Err(Failure::Ourselves);
        let is_silent = answer.is_err();
        let models = || known.map(Known::models).unwrap_or_default();
        let (is_usable, detail, learned) = match answer {
            // What is declared counts, whatever else is there or not.
            _ if is_declared && !is_ours => {
                (true, "configured with its models".to_owned(), Vec::new())
            }
            Ok(listed) if listed.is_empty() => (true, "configured".to_owned(), models()),
            Ok(listed) => (true, serves(&listed), listed),
            Err(failure) => {
                let detail = failure.describe(provider.key_variable.as_deref());
                (false, detail, models())
            }
        };
        let models = if learned.is_empty() {
            &provider.models
        } else {
            &learned
        };
        Place {
            id: provider.id.clone(),
            name: provider.id.clone(),
            why: "it is configured".to_owned(),
            is_usable,
            detail,
            model: choice::best(known.map_or(&[], |known| known.preferred), models),
            learned: (!learned.is_empty()).then_some(learned),
            is_silent,
            is_ours,
            ..Place::default()
        }
    }

    /// The models of a server, unless it is our own router.
    async fn list(&self, probe: &Probe) -> Result<Vec<ModelOptions>, Failure> {
        list(&self.http, probe, self.options.instance.as_deref()).await
    }

    /// Asks the providers whose keys are in the environment, until one can be used.
    async fn ask_keyed(&self) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for known in &KNOWN {
            let Some(key) = self.options.environment_keys.get(known.variable) else {
                continue;
            };
            if places.iter().any(|place| place.is_usable) {
                places.push(Place::unused(known.variable, "not needed"));
                continue;
            }
            places.push(self.ask_one_keyed(known, key).await);
        }
        places
    }

    async fn ask_one_keyed(&self, known: &Known, key: &Secret) -> Place {
        let answer = if known.lists {
            let probe = Probe::at(self.base_url(known), Some(key.clone()));
            self.list(&probe).await
        } else {
            Ok(Vec::new())
        };
        let (is_usable, detail, mut models) = match answer {
            Ok(models) if models.is_empty() => (true, "its key is set".to_owned(), known.models()),
            Ok(models) => (true, serves(&models), models),
            // A server that is slow to list its models, or doesn't, may well answer.
            Err(Failure::Slow | Failure::Unlisted(_)) => {
                (true, "its key is set".to_owned(), known.models())
            }
            Err(failure) => {
                let detail = failure.describe(Some(known.variable));
                (false, detail, Vec::new())
            }
        };
        for model in models.iter_mut().filter(|model| model.context_window == 0) {
            model.context_window = known.context_window;
            model.max_output = known.max_output;
        }
        Place {
            id: known.id.to_owned(),
            name: known.variable.to_owned(),
            why: format!("{} is set", known.variable),
            is_chosen: is_usable,
            is_usable,
            detail,
            model: choice::best(known.preferred, &models),
            learned: (!models.is_empty()).then_some(models),
            ..Place::default()
        }
    }

    async fn ask_litellm(&self) -> Place {
        let url = &self.options.litellm_url;
        let mut probe = Probe::at(versioned(url), None);
        // Anybody on this machine may listen there, so the key is shown to nobody who doesn't want it, to no other
        // ordinary user, and to nobody who isn't LiteLLM.
        let mut answer = self.list(&probe).await;
        if answer == Err(Failure::Refused) && self.options.litellm_key.is_some() {
            answer = if let Some(uid) = owner::stranger(url) {
                tracing::warn!(
                    url,
                    uid,
                    "{LITELLM_VARIABLE} is not shown to another user's program"
                );
                Err(Failure::Foreign(uid))
            } else if is_litellm(&self.http, &probe, PROBE_DEADLINE).await {
                probe.key.clone_from(&self.options.litellm_key);
                self.list(&probe).await
            } else {
                Err(Failure::Stranger)
            };
        }
        match answer {
            Ok(models) if !models.is_empty() => Place {
                is_keyed: probe.key.is_some(),
                ..Place::found(LITELLM_ID, "LiteLLM", url, &["default"], models)
            },
            Ok(_) => Place::absent(LITELLM_ID, "LiteLLM", &format!("{url} serves no model")),
            Err(failure) => {
                let detail = failure.describe(Some(LITELLM_VARIABLE));
                Place {
                    is_ours: failure == Failure::Ourselves,
                    ..Place::absent(LITELLM_ID, "LiteLLM", &format!("{url} {detail}"))
                }
            }
        }
    }

    async fn ask_ollama(&self) -> Place {
        let url = &self.options.ollama_url;
        let probe = Probe {
            api: Api::Ollama,
            ..Probe::at(line::base(Api::Ollama, url), None)
        };
        match list(&self.http, &probe, None).await {
            Ok(models) if !models.is_empty() => Place::found(OLLAMA_ID, "Ollama", url, &[], models),
            Ok(_) => Place::absent(
                OLLAMA_ID,
                "Ollama",
                &format!("{url} has no model that can talk"),
            ),
            Err(failure) => {
                let detail = failure.describe(None);
                Place::absent(OLLAMA_ID, "Ollama", &format!("{url} {detail}"))
            }
        }
    }

    fn look_at_local(&self) -> Place {
        match &self.local {
            LocalChoice::Usable(model) => Place {
                id: crate::local::ID.to_owned(),
                name: "local model".to_owned(),
                why: "nothing else was found; it is small, and a real provider gives real answers"
                    .to_owned(),
                is_chosen: true,
                is_usable: true,
                detail: "it runs on this machine".to_owned(),
                model: Some(model.clone()),
                ..Place::default()
            },
            LocalChoice::Not(why) => Place::unused("local model", why),
        }
    }

    /// Where a known provider is, unless somebody said otherwise.
    fn base_url(&self, known: &Known) -> String {
        let given = self.options.base_urls.get(known.id);
        versioned(given.map_or(known.base_url, String::as_str))
    }
}
