//! What lies beyond the host: services, secrets, the tools of other plugins, and clients.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::sync::atomic::{AtomicUsize, Ordering};

use kumiko_sdk::fault::{self, FaultKind};
use kumiko_sdk::http::Request;
use kumiko_sdk::objects::{self, Precondition};
use kumiko_sdk::prelude::*;
use kumiko_sdk::{notices, secrets, tools};
use kumiko_test_kit::{HttpAnswer, Notice, TestHost, ToolCall};

plugin! { name: "weather", description: "Asks for the weather.", tools: [forecast, relay] }

/// Where it is asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Place {
    /// The town.
    town: String,
}

/// What it will be.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Forecast {
    /// In degrees Celsius.
    degrees: f64,
}

/// Asks the service.
#[tool]
fn forecast(place: Place) -> Result<Forecast> {
    let key = secrets::placeholder("weather_key");
    let url = format!("https://api.example.com/v1/forecast?town={}", place.town);
    let answer = Request::get(url).header("Authorization", format!("Bearer {key}")).send()?;
    if !answer.is_success() {
        return Err(Fault::failed("no_forecast", format!("the service says {}", answer.status)));
    }
    notices::resource_updated(&format!("weather://{}", place.town));
    answer.json()
}

/// Asks another plugin.
#[tool]
fn relay(place: Place) -> Result<Forecast> {
    let reply = tools::call("forecast", &json!({ "town": place.town }))?;
    Ok(Forecast { degrees: reply.structured["degrees"].as_f64().unwrap_or_default() })
}

fn host() -> TestHost {
    let host = TestHost::new().unwrap();
    host.secret("weather_key", "canary-3f9a", &["api.example.com"]).unwrap();
    host
}

fn sent(host: &TestHost, request: &Request) -> Result<kumiko_sdk::http::Response> {
    host.run(|| request.send())
}

fn code(host: &TestHost, request: &Request) -> String {
    sent(host, request).unwrap_err().code
}

#[test]
fn a_prepared_answer_reaches_the_tool_and_the_request_the_test() {
    let host = host();
    host.http("GET https://api.example.com/v1/forecast?town=Bern", HttpAnswer::json(&json!({ "degrees": 7.5 })))
        .unwrap();
    let reply = host.call(&plugin(), "forecast", json!({ "town": "Bern" })).unwrap();
    assert_eq!(reply.structured, json!({ "degrees": 7.5 }));

    let requests = host.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (requests[0].method.as_str(), requests[0].url.as_str()),
        ("GET", "https://api.example.com/v1/forecast?town=Bern")
    );
    assert!(requests[0].headers.contains(&("authorization".to_owned(), "Bearer canary-3f9a".to_owned())));
    assert_eq!(host.notices(), [Notice::ResourceUpdated("weather://Bern".to_owned())]);
}

#[test]
fn a_status_of_the_service_is_an_answer_and_the_latest_that_fits_counts() {
    let host = host();
    host.http("https://api.example.com/*", HttpAnswer::new(500)).unwrap();
    host.http("GET,HEAD https://api.example.com/v1/*", HttpAnswer::json(&json!({})).status(404)).unwrap();
    let fault = host.call(&plugin(), "forecast", json!({ "town": "Bern" })).unwrap_err();
    assert_eq!((fault.code.as_str(), fault.message.as_str()), ("no_forecast", "the service says 404"));
    assert_eq!(sent(&host, &Request::new("DELETE", "https://API.example.com:443/v1/x")).unwrap().status, 500);
    host.http("http://127.0.0.1:8080", HttpAnswer::new(204)).unwrap();
    assert_eq!(sent(&host, &Request::get("http://127.1:8080/#top")).unwrap().status, 204);
}

