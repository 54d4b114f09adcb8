//! A plugin and its tools, as `plugin!` and `#[tool]` declare them.

use serde_json::Value;

use crate::answer::Ended;
use crate::{Answer, Context, Fault, Reply, Result};

/// A capability: a name, and the tools it offers.
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// The capability's name.
    pub name: &'static str,
    /// Other names the capability answers to before the dot.
    pub aliases: &'static [&'static str],
    /// The plugin's own version.
    pub version: &'static str,
    /// A line for people: what this capability is for.
    pub description: &'static str,
    /// A picture for people.
    pub icon: Option<Icon>,
    /// The tools, in the order in which their author lists them.
    pub tools: &'static [Tool],
}

/// A picture by which people tell a capability's tools from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icon {
    /// Its kind: `image/png`, `image/jpeg`, `image/webp` or `image/svg+xml`.
    pub media_type: &'static str,
    /// Its bytes, at most 16 KiB.
    pub data: &'static [u8],
}

/// One tool: what a client sees of it, and how to run it.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The advertised name.
    pub name: &'static str,
    /// A short name for people.
    pub title: &'static str,
    /// What the tool does and when to choose it.
    pub description: &'static str,
    /// Makes the JSON Schema of the arguments.
    pub input_schema: fn() -> Value,
    /// Makes the JSON Schema of the structured result, where there is one.
    pub output_schema: fn() -> Option<Value>,
    /// What a client may assume about the tool's effects.
    pub annotations: Annotations,
    /// Further names under which a call is accepted.
    pub aliases: &'static [&'static str],
    /// Whether a call may take longer than the host's everyday time limit.
    pub long_running: bool,
    /// Runs the tool on arguments as JSON text.
    pub run: fn(&str, &Context) -> Ended,
}

/// The effects a client may assume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// The tool changes nothing.
    pub read_only: bool,
    /// The tool may delete or overwrite what was there.
    pub destructive: bool,
    /// The same call again changes nothing further.
    pub idempotent: bool,
    /// The tool reaches outside this server and its store.
    pub open_world: bool,
}

impl Plugin {
    /// The tool called `name`: its own name, an alias, or either after the capability's name or alias and a dot.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&'static Tool> {
        let own = match name.split_once('.') {
            Some((capability, tool)) if capability == self.name || self.aliases.contains(&capability) => tool,
            _ => name,
        };
        self.tools
            .iter()
            .find(|tool| tool.name == own)
            .or_else(|| self.tools.iter().find(|tool| tool.aliases.contains(&own)))
    }

    /// Calls a tool by name, as a test does. The call must finish in one round.
    ///
    /// # Errors
    /// What the tool fails with; `unknown_tool` where there is none of that name; `input_required` where the tool asks
    /// for something first: [`Self::call_in`] shows what.
    pub fn call(&self, tool: &str, arguments: Value) -> Result<Reply<Value>> {
        match self.call_in(&Context::default(), tool, arguments)? {
            Answer::Complete(reply) => Ok(reply),
            Answer::InputRequired(input) => {
                let requests: Vec<&str> = input.requests.iter().map(|request| request.id.as_str()).collect();
                Err(Fault::failed(
                    "input_required",
                    format!("{tool} asks for input before it finishes: {}", requests.join(", ")),
                ))
            }
        }
    }

    /// Calls a tool by name in surroundings of one's own: with a client's capabilities, or as a later round.
    ///
    /// # Errors
    /// What the tool fails with, and `unknown_tool` where there is none of that name.
    pub fn call_in(&self, context: &Context, tool: &str, arguments: Value) -> Result<Answer<Value>> {
        Ok(match self.run(context, tool, &arguments.to_string())? {
            Answer::InputRequired(input) => Answer::InputRequired(input),
            Answer::Complete(Reply { structured, content }) => {
                let structured = match structured {
                    Some(text) => serde_json::from_str(&text).map_err(|error| {
                        Fault::failed("result_not_serializable", format!("the result of {tool} is no JSON: {error}"))
                    })?,
                    None => Value::Null,
                };
                Answer::Complete(Reply { structured, content })
            }
        })
    }

    /// Runs a tool by name on arguments as JSON text.
    pub(crate) fn run(&self, context: &Context, tool: &str, arguments: &str) -> Ended {
        let Some(found) = self.tool(tool) else {
            let known: Vec<&str> = self.tools.iter().map(|tool| tool.name).collect();
            return Err(Fault::not_found("unknown_tool", format!("the plugin {} has no tool {tool:?}", self.name))
                .hint(format!("its tools are {}", known.join(", "))));
        };
        (found.run)(arguments, context)
    }
}
