//! Prompts and resources.

use kumiko_sdk::content::{Body, EmbeddedResource};
use kumiko_sdk::input::{InputKind, InputRequired};
use kumiko_sdk::prelude::*;
use kumiko_sdk::prompts::{Message, Messages, Prompt, Prompts, Role};
use kumiko_sdk::resources::{Entry, Resources};

use crate::media::picture;

/// The prompts and the resources.
pub(crate) struct Offered;

fn argument<'a>(arguments: &'a [(String, String)], name: &str) -> &'a str {
    arguments.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
}

fn says(content: Content) -> Message {
    Message { role: Role::User, content }
}

fn text(uri: &str, media_type: &str, text: impl Into<String>) -> EmbeddedResource {
    EmbeddedResource { uri: uri.to_owned(), media_type: Some(media_type.to_owned()), body: Body::Text(text.into()) }
}

impl Prompts for Offered {
    fn list() -> Vec<Prompt> {
        vec![
            Prompt::new("test_simple_prompt", "A prompt without arguments."),
            Prompt::new("test_prompt_with_arguments", "A prompt with two arguments.")
                .required("arg1", "First test argument")
                .required("arg2", "Second test argument"),
            Prompt::new("test_prompt_with_embedded_resource", "A prompt with a resource in it.")
                .required("resourceUri", "URI of the resource to embed"),
            Prompt::new("test_prompt_with_image", "A prompt with a picture in it."),
            Prompt::new("test_input_required_result_prompt", "A prompt that asks for its context first."),
        ]
    }

    fn get(prompt: &str, arguments: &[(String, String)], context: &Context) -> Result<Answer<Messages>> {
        let messages = match prompt {
            "test_simple_prompt" => vec![Message::user("This is a simple prompt for testing.")],
            "test_prompt_with_arguments" => {
                let (first, second) = (argument(arguments, "arg1"), argument(arguments, "arg2"));
                vec![Message::user(format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))]
            }
            "test_prompt_with_embedded_resource" => {
                let uri = argument(arguments, "resourceUri");
                let resource = text(uri, "text/plain", "Embedded resource content for testing.");
                vec![says(Content::Resource(resource)), Message::user("Please process the embedded resource above.")]
            }
            "test_prompt_with_image" => {
                vec![says(Content::Image(picture())), Message::user("Please analyze the image above.")]
            }
            _ => {
                let answer = context.resumption().and_then(|resumption| resumption.response("user_context").ok());
                let Some(answer) = answer else {
                    let schema = json!({
                        "type": "object", "properties": { "context": { "type": "string" } }, "required": ["context"]
                    });
                    let form = json!({ "message": "What context should the prompt use?", "requestedSchema": schema });
                    let asked = InputRequired::default().and("user_context", InputKind::Elicitation, form);
                    return Ok(Answer::InputRequired(asked));
                };
                vec![Message::user(format!(
                    "The context is {}.",
                    answer.pointer("/content/context").unwrap_or(&Value::Null)
                ))]
            }
        };
        Ok(Messages::of(messages).into())
    }

    fn complete(_: &str, argument: &str, typed: &str, _: &[(String, String)]) -> Result<Vec<String>> {
        let words = if argument == "arg1" { &["paris", "park", "party"][..] } else { &[] };
        Ok(words.iter().filter(|word| word.starts_with(typed)).map(|word| (*word).to_owned()).collect())
    }
}

impl Resources for Offered {
    fn list() -> Vec<Entry> {
        vec![
            Entry::new("test://static-text", "static-text", "text/plain").description("A text that never changes."),
            Entry::new("test://static-binary", "static-binary", "image/png")
                .description("A picture that never changes."),
            Entry::new("test://watched-resource", "watched-resource", "text/plain")
                .description("A text to subscribe to."),
        ]
    }

    fn templates() -> Vec<Entry> {
        vec![Entry::new("test://template/{id}/data", "template", "application/json").description("Data by their id.")]
    }

    fn read(uri: &str, _: &Context) -> Result<Vec<EmbeddedResource>> {
        let id = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
        Ok(vec![match (uri, id) {
            ("test://static-text", _) => text(uri, "text/plain", "This is the content of the static text resource."),
            ("test://watched-resource", _) => text(uri, "text/plain", "This is the content of the watched resource."),
            ("test://static-binary", _) => {
                let picture = picture();
                EmbeddedResource {
                    uri: uri.to_owned(),
                    media_type: Some(picture.media_type),
                    body: Body::Blob(picture.data),
                }
            }
            (_, Some(id)) if !id.is_empty() && !id.contains('/') => {
                let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
                text(uri, "application/json", data.to_string())
            }
            _ => return Err(Fault::not_found("resource_not_found", format!("there is no resource {uri}"))),
        }])
    }
}