#[test]
fn a_request_that_nobody_prepared_is_denied_and_says_what_to_write() {
    let host = host();
    host.http("GET https://api.example.com/v1/other", HttpAnswer::new(200)).unwrap();
    for (request, pattern) in [
        (Request::get("https://api.example.com/v1/forecast"), "GET https://api.example.com/v1/forecast"),
        (Request::new("POST", "https://api.example.com/v1/other"), "POST https://api.example.com/*"),
        (Request::get("https://example.org/"), "GET https://example.org/*"),
    ] {
        let fault = sent(&host, &request).unwrap_err();
        assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Denied, "http_denied"));
        assert!(fault.message.contains("no answer is prepared"), "{fault}");
        let line = format!("host.http(\"{pattern}\", ");
        assert!(fault.hint.as_ref().is_some_and(|hint| hint.contains(&line)), "{line} is missing in: {fault}");
    }
    assert!(host.requests().is_empty());
}

#[test]
fn what_the_server_would_not_send_is_not_sent() {
    let host = host();
    host.http("* https://api.example.com/*", HttpAnswer::new(200)).unwrap();
    let get = || Request::get("https://api.example.com/");
    let body = |bytes: Vec<u8>| Request { body: Some(bytes), ..Request::new("POST", "https://api.example.com/") };
    for (request, expected) in [
        (Request::get("https://api.example.com/a b"), "http_url_refused"),
        (Request::get("https://user@api.example.com/"), "http_url_refused"),
        (Request::new("CONNECT", "https://api.example.com/"), "http_method_refused"),
        (get().header("host", "elsewhere"), "http_header_refused"),
        (get().header("x", "a\nb"), "http_header_refused"),
        (get().header("x", "{{secret:"), "secret_place_malformed"),
        (body(b"{{secret:weather_key}}".to_vec()), "secret_in_body"),
        (body(vec![0; (8 << 20) + 1]), "http_request_too_large"),
    ] {
        assert_eq!(code(&host, &request), expected);
    }
    assert!(host.requests().is_empty());
    host.http("https://api.example.com/large", HttpAnswer::new(200).body(vec![0; (8 << 20) + 1])).unwrap();
    assert_eq!(code(&host, &Request::get("https://api.example.com/large")), "http_response_too_large");
}

#[test]
fn redirects_are_followed_without_credentials_and_each_is_a_request() {
    let host = host();
    host.http("https://api.example.com/old", HttpAnswer::new(302).header("Location", "https://www.example.com/new"))
        .unwrap();
    host.http("https://www.example.com/new", HttpAnswer::new(200).header("ETag", "7")).unwrap();
    let request =
        Request::get("https://api.example.com/old").header("authorization", secrets::placeholder("weather_key"));
    let answer = sent(&host, &Request { timeout_milliseconds: Some(500), ..request }).unwrap();
    assert_eq!((answer.url.as_str(), answer.header("etag")), ("https://www.example.com/new", Some("7")));
    let requests = host.requests();
    let carried: Vec<bool> =
        requests.iter().map(|request| request.headers.iter().any(|(name, _)| name == "authorization")).collect();
    assert_eq!(carried, [true, false]);
    assert!(requests.iter().all(|request| request.timeout_milliseconds == Some(500)));
}

#[test]
fn a_secret_is_sent_where_it_is_bound_to_and_never_seen() {
    let host = host();
    host.http_with("https://api.example.com/*", |request| {
        let said: Vec<&str> = request.headers.iter().map(|(_, value)| value.as_str()).collect();
        Ok(HttpAnswer::new(200).body(format!("you said {} to {}", said.join(" "), request.url)))
    })
    .unwrap();
    host.http("https://www.example.com/*", HttpAnswer::new(200)).unwrap();
    let with_secret = |host: &str| Request::get(format!("https://{host}/")).header("x", "{{secret:weather_key}}");

    let answer = sent(&host, &with_secret("api.example.com")).unwrap();
    assert_eq!(String::from_utf8(answer.body).unwrap(), "you said *** identity to https://api.example.com/");
    let fault = sent(&host, &with_secret("www.example.com")).unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Denied, "secret_denied"));
    assert!(fault.hint.unwrap().contains("&[\"https://www.example.com\"]"));

    host.secret("lost", "", &["api.example.com"]).unwrap();
    assert!(host.run(|| secrets::exists("weather_key")).unwrap());
    assert!(!host.run(|| secrets::exists("lost")).unwrap());
    assert_eq!(host.run(|| secrets::exists("other")).unwrap_err().code, "secret_denied");
    assert_eq!(code(&host, &Request::get("https://api.example.com/?{{secret:lost}}")), "secret_not_found");
}

