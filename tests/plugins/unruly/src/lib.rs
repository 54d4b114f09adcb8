//! A plugin that does what no plugin should, one tool for each misdeed, and a few tools that show the protocol's corners.

// A guest that misbehaves on purpose may use what the workspace forbids its own code.
#![allow(clippy::panic, clippy::expect_used)]

use kumiko_sdk::input::{Elicited, InputRequired};
use kumiko_sdk::prelude::*;
use kumiko_sdk::{frames, http, objects, random, time, tools};

plugin! {
    name: "unruly",
    description: "Does what no plugin should.",
    tools: [
        spin, hoard, recurse, collapse, flood, break_promise, flood_log, climb, confirm, show, look_around, dawdle, spin_through_calls,
        flood_host, hold_frames, wait_for_peer, call_itself, draw_random
    ]
}

/// No arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What came of it.
#[derive(Serialize, JsonSchema)]
pub struct Outcome {
    /// A number that stands for the work done.
    pub value: u64,
}

/// How much.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// How much of it.
    pub amount: u64,
}

/// Loops for ever.
#[tool(read_only)]
pub fn spin(_: Nothing) -> Result<Outcome> {
    let mut value = 0_u64;
    loop {
        value = std::hint::black_box(value.wrapping_add(1));
        if value == u64::MAX {
            return Ok(Outcome { value });
        }
    }
}

/// Asks for memory until there is none.
#[tool(read_only)]
pub fn hoard(_: Nothing) -> Result<Outcome> {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1; 1 << 20]));
        if hoard.len() > 1 << 20 {
            return Ok(Outcome { value: hoard.len() as u64 });
        }
    }
}

/// Recurses without end.
#[tool(read_only)]
pub fn recurse(_: Nothing) -> Result<Outcome> {
    fn deeper(depth: u64) -> u64 {
        if std::hint::black_box(depth) == u64::MAX { depth } else { std::hint::black_box(deeper(depth + 1)) + 1 }
    }
    Ok(Outcome { value: deeper(0) })
}

/// Panics.
#[tool(read_only)]
pub fn collapse(_: Nothing) -> Result<Outcome> {
    panic!("the fixture collapses on purpose");
}

/// What a flood leaves.
#[derive(Serialize, JsonSchema)]
pub struct Flood {
    /// As much text as was asked for.
    pub text: String,
}

/// Returns as many bytes of structured result as it is asked for.
#[tool(read_only)]
pub fn flood(arguments: Amount) -> Result<Flood> {
    Ok(Flood { text: "x".repeat(usize::try_from(arguments.amount).unwrap_or(usize::MAX)) })
}

/// A promise that is not kept.
#[derive(Serialize, JsonSchema)]
pub struct Promise {
    /// At most ten.
    #[schemars(range(max = 10))]
    pub value: u64,
}

/// Returns what its own output schema forbids.
#[tool(read_only)]
pub fn break_promise(_: Nothing) -> Result<Promise> {
    Ok(Promise { value: 11 })
}

/// How much of a log.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// How many lines.
    pub amount: u64,
    /// The bytes of a line; a kilobyte where absent.
    pub length: Option<usize>,
}

/// Writes as many log lines as it is asked for.
#[tool(read_only)]
pub fn flood_log(arguments: Log) -> Result<Outcome> {
    let line = "y".repeat(arguments.length.unwrap_or(1_000));
    for _ in 0..arguments.amount {
        log::warn!("{line}");
    }
    Ok(Outcome { value: arguments.amount })
}

/// Reports progress in as many steps as it is asked for.
#[tool(read_only)]
pub fn climb(arguments: Amount) -> Result<Outcome> {
    for step in 0..=arguments.amount {
        progress::report(step as f64, Some(arguments.amount as f64), "climbing");
        // The host merges what comes faster than twenty a second; so does this fixture wait.
        let until = time::milliseconds() + 60;
        while time::milliseconds() < until {
            std::hint::spin_loop();
        }
    }
    Ok(Outcome { value: arguments.amount })
}

/// The person's answer.
#[derive(Deserialize, JsonSchema)]
pub struct Confirmation {
    /// Whether to go on.
    pub go_on: bool,
}

/// Asks before it answers.
#[tool]
pub fn confirm(arguments: Amount, context: &Context) -> Result<Answer<Outcome>> {
    match context.resumption() {
        None => Ok(InputRequired::elicit::<Confirmation>("confirmation", "Go on?").state(&arguments.amount)?.into()),
        Some(resumption) => match resumption.elicited::<Confirmation>("confirmation")? {
            Elicited::Accepted(Confirmation { go_on: true }) => {
                Ok(Reply::new(Outcome { value: resumption.state::<u64>()? }).into())
            }
            _ => Err(Fault::new(FaultKind::Denied, "not_confirmed", "the person did not confirm")),
        },
    }
}

