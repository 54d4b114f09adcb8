//! A plugin's description of itself, checked and in the host's own types.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::limits::{DESCRIPTION_BYTES, ICON_BYTES, OFFERED_PER_PLUGIN, SCHEMA_BYTES, TOOLS_PER_PLUGIN, URI_BYTES};
use crate::{Error, contract, contract_types, prompts, resources};

/// The kinds of pictures that clients show as icons.
const ICON_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/webp", "image/svg+xml"];

/// What a plugin is and offers.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// The capability's name.
    pub name: String,
    /// Other names the capability answers to.
    pub aliases: Vec<String>,
    /// The plugin's version.
    pub version: String,
    /// A line for people.
    pub description: String,
    /// A picture for people.
    pub icon: Option<Icon>,
    /// Its tools.
    pub tools: Vec<Tool>,
    /// Its prompts.
    pub prompts: Vec<prompts::Prompt>,
    /// The resources that it lists.
    pub resources: Vec<resources::ResourceEntry>,
    /// Its templates of resources.
    pub templates: Vec<resources::ResourceTemplate>,
}

/// A picture for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icon {
    /// Its media type.
    pub media_type: String,
    /// The picture itself, as a `data:` uri.
    pub uri: String,
}

/// What a plugin offers besides tools, as it says itself.
#[derive(Default)]
pub(crate) struct Offered {
    pub(crate) prompts: Vec<prompts::Prompt>,
    pub(crate) resources: Vec<resources::ResourceEntry>,
    pub(crate) templates: Vec<resources::ResourceTemplate>,
}

/// A tool with parsed schemas.
#[derive(Clone, Debug)]
pub struct Tool {
    /// The advertised name.
    pub name: String,
    /// A short name for people.
    pub title: String,
    /// What it does and when to choose it.
    pub description: String,
    /// JSON Schema of the arguments.
    pub input_schema: Arc<Map<String, Value>>,
    /// JSON Schema of the structured result.
    pub output_schema: Option<Arc<Map<String, Value>>>,
    /// What a client may assume.
    pub annotations: Annotations,
    /// Further names.
    pub aliases: Vec<String>,
    /// Whether the longer limits apply.
    pub long_running: bool,
}

/// The effects a client may assume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// Changes nothing.
    pub read_only: bool,
    /// May delete or overwrite.
    pub destructive: bool,
    /// The same call again changes nothing further.
    pub idempotent: bool,
    /// Reaches outside this server and its store.
    pub open_world: bool,
}

impl Manifest {
    /// Checks what `describe` returned: names, sizes, schemas.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] with the first rule that is broken.
    pub(crate) fn from_contract(manifest: contract::Manifest) -> Result<Self, Error> {
        check_name("the capability", &manifest.name)?;
        for alias in &manifest.aliases {
            check_name("an alias of the capability", alias)?;
        }
        if manifest.version.is_empty() || manifest.version.len() > 64 || !manifest.version.chars().all(is_plain) {
            return Err(invalid(format!("the version `{}` is not one", printable(&manifest.version))));
        }
        if manifest.tools.len() > TOOLS_PER_PLUGIN {
            return Err(invalid(format!(
                "it has {} tools; at most {TOOLS_PER_PLUGIN} are accepted",
                manifest.tools.len()
            )));
        }
        let tools = manifest.tools.into_iter().map(Tool::from_contract).collect::<Result<Vec<_>, _>>()?;
        let mut names = HashSet::new();
        for name in tools.iter().flat_map(|tool| std::iter::once(&tool.name).chain(&tool.aliases)) {
            if !names.insert(name) {
                return Err(invalid(format!("two of its tools answer to `{name}`")));
            }
        }
        Ok(Self {
            name: manifest.name,
            aliases: manifest.aliases,
            version: manifest.version,
            description: printable(&manifest.description),
            icon: manifest.icon.map(icon).transpose()?,
            tools,
            ..Self::default()
        })
    }

