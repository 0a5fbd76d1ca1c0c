//! What was found, place by place.

use super::choice;
use crate::{
    options::ModelOptions,
    status::{LookedAt, Source},
};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Findings {
    /// Where answers come from.
    pub(crate) source: Option<Source>,
    /// Every place looked at, in order of preference.
    pub(crate) looked_at: Vec<LookedAt>,
    /// Models by provider id.
    pub(crate) learned: Vec<(String, Vec<ModelOptions>)>,
    /// Providers that want the key they would else be called without.
    pub(crate) keyed: Vec<String>,
    /// Providers that nobody configured and that are not there.
    pub(crate) absent: Vec<String>,
    /// Providers, configured or not, that do not answer as they should.
    pub(crate) silent: Vec<String>,
    /// Providers whose address leads back to this gateway.
    pub(crate) ourselves: Vec<String>,
}

/// What was found at one place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what is true of a place is independent of what else is"
)]
pub(super) struct Place {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) why: String,
    pub(super) is_chosen: bool,
    pub(super) is_usable: bool,
    pub(super) detail: String,
    pub(super) model: Option<String>,
    pub(super) learned: Option<Vec<ModelOptions>>,
    /// Whether it answered to a key that it is not shown unless it has to be.
    pub(super) is_keyed: bool,
    /// Whether it did not answer as it should.
    pub(super) is_silent: bool,
    /// Whether it is this gateway.
    pub(super) is_ours: bool,
    /// The provider that is not there, if this is where it would be.
    pub(super) absent: Option<&'static str>,
}

impl Place {
    pub(super) fn unused(name: &str, detail: &str) -> Self {
        Self {
            name: name.to_owned(),
            detail: detail.to_owned(),
            ..Self::default()
        }
    }

    /// The groups of the configuration.
    pub(super) fn groups(model: Option<String>) -> Self {
        Self {
            name: "groups".to_owned(),
            why: "the configuration names model groups".to_owned(),
            is_chosen: true,
            is_usable: true,
            detail: "configured".to_owned(),
            model,
            ..Self::default()
        }
    }

    /// A server that was looked for under the provider's id, and serves nothing.
    pub(super) fn absent(id: &'static str, name: &str, detail: &str) -> Self {
        Self {
            absent: Some(id),
            is_silent: true,
            ..Self::unused(name, detail)
        }
    }

    pub(super) fn found(
        id: &str,
        name: &str,
        url: &str,
        preferred: &[&str],
        models: Vec<ModelOptions>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            why: format!("{name} answers at {url}"),
            is_chosen: true,
            is_usable: true,
            detail: format!("{url} {}", serves(&models)),
            model: choice::best(preferred, &models),
            learned: Some(models),
            ..Self::default()
        }
    }
}

impl Findings {
    pub(super) fn add(&mut self, place: Place) {
        if self.source.is_none() && place.is_chosen {
            let reference = |model| match place.id.as_str() {
                "" => model,
                id => format!("{id}/{model}"),
            };
            self.source = Some(Source {
                name: place.name.clone(),
                why: place.why,
                model: place.model.map(reference).unwrap_or_default(),
            });
        }
        self.looked_at.push(LookedAt {
            name: place.name,
            is_usable: place.is_usable,
            detail: place.detail,
        });
        self.absent.extend(place.absent.map(str::to_owned));
        let id = place.absent.map_or_else(|| place.id.clone(), str::to_owned);
        if place.is_ours {
            self.ourselves.push(id.clone());
        }
        if place.is_silent {
            self.silent.push(id);
        }
        if place.is_keyed {
            self.keyed.push(place.id.clone());
        }
        if let Some(models) = place.learned {
            self.learned.push((place.id, models));
        }
    }
}

/// How many models, in words.
pub(super) fn serves(models: &[ModelOptions]) -> String {
    match models {
        [model] => format!("serves `{}`", model.id),
        models => format!("serves {} models", models.len()),
    }
}