#[test]
fn answers_may_differ_and_fail() {
    let host = host();
    let asked = AtomicUsize::new(0);
    host.http_with("https://api.example.com/*", move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Err(fault::unavailable("http_unreachable", "the service is down", None)),
        _ => Ok(HttpAnswer::json(&json!({ "degrees": 3.0 }))),
    })
    .unwrap();
    let fault = host.call(&plugin(), "forecast", json!({ "town": "Bern" })).unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Unavailable, "http_unreachable"));
    assert_eq!(host.call(&plugin(), "forecast", json!({ "town": "Bern" })).unwrap().structured["degrees"], 3.0);
    assert_eq!(host.requests().len(), 2);
}

#[test]
fn a_pattern_and_a_secret_that_are_none_are_refused() {
    let host = TestHost::new().unwrap();
    for pattern in ["", "api.example.com", "GET ftp://api.example.com/", "CONNECT https://a/", "GET data:,x"] {
        let fault = host.http(pattern, HttpAnswer::new(200)).unwrap_err();
        assert_eq!(fault.code, "http_rule_malformed", "{pattern}");
    }
    assert_eq!(host.secret("../x", "value", &["a.example"]).unwrap_err().code, "secret_name_malformed");
    assert_eq!(host.secret("x", "value", &["a/b"]).unwrap_err().code, "http_rule_malformed");
}

#[test]
fn another_plugins_tool_answers_as_prepared() {
    let host = host();
    let bern = || json!({ "town": "Bern" });
    let fault = host.call(&plugin(), "relay", bern()).unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Denied, "tool_denied"));
    assert!(fault.hint.unwrap().contains("host.tool(\"forecast\", "));

    host.tool("forecast", json!({ "degrees": 7.5 }));
    assert_eq!(host.call(&plugin(), "relay", bern()).unwrap().structured["degrees"], 7.5);
    assert_eq!(host.tool_calls(), [ToolCall { tool: "forecast".to_owned(), arguments: bern() }]);

    host.tool_with("forecast", |host, arguments| {
        host.put("s3://weather/asked.json", arguments.to_string())?;
        Ok(Reply::new(Value::Null).text("rain"))
    });
    let answer = host.run(|| tools::call("forecast", &bern())).unwrap();
    assert_eq!((answer.structured.clone(), answer.shown_text().as_str()), (Value::Null, "rain"));
    assert_eq!(host.text("s3://weather/asked.json").unwrap(), bern().to_string());

    host.tool("forecast", json!(7.5));
    assert_eq!(host.run(|| tools::call("forecast", &bern())).unwrap_err().code, "result_invalid");
    assert_eq!(host.run(|| tools::call("forecast", &[1])).unwrap_err().code, "invalid_arguments");
}

#[test]
fn another_plugin_can_stand_for_itself_and_calls_go_four_deep() {
    let host = host();
    host.http("https://api.example.com/*", HttpAnswer::json(&json!({ "degrees": 7.5 }))).unwrap();
    host.tool_with("forecast", |host, arguments| host.call(&plugin(), "forecast", arguments));
    let reply = host.call(&plugin(), "relay", json!({ "town": "Bern" })).unwrap();
    assert_eq!(reply.structured["degrees"], 7.5);

    host.tool_with("forecast", |host, arguments| host.call(&plugin(), "relay", arguments));
    let fault = host.call(&plugin(), "relay", json!({ "town": "Bern" })).unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Stopped, "call_depth_limit"));
    assert_eq!(host.tool_calls().len(), 5);
}

#[test]
fn notices_of_what_is_the_plugins_own_are_passed_on() {
    let host = TestHost::new().unwrap();
    host.run(|| {
        objects::put("s3://data/a", b"a", None, &Precondition::None).unwrap();
        notices::resource_updated("s3://data/a");
        notices::resource_updated("weather://a\n");
        notices::tools_changed();
        notices::prompts_changed();
        notices::resources_changed();
    });
    assert_eq!(host.notices(), [Notice::ToolsChanged, Notice::PromptsChanged, Notice::ResourcesChanged]);
}