    /// Takes in what the plugin offers besides, checked: names, sizes, uris.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] with the first rule that is broken.
    pub(crate) fn offers(&mut self, offered: Offered) -> Result<(), Error> {
        let Offered { mut prompts, mut resources, mut templates } = offered;
        for prompt in &mut prompts {
            let arguments = prompt.arguments.iter_mut().map(|argument| &mut argument.description);
            [&mut prompt.title, &mut prompt.description].into_iter().chain(arguments).for_each(show);
        }
        for entry in &mut resources {
            show(&mut entry.name);
            entry.title.iter_mut().chain(&mut entry.description).for_each(show);
        }
        for entry in &mut templates {
            show(&mut entry.name);
            entry.title.iter_mut().chain(&mut entry.description).for_each(show);
        }
        for (what, count) in
            [("prompts", prompts.len()), ("resources", resources.len()), ("templates", templates.len())]
        {
            if count > OFFERED_PER_PLUGIN {
                return Err(invalid(format!("it has {count} {what}; at most {OFFERED_PER_PLUGIN} are accepted")));
            }
        }
        let mut names = HashSet::new();
        for prompt in &prompts {
            check_name("a prompt", &prompt.name)?;
            if !names.insert(prompt.name.as_str()) {
                return Err(invalid(format!("two of its prompts are named `{}`", prompt.name)));
            }
            if prompt.description.trim().is_empty() || prompt.description.len() > DESCRIPTION_BYTES {
                return Err(invalid(format!(
                    "the prompt `{}` has no description, or one that is too long",
                    prompt.name
                )));
            }
        }
        let mut uris = HashSet::new();
        let all = resources.iter().map(|entry| &entry.uri).chain(templates.iter().map(|entry| &entry.uri_template));
        for uri in all {
            check_uri(uri)?;
            if !uris.insert(uri) {
                return Err(invalid(format!("two of its resources have the uri `{}`", printable(uri))));
            }
        }
        (self.prompts, self.resources, self.templates) = (prompts, resources, templates);
        Ok(())
    }
}

/// An icon of a kind that clients show, and no larger than one needs to be: every list of tools carries it.
fn icon(media: contract_types::Media) -> Result<Icon, Error> {
    let contract_types::Media { data, media_type } = media;
    if !ICON_TYPES.contains(&media_type.as_str()) {
        let (printed, known) = (printable(&media_type), ICON_TYPES.join(", "));
        return Err(invalid(format!("its icon is of the type `{printed}`; one of {known} was expected")));
    }
    if data.is_empty() || data.len() > ICON_BYTES {
        return Err(invalid(format!("its icon has {} bytes; 1 to {ICON_BYTES} are accepted", data.len())));
    }
    let uri = format!("data:{media_type};base64,{}", STANDARD.encode(data));
    Ok(Icon { media_type, uri })
}

/// A uri with a scheme of the plugin's own.
fn check_uri(uri: &str) -> Result<(), Error> {
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .chars()
            .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || "+-.".contains(character));
    if !is_scheme
        || matches!(scheme, "s3" | "file")
        || uri.len() > URI_BYTES
        || uri.chars().any(|character| character.is_control() || character == ' ')
    {
        return Err(invalid(format!(
            "`{}` is no uri of a resource: a scheme of the plugin's own, at most {URI_BYTES} bytes and no spaces were expected",
            printable(uri)
        )));
    }
    Ok(())
}

impl Tool {
    fn from_contract(tool: contract::Tool) -> Result<Self, Error> {
        check_name("a tool", &tool.name)?;
        for alias in &tool.aliases {
            check_name(&format!("an alias of `{}`", tool.name), alias)?;
        }
        if tool.description.trim().is_empty() {
            return Err(invalid(format!("`{}` has no description", tool.name)));
        }
        if tool.description.len() > DESCRIPTION_BYTES {
            let length = tool.description.len();
            return Err(invalid(format!(
                "the description of `{}` has {length} bytes; at most {DESCRIPTION_BYTES} are accepted",
                tool.name
            )));
        }
        let input_schema = schema(&tool.name, "input", &tool.input_schema)?;
        let output_schema = tool.output_schema.map(|text| schema(&tool.name, "output", &text)).transpose()?;
        Ok(Self {
            title: printable(&tool.title),
            description: printable(&tool.description),
            input_schema,
            output_schema,
            annotations: Annotations {
                read_only: tool.annotations.read_only,
                destructive: tool.annotations.destructive,
                idempotent: tool.annotations.idempotent,
                open_world: tool.annotations.open_world,
            },
            aliases: tool.aliases,
            long_running: tool.long_running,
            name: tool.name,
        })
    }
}

/// Parses a schema that describes an object. Whether it is a valid schema is found where it is compiled, in the catalog.
fn schema(tool: &str, which: &str, text: &str) -> Result<Arc<Map<String, Value>>, Error> {
    if text.len() > SCHEMA_BYTES {
        return Err(invalid(format!(
            "the {which} schema of `{tool}` has {} bytes; at most {SCHEMA_BYTES} are accepted",
            text.len()
        )));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(mut schema)) if schema.get("type").and_then(Value::as_str) == Some("object") => {
            for (name, value) in &mut schema {
                undisguise(tool, name, value)?;
            }
            Ok(Arc::new(schema))
        }
        Ok(_) => Err(invalid(format!("the {which} schema of `{tool}` does not say `\"type\": \"object\"`"))),
        Err(error) => Err(invalid(format!("the {which} schema of `{tool}` is not JSON: {error}"))),
    }
}

