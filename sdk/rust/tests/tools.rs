//! Tools as an author writes them, run natively: manifests, names, results, rounds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use kumiko_sdk::input::{Elicited, InputKind, Resumption};
use kumiko_sdk::prelude::*;

plugin! {
    name: "workshop",
    aliases: ["shop"],
    description: "Makes things.",
    tools: [count, rooms::measure, list_tools, nothing, remove, blame, maybe],
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Counting {
    /// What to count.
    words: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Counted {
    /// How many there are.
    count: usize,
}

/// Counts words.
///
/// Use it where a number is enough.
#[tool(read_only, idempotent, aliases = ["tally"])]
fn count(arguments: Counting) -> Result<Counted> {
    Ok(Counted { count: arguments.words.len() })
}

mod rooms {
    use super::*;

    /// Measures the room that the call came from.
    #[tool(name = "measure_room", title = "Measure", long_running, open_world)]
    pub(crate) fn measure(context: &Context) -> Result<Reply<Counted>> {
        Ok(Reply::new(Counted { count: context.protocol_version().len() }).text("measured").image(vec![1, 2, 3]))
    }
}

/// Lists the tools.
#[tool]
fn list_tools() -> Result<Vec<String>> {
    Ok(vec!["saw".to_owned()])
}

/// Does nothing.
#[tool]
fn nothing() -> Result<()> {
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
struct Confirmation {
    /// Whether to go on.
    sure: bool,
}

/// Removes something, after a question.
#[tool(destructive)]
fn remove(arguments: Counting, context: &Context) -> Result<Answer<Counted>> {
    let Some(resumption) = context.resumption() else {
        return Ok(InputRequired::elicit::<Confirmation>("confirm", "Remove them?")
            .state(&arguments.words.len())?
            .into());
    };
    let count: usize = resumption.state()?;
    match resumption.elicited::<Confirmation>("confirm")? {
        Elicited::Accepted(Confirmation { sure: true }) => Ok(Reply::new(Counted { count }).into()),
        _ => Ok(Reply::new(Counted { count: 0 }).into()),
    }
}

/// An author's own error.
struct Mishap;

impl From<Mishap> for Fault {
    fn from(_: Mishap) -> Self {
        Fault::new(FaultKind::Conflict, "mishap", "it broke").hint("mend it")
    }
}

/// Fails.
#[tool]
fn blame() -> Result<Counted, Mishap> {
    Err(Mishap)
}

/// Returns nothing where something was promised.
#[tool]
fn maybe() -> Result<Option<Counted>> {
    Ok(None)
}

#[test]
fn a_manifest_has_what_the_doc_comments_and_options_say() {
    let plugin = plugin();
    assert_eq!((plugin.name, plugin.aliases, plugin.version), ("workshop", &["shop"][..], env!("CARGO_PKG_VERSION")));
    let count = plugin.tool("count").unwrap();
    assert_eq!(count.title, "Counts words");
    assert_eq!(count.description, "Counts words.\n\nUse it where a number is enough.");
    assert!(
        count.annotations.read_only
            && count.annotations.idempotent
            && !count.annotations.destructive
            && !count.annotations.open_world
    );
    let measure = plugin.tool("measure_room").unwrap();
    assert_eq!(measure.title, "Measure");
    assert!(measure.long_running && measure.annotations.open_world);
}

#[test]
fn schemas_carry_the_descriptions_of_the_fields() {
    let count = *plugin().tool("count").unwrap();
    assert_eq!((count.input_schema)()["properties"]["words"]["description"], "What to count.");
    assert_eq!((count.output_schema)().unwrap()["properties"]["count"]["description"], "How many there are.");
}

#[test]
fn a_tool_without_arguments_takes_an_empty_object() {
    let measure = *plugin().tool("measure_room").unwrap();
    assert_eq!((measure.input_schema)()["additionalProperties"], false);
    let fault = plugin().call("measure_room", json!({ "room": 1 })).unwrap_err();
    assert_eq!(fault.kind, FaultKind::InvalidArguments);
}

#[test]
fn a_tool_answers_to_its_name_its_aliases_and_both_behind_the_capability() {
    for name in ["count", "tally", "workshop.count", "shop.tally"] {
        let reply = plugin().call(name, json!({ "words": ["a", "b"] })).unwrap();
        assert_eq!(reply.structured["count"], 2, "{name}");
    }
    for name in ["measure", "kitchen.count", "workshop.", "__kumiko_tool_count"] {
        assert_eq!(plugin().call(name, json!({})).unwrap_err().code, "unknown_tool", "{name}");
    }
}

#[test]
fn a_tool_is_still_a_function() {
    assert_eq!(count(Counting { words: vec!["a".to_owned()] }).unwrap(), Counted { count: 1 });
}

#[test]
fn a_reply_shows_what_the_tool_put_in_it_in_order() {
    let reply = plugin().call("measure_room", json!({})).unwrap();
    assert_eq!(reply.shown_text(), "measured");
    assert!(
        matches!(&reply.content[1], Content::Image(image) if image.media_type == "image/png" && image.data == [1, 2, 3])
    );
}

#[test]
fn a_result_that_is_no_object_travels_in_one_as_its_schema_says() {
    let reply = plugin().call("list_tools", json!({})).unwrap();
    assert_eq!(reply.structured, json!({ "result": ["saw"] }));
    let schema = (plugin().tool("list_tools").unwrap().output_schema)().unwrap();
    assert_eq!(schema["properties"]["result"]["type"], "array");
}

#[test]
fn nothing_is_no_structured_result() {
    let reply = plugin().call("nothing", json!({})).unwrap();
    assert_eq!((reply.structured, reply.content), (Value::Null, Vec::new()));
    assert_eq!((plugin().tool("nothing").unwrap().output_schema)(), None);
}

#[test]
fn a_null_where_an_object_was_promised_is_the_tools_fault() {
    assert_eq!(plugin().call("maybe", json!({})).unwrap_err().code, "result_not_an_object");
}

#[test]
fn an_authors_own_error_becomes_a_fault() {
    let fault = plugin().call("blame", json!({})).unwrap_err();
    assert_eq!(
        (fault.kind, fault.code.as_str(), fault.hint.as_deref()),
        (FaultKind::Conflict, "mishap", Some("mend it"))
    );
}

#[test]
fn bad_arguments_are_refused_before_the_tool_runs() {
    let fault = plugin().call("count", json!({ "wrods": [] })).unwrap_err();
    assert_eq!(fault.hint.as_deref(), Some("did you mean `words`?"));
    let fault = plugin().call("count", json!({ "words": ["a", 5] })).unwrap_err();
    assert!(fault.message.contains("`words[1]`"), "{}", fault.message);
}

#[test]
fn a_tool_asks_and_goes_on_with_the_answer() {
    let arguments = json!({ "words": ["a", "b", "c"] });
    let Answer::InputRequired(input) = plugin().call_in(&Context::default(), "remove", arguments.clone()).unwrap()
    else {
        panic!("the tool does not ask")
    };
    assert_eq!(input.requests[0].kind, InputKind::Elicitation);
    assert_eq!(input.requests[0].parameters["requestedSchema"]["properties"]["sure"]["type"], "boolean");

    let answer = |response: Value| {
        let context = Context::default().resuming(Resumption::new(input.state.clone()).answer("confirm", response));
        plugin().call_in(&context, "remove", arguments.clone())
    };
    let count = |response| match answer(response).unwrap() {
        Answer::Complete(reply) => reply.structured["count"].clone(),
        Answer::InputRequired(_) => panic!("the tool asks again"),
    };
    assert_eq!(count(json!({ "action": "accept", "content": { "sure": true } })), 3);
    assert_eq!(count(json!({ "action": "decline" })), 0);
    assert_eq!(
        answer(json!({ "action": "accept", "content": { "sure": "very" } })).unwrap_err().code,
        "response_malformed"
    );
    assert_eq!(plugin().call("remove", arguments.clone()).unwrap_err().code, "input_required");
    let unanswered = Context::default().resuming(Resumption::new(input.state.clone()));
    assert_eq!(plugin().call_in(&unanswered, "remove", arguments.clone()).unwrap_err().code, "response_missing");
}
