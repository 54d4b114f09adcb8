//! A plugin's description of itself, checked and in the host's own types.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::limits::{DESCRIPTION_BYTES, SCHEMA_BYTES, TOOLS_PER_PLUGIN};
use crate::{Error, contract};

/// What a plugin is and offers.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The capability's name.
    pub name: String,
    /// Other names the capability answers to.
    pub aliases: Vec<String>,
    /// The plugin's version.
    pub version: String,
    /// A line for people.
    pub description: String,
    /// Its tools.
    pub tools: Vec<Tool>,
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
            tools,
        })
    }
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
        Ok(Value::Object(schema)) if schema.get("type").and_then(Value::as_str) == Some("object") => {
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

/// Text without what could disguise it on a terminal or in a client: control characters and direction marks.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|character| matches!(character, '\n' | '\t') || !character.is_control())
        .filter(|character| !matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'))
        .collect()
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
    fn what_could_disguise_a_description_is_left_out() {
        let mut odd = tool("odd");
        odd.description = "safe\u{1b}[31m \u{202e}text".to_owned();
        let manifest = Manifest::from_contract(manifest(vec![odd])).unwrap();
        assert_eq!(manifest.tools[0].description, "safe[31m text");
    }
}