/// Names that every client accepts.
fn check_name(what: &str, name: &str) -> Result<(), Error> {
    if (1..=64).contains(&name.len())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))
    {
        return Ok(());
    }
    Err(invalid(format!("{what} is named `{}`; names have 1 to 64 of a-z, A-Z, 0-9, `_` and `-`", printable(name))))
}

fn invalid(reason: String) -> Error {
    Error::Manifest { reason }
}

fn is_plain(character: char) -> bool {
    character.is_ascii_graphic()
}

/// Takes what could disguise them out of all texts of a schema, and refuses names that have it.
fn undisguise(tool: &str, name: &str, value: &mut Value) -> Result<(), Error> {
    if name.chars().any(is_disguise) {
        let name = printable(name);
        return Err(invalid(format!(
            "a schema of `{tool}` has a name with characters that do not show, like `{name}`"
        )));
    }
    match value {
        Value::String(text) if text.chars().any(is_disguise) => *text = printable(text),
        Value::Array(items) => items.iter_mut().try_for_each(|item| undisguise(tool, "", item))?,
        Value::Object(fields) => {
            fields.iter_mut().try_for_each(|(name, field)| undisguise(tool, name, field))?;
        }
        _ => {}
    }
    Ok(())
}

/// Leaves a text with what shows.
fn show(text: &mut String) {
    *text = printable(text);
}

/// Text without what could disguise it on a terminal or in a client.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !is_disguise(*character)).collect()
}

/// Characters that do not show, or make others show differently: control characters, direction marks, odd separators, tags.
fn is_disguise(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(tools: Vec<contract::Tool>) -> contract::Manifest {
        contract::Manifest {
            name: "sample".to_owned(),
            aliases: Vec::new(),
            version: "1.0.0".to_owned(),
            description: "A sample.".to_owned(),
            icon: None,
            tools,
        }
    }

    fn tool(name: &str) -> contract::Tool {
        contract::Tool {
            name: name.to_owned(),
            title: name.to_owned(),
            description: "Does something.".to_owned(),
            input_schema: r#"{"type":"object"}"#.to_owned(),
            output_schema: None,
            annotations: contract::Annotations {
                read_only: true,
                destructive: false,
                idempotent: true,
                open_world: false,
            },
            aliases: Vec::new(),
            long_running: false,
        }
    }

    #[test]
    fn a_name_that_a_client_would_refuse_is_refused_at_load() {
        for name in ["", "a.b", "two words", "ümlaut", &"x".repeat(65)] {
            assert!(Manifest::from_contract(manifest(vec![tool(name)])).is_err(), "{name:?}");
        }
        assert!(Manifest::from_contract(manifest(vec![tool("load_dataset-2")])).is_ok());
    }

    #[test]
    fn two_tools_of_one_name_are_refused_aliases_included() {
        let mut other = tool("second");
        other.aliases.push("first".to_owned());
        let error = Manifest::from_contract(manifest(vec![tool("first"), other])).unwrap_err();
        assert!(error.to_string().contains("`first`"), "{error}");
    }

    #[test]
    fn a_schema_that_describes_no_object_is_refused() {
        for schema in ["[]", "{}", r#"{"type":"string"}"#, "{"] {
            let mut broken = tool("broken");
            broken.input_schema = schema.to_owned();
            assert!(Manifest::from_contract(manifest(vec![broken])).is_err(), "{schema}");
        }
    }

    #[test]
    fn an_icon_is_a_small_picture() {
        let with = |media_type: &str, bytes: usize| {
            let icon = contract_types::Media { data: vec![1; bytes], media_type: media_type.to_owned() };
            Manifest::from_contract(contract::Manifest { icon: Some(icon), ..manifest(vec![tool("first")]) })
        };
        assert_eq!(with("image/png", 3).unwrap().icon.unwrap().uri, "data:image/png;base64,AQEB");
        for (media_type, bytes) in [("text/html", 9), ("image/png", 0), ("image/png", ICON_BYTES + 1)] {
            assert!(with(media_type, bytes).is_err(), "{media_type} of {bytes} bytes");
        }
    }

    #[test]
    fn what_could_disguise_a_description_is_left_out() {
        let mut odd = tool("odd");
        odd.description = "safe\u{1b}[31m \u{202e}text".to_owned();
        let manifest = Manifest::from_contract(manifest(vec![odd])).unwrap();
        assert_eq!(manifest.tools[0].description, "safe[31m text");
    }
}
