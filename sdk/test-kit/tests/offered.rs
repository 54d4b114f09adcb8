//! Prompts, resources and completions through the test's host.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use kumiko_sdk::content::{Body, EmbeddedResource};
use kumiko_sdk::input::{InputKind, InputRequired};
use kumiko_sdk::objects;
use kumiko_sdk::prelude::*;
use kumiko_sdk::prompts::{Message, Messages, Prompt, Prompts};
use kumiko_sdk::resources::{Entry, Resources};
use kumiko_test_kit::{TestHost, prompt_problems, resource_problems};

struct Notes;

kumiko_sdk::prompts!(Notes);
kumiko_sdk::resources!(Notes);

impl Prompts for Notes {
    fn list() -> Vec<Prompt> {
        let summary = Prompt::new("summarise", "Asks for a summary.");
        vec![
            summary.required("note", "The note's name.").optional("length", "How long."),
            Prompt::new("ask", "Asks the person first."),
        ]
    }

    fn get(prompt: &str, arguments: &[(String, String)], context: &Context) -> Result<Answer<Messages>> {
        if prompt == "ask" && context.resumption().is_none() {
            return Ok(Answer::InputRequired(InputRequired::default().and("form", InputKind::Elicitation, json!({}))));
        }
        let note = arguments.iter().find(|(name, _)| name == "note").map_or("", |(_, note)| note);
        let text = String::from_utf8_lossy(&objects::get(&format!("s3://notes/{note}"))?).into_owned();
        Ok(Messages::of([Message::user(format!("Summarise: {text}"))]).into())
    }

    fn complete(_: &str, _: &str, typed: &str, known: &[(String, String)]) -> Result<Vec<String>> {
        Ok((0..200).map(|number| format!("{typed}{number}{}", known.len())).collect())
    }
}

impl Resources for Notes {
    fn list() -> Vec<Entry> {
        vec![Entry::new("notes://all", "all", "text/plain")]
    }

    fn templates() -> Vec<Entry> {
        vec![Entry::new("note://{name}", "note", "text/plain")]
    }

    fn read(uri: &str, _: &Context) -> Result<Vec<EmbeddedResource>> {
        let body = match uri.strip_prefix("note://") {
            None => "all".to_owned(),
            Some(name) => String::from_utf8_lossy(&objects::get(&format!("s3://notes/{name}"))?).into_owned(),
        };
        Ok(vec![EmbeddedResource { uri: uri.to_owned(), media_type: None, body: Body::Text(body) }])
    }

    fn complete(_: &str, _: &str, typed: &str) -> Result<Vec<String>> {
        Ok(vec![format!("{typed}a")])
    }
}

fn host() -> TestHost {
    let host = TestHost::new().unwrap();
    host.put("s3://notes/a", "hello").unwrap();
    host
}

#[test]
fn a_prompt_is_made_ready_with_the_arguments_it_takes() {
    let host = host();
    let ready = host.prompt::<Notes>("summarise", &[("note", "a")]).unwrap();
    assert_eq!(ready.messages, [Message::user("Summarise: hello")]);
    for (prompt, arguments, code) in [
        ("other", &[][..], "prompt_not_found"),
        ("summarise", &[], "invalid_arguments"),
        ("summarise", &[("note", "a"), ("size", "1")], "invalid_arguments"),
        ("summarise", &[("note", "b")], "object_not_found"),
        ("ask", &[], "input_required"),
    ] {
        assert_eq!(host.prompt::<Notes>(prompt, arguments).unwrap_err().code, code, "{prompt} {arguments:?}");
    }
    let asked = host.prompt_in::<Notes>(&Context::default(), "ask", &[]).unwrap();
    assert!(matches!(asked, Answer::InputRequired(input) if input.requests[0].id == "form"));
}

#[test]
fn a_resource_is_read_where_it_is_offered() {
    let host = host();
    let text = |uri: &str| match &host.resource::<Notes>(uri).unwrap()[..] {
        [EmbeddedResource { body: Body::Text(text), .. }] => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((text("notes://all").as_str(), text("note://a").as_str()), ("all", "hello"));
    for uri in ["note://b", "notes://some", "s3://notes/a"] {
        assert_eq!(host.resource::<Notes>(uri).unwrap_err().code, "resource_not_found", "{uri}");
    }
}

#[test]
fn completions_are_those_that_a_client_is_handed() {
    let host = host();
    let values = host.complete_argument::<Notes>("summarise", "note", "x", &[("length", "1")]).unwrap();
    assert_eq!((values.len(), values[99].as_str()), (100, "x991"));
    let code = |prompt, argument| host.complete_argument::<Notes>(prompt, argument, "", &[]).unwrap_err().code;
    assert_eq!((code("other", "note"), code("ask", "note")), ("prompt_not_found".into(), "invalid_arguments".into()));
    assert_eq!(host.complete_variable::<Notes>("note://{name}", "name", "x").unwrap(), ["xa"]);
    let fault = host.complete_variable::<Notes>("notes://{name}", "name", "x").unwrap_err();
    assert_eq!(fault.code, "resource_not_found");
}

struct Careless;

impl Prompts for Careless {
    fn list() -> Vec<Prompt> {
        vec![Prompt::new("two words", "Fine."), Prompt::new("twice", " "), Prompt::new("twice", "Fine.")]
    }

    fn get(_: &str, _: &[(String, String)], _: &Context) -> Result<Answer<Messages>> {
        Ok(Messages::default().into())
    }
}

impl Resources for Careless {
    fn list() -> Vec<Entry> {
        ["s3://notes/a", "plain", "note://a b", "note://a"].map(|uri| Entry::new(uri, "note", "text/plain")).into()
    }

    fn templates() -> Vec<Entry> {
        vec![Entry::new("note://a", "note", "text/plain")]
    }

    fn read(_: &str, _: &Context) -> Result<Vec<EmbeddedResource>> {
        Ok(Vec::new())
    }
}

#[test]
fn what_would_keep_the_server_from_loading_is_listed() {
    assert_eq!(prompt_problems::<Notes>(), [""; 0]);
    assert_eq!(resource_problems::<Notes>(), [""; 0]);
    let found = [prompt_problems::<Careless>(), resource_problems::<Careless>()].concat().join("\n");
    for problem in [
        "the prompt `two words`",
        "`twice` has no description",
        "two prompts are named `twice`",
        "`s3://notes/a` is no uri",
        "`plain` is no uri",
        "`note://a b` is no uri",
        "two resources have the uri `note://a`",
    ] {
        assert!(found.contains(problem), "{problem} is missing in:\n{found}");
    }
}
