//! The model's own chat template, which comes as Jinja source inside the GGUF file.

use minijinja::{
    Environment, ErrorKind,
    value::{Kwargs, Value as Jinja},
};
use serde::Serialize;
use serde_json::Value;

/// Steps one rendering may take; a template with a runaway loop fails instead of hanging.
const FUEL: u64 = 5_000_000;
/// The name under which the only template is kept.
const NAME: &str = "chat";

/// Why a template does not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not Jinja.
    #[error("the model's chat template can't be read")]
    Syntax(#[source] minijinja::Error),
    /// It ran and failed, or said no.
    #[error("the model's chat template does not accept these messages")]
    Refused(#[source] minijinja::Error),
}

/// A compiled template.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
    bos: String,
    eos: String,
    knows_tools: bool,
}

impl Template {
    /// Compiles `source`; `bos` and `eos` are how the model spells the ends of a text.
    ///
    /// # Errors
    ///
    /// When the source is not a Jinja template.
    pub fn new(source: String, bos: String, eos: String) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_fuel(Some(FUEL));
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", to_json);
        environment.add_function("raise_exception", raise);
        environment
            .add_template_owned(NAME, source)
            .map_err(Error::Syntax)?;
        let used = environment
            .get_template(NAME)
            .map_err(Error::Syntax)?
            .undeclared_variables(false);
        Ok(Self {
            knows_tools: used.contains("tools"),
            environment,
            bos,
            eos,
        })
    }

    /// Whether it shows tools to the model.
    #[must_use]
    pub const fn knows_tools(&self) -> bool {
        self.knows_tools
    }

    /// Renders the messages up to where the assistant begins.
    ///
    /// # Errors
    ///
    /// When the template fails on them.
    pub fn render(&self, messages: &Value, tools: &Value) -> Result<String, Error> {
        let tools = if tools.as_array().is_none_or(Vec::is_empty) {
            Jinja::from(())
        } else {
            Jinja::from_serialize(tools)
        };
        let values = minijinja::context! {
            messages => Jinja::from_serialize(messages),
            tools,
            add_generation_prompt => true,
            bos_token => self.bos,
            eos_token => self.eos,
        };
        let template = self.environment.get_template(NAME).map_err(Error::Syntax)?;
        template.render(values).map_err(Error::Refused)
    }
}

fn raise(message: String) -> Result<Jinja, minijinja::Error> {
    Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
}

/// JSON as Python writes it, which is what models saw in training; never escaped for HTML.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the template engine hands its arguments over by value"
)]
fn to_json(value: Jinja, options: Kwargs) -> Result<Jinja, minijinja::Error> {
    let failed =
        |error| minijinja::Error::new(ErrorKind::BadSerialization, "not JSON").with_source(error);
    let indent: Option<usize> = options.get("indent")?;
    let mut out = Vec::new();
    let written = match indent {
        Some(width) => {
            let spaces = vec![b' '; width.min(16)];
            let pretty = serde_json::ser::PrettyFormatter::with_indent(&spaces);
            value.serialize(&mut serde_json::Serializer::with_formatter(
                &mut out, pretty,
            ))
        }
        None => value.serialize(&mut serde_json::Serializer::with_formatter(
            &mut out, Spaced,
        )),
    };
    written.map_err(failed)?;
    Ok(Jinja::from_safe_string(
        String::from_utf8_lossy(&out).into_owned(),
    ))
}

/// One blank after each comma and colon.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: std::io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_key<W: std::io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_value<W: std::io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}