/// Shows one block of every kind.
#[tool(read_only)]
pub fn show(_: Nothing) -> Result<Reply<Outcome>> {
    let png = [137, 80, 78, 71, 13, 10, 26, 10];
    Ok(Reply::new(Outcome { value: 1 }).text("text").image(png).audio(*b"RIFF", "audio/wav").resource(
        "memo://1",
        "text/plain",
        "embedded",
    ))
}

/// What it got at.
#[derive(Serialize, JsonSchema)]
pub struct Reached {
    /// Each attempt with the code of the fault it met; empty where it met none.
    pub attempts: Vec<(String, String)>,
    /// Random bytes from the host.
    pub random: Vec<u8>,
}

/// Tries to read what lies outside of what it may read.
#[tool(read_only)]
pub fn look_around(_: Nothing) -> Result<Reached> {
    let places = [
        "/etc/passwd",
        "s3://mlops/../../etc/passwd",
        "s3://mlops/%2e%2e/secret",
        "http://127.0.0.1/",
        "file:///etc/passwd",
        "../x",
    ];
    let attempts = places
        .iter()
        .map(|place| ((*place).to_owned(), objects::get(place).err().map(|fault| fault.code).unwrap_or_default()))
        .collect();
    Ok(Reached { attempts, random: random::bytes(8) })
}

/// Works until it is cancelled, and keeps within its processor time by asking the host to wait for it.
#[tool(read_only, long_running)]
pub fn dawdle(_: Nothing) -> Result<Outcome> {
    let mut value = 0;
    loop {
        progress::check()?;
        value = std::hint::black_box(value + 1);
    }
}

/// Loops for ever through calls of its own functions and of the host's.
#[tool(read_only)]
pub fn spin_through_calls(_: Nothing) -> Result<Outcome> {
    #[inline(never)]
    fn further(value: u64) -> u64 {
        std::hint::black_box(value.wrapping_add(u64::from(progress::is_cancelled())).wrapping_add(1))
    }
    let mut value = 0;
    loop {
        value = further(value);
        if value == u64::MAX {
            return Ok(Outcome { value });
        }
    }
}

/// Calls a host function that does nothing, as often as it is asked to.
#[tool(read_only)]
pub fn flood_host(arguments: Amount) -> Result<Outcome> {
    for _ in 0..arguments.amount {
        std::hint::black_box(progress::is_cancelled());
    }
    Ok(Outcome { value: arguments.amount })
}

/// Draws as many times as it is asked to as many random bytes as the host gives at once.
#[tool(read_only)]
pub fn draw_random(arguments: Amount) -> Result<Outcome> {
    let mut value = 0;
    for _ in 0..arguments.amount {
        value += random::bytes(32 << 20).len() as u64;
    }
    Ok(Outcome { value })
}

/// Makes as many frames as it is asked for and keeps them all.
#[tool(read_only)]
pub fn hold_frames(arguments: Amount) -> Result<Outcome> {
    let row = [json!({ "a": 1 })];
    let mut held = Vec::new();
    for _ in 0..arguments.amount {
        held.push(frames::Frame::from_rows(&row)?);
    }
    Ok(Outcome { value: held.len() as u64 })
}

/// Whom to ask, and what to hold meanwhile.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The URL to ask.
    pub url: String,
    /// Bytes of memory to hold while it waits.
    pub hold: usize,
}

/// Asks a URL, with a time limit beyond that of any call.
#[tool(read_only)]
pub fn wait_for_peer(arguments: Peer) -> Result<Outcome> {
    // Not written to: it counts for the guest and costs the machine nothing.
    let held: Vec<u8> = std::hint::black_box(Vec::with_capacity(arguments.hold));
    let mut request = http::Request::get(arguments.url);
    request.timeout_milliseconds = Some(u32::MAX);
    let response = request.send()?;
    Ok(Outcome { value: u64::from(response.status) + std::hint::black_box(held).len() as u64 })
}

/// Calls itself through the host as many times as it is asked to.
#[tool(read_only)]
pub fn call_itself(arguments: Amount) -> Result<Outcome> {
    if arguments.amount > 0 {
        tools::call("call_itself", &json!({ "amount": arguments.amount - 1 }))?;
    }
    Ok(Outcome { value: arguments.amount })
}
