//! What holds against a real server.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::primitives::Blob;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use kumiko_services_aws::{
    AwsSettings, CloudWatchLogs, CloudWatchMetrics, Error, LogSettings, SecretsManager, cloudwatch::NAMESPACE,
};

use super::support::Moto;
use super::{CREDENTIALS, query, scenario};

pub(super) fn run(name: &str) {
    let moto = Moto::start();
    let target = moto.endpoint.trim_start_matches("http://").to_owned();
    let metrics = query::translator(target.clone());
    let [key, secret, region] = CREDENTIALS;
    let variables = [
        key,
        secret,
        region,
        ("MOTO", target.as_str()),
        ("AWS_ENDPOINT_URL", &moto.endpoint),
        ("AWS_ENDPOINT_URL_CLOUDWATCH", &metrics),
        // The translator reads bodies as they are.
        ("AWS_DISABLE_REQUEST_COMPRESSION", "true"),
        ("CLOUDWATCH_LOG_GROUP", "/kumiko/lab"),
        ("CLOUDWATCH_LOG_STREAM", "one"),
    ];
    scenario(name, &variables);
}

#[tokio::test]
#[ignore = "a scenario"]
async fn secrets_under_the_prefix_are_read_and_no_others() {
    let secrets = SecretsManager::connect(&AwsSettings::default(), "mlops").await.unwrap();
    let client = secrets.client();
    for (name, value) in [("mlops/database", "hunter2"), ("mlops-production/database", "other"), ("database", "other")]
    {
        client.create_secret().name(name).description("of the lab").secret_string(value).send().await.unwrap();
    }
    for (name, bytes) in [("mlops/text", b"caf\xc3\xa9".to_vec()), ("mlops/bytes", vec![0xff, 0xfe])] {
        client.create_secret().name(name).secret_binary(Blob::new(bytes)).send().await.unwrap();
    }
    assert_eq!(secrets.get("database").await.unwrap().as_deref(), Some("hunter2"));
    assert_eq!(secrets.get("text").await.unwrap().as_deref(), Some("café"));
    assert!(matches!(secrets.get("bytes").await, Err(Error::SecretNotText { name }) if name == "mlops/bytes"));
    assert_eq!(secrets.get("missing").await.unwrap(), None);
    for name in ["", "a b", "arn:aws:secretsmanager:us-east-1:123456789012:secret:database", "a\n", &"x".repeat(510)] {
        assert!(matches!(secrets.get(name).await, Err(Error::SecretName { .. })), "{name}");
    }
    let described = secrets.describe("database").await.unwrap().unwrap();
    assert_eq!((described.name.as_str(), described.description.as_deref()), ("database", Some("of the lab")));
    assert!(described.changed.is_some() && !described.deleted);
    assert_eq!(secrets.describe("missing").await.unwrap(), None);

    // With a prefix that ends with a sign, nothing stands between.
    let production = SecretsManager::connect(&AwsSettings::default(), "mlops-production/").await.unwrap();
    assert_eq!(production.get("database").await.unwrap().as_deref(), Some("other"));

    client.delete_secret().secret_id("mlops/database").send().await.unwrap();
    assert!(secrets.describe("database").await.unwrap().unwrap().deleted);
    assert!(secrets.get("database").await.is_err());
}

/// What is in the stream.
async fn logged(client: &aws_sdk_cloudwatchlogs::Client) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let request = client.get_log_events().log_group_name("/kumiko/lab").log_stream_name("one");
        let page = request.start_from_head(true).set_next_token(token.clone()).send().await.unwrap();
        found.extend(
            page.events().iter().map(|event| (event.timestamp().unwrap(), event.message().unwrap().to_owned())),
        );
        let next = page.next_forward_token.clone();
        if page.events().is_empty() || next == token {
            return found;
        }
        token = next;
    }
}

/// What a client of one's own is made of.
async fn config() -> aws_config::SdkConfig {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
    aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12()).http_client(http).load().await
}

async fn client() -> aws_sdk_cloudwatchlogs::Client {
    aws_sdk_cloudwatchlogs::Client::new(&config().await)
}

async fn sink() -> CloudWatchLogs {
    CloudWatchLogs::start(&AwsSettings::default(), LogSettings::from_environment().unwrap()).await.unwrap()
}

#[tokio::test]
#[ignore = "a scenario"]
async fn log_lines_arrive_in_order_in_a_group_and_stream_that_are_made() {
    let sink = sink().await;
    let present = SystemTime::now();
    // More lines than one request holds, the later ones first.
    for number in (0..12_000_u64).rev() {
        sink.push(present - Duration::from_millis(12_000 - number), &format!("line {number}"));
    }
    sink.push(present, "");
    std::io::Write::write_all(&mut sink.writer(), b"{\"written\":1}\n{\"written\":2}\n").unwrap();
    assert_eq!(sink.dropped(), 0);
    sink.close().await;
    let found = logged(&client().await).await;
    assert_eq!(found.len(), 12_002);
    let expected = (0..12_000).map(|number| format!("line {number}"));
    assert!(found.iter().map(|(_, message)| message.clone()).zip(expected).all(|(found, expected)| found == expected));
    assert_eq!((found[12_000].1.as_str(), found[12_001].1.as_str()), ("{\"written\":1}", "{\"written\":2}"));
    assert!(found.windows(2).all(|pair| pair[0].0 <= pair[1].0));
}

#[tokio::test]
#[ignore = "a scenario"]
async fn a_group_that_is_deleted_meanwhile_is_made_again() {
    let client = client().await;
    let first = sink().await;
    let writer = first.writer();
    // A full request goes at once.
    for number in 0..10_000 {
        first.push(SystemTime::now(), &format!("before {number}"));
    }
    // Until the group is made, the question itself is an error.
    let streams = async || client.describe_log_streams().log_group_name("/kumiko/lab").send().await;
    while streams().await.map_or(true, |answer| answer.log_streams().is_empty()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    while logged(&client).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    client.delete_log_group().log_group_name("/kumiko/lab").send().await.unwrap();
    std::io::Write::write_all(&mut { writer }, b"after\n").unwrap();
    first.close().await;
    let found: Vec<String> = logged(&client).await.into_iter().map(|(_, message)| message).collect();
    assert_eq!(found, ["after"]);
}

#[tokio::test]
#[ignore = "a scenario"]
async fn calls_are_counted_and_timed_for_each_tool() {
    let metrics = CloudWatchMetrics::start(&AwsSettings::default()).await.unwrap();
    for number in 1..=60_u32 {
        // So many different tools that one request does not hold them, and so many calls that values repeat.
        let tool = format!("tool_{number}");
        for call in 0..number {
            metrics.record("demo", &tool, Duration::from_millis(u64::from(10 + call % 5)), call == 0);
        }
    }
    assert_eq!(metrics.dropped(), 0);
    metrics.close().await;
    let target = std::env::var("MOTO").unwrap();
    let figure = |metric: &str, tool: &str, statistic: &str| {
        let fields = [
            ("Action", "GetMetricStatistics"),
            ("Version", "2010-08-01"),
            ("Namespace", NAMESPACE),
            ("MetricName", metric),
            ("Dimensions.member.1.Name", "Capability"),
            ("Dimensions.member.1.Value", "demo"),
            ("Dimensions.member.2.Name", "Tool"),
            ("Dimensions.member.2.Value", tool),
            ("StartTime", "2020-01-01T00:00:00Z"),
            ("EndTime", "2100-01-01T00:00:00Z"),
            // One period holds them all.
            ("Period", "3153600000"),
            ("Statistics.member.1", statistic),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (status, text) = query::ask(&target, &fields).unwrap();
        assert_eq!(status, 200, "{text}");
        let (_, rest) =
            text.split_once(&format!("<{statistic}>")).unwrap_or_else(|| panic!("{metric} of {tool}: {text}"));
        assert!(!rest.contains(&format!("<{statistic}>")), "{text}");
        rest.split('<').next().unwrap().parse::<f64>().unwrap()
    };
    for number in [1, 17, 60_u32] {
        let tool = format!("tool_{number}");
        assert_eq!(figure("Calls", &tool, "Sum"), f64::from(number));
        assert_eq!(figure("Errors", &tool, "Sum"), 1.0);
    }
    assert_eq!(figure("Duration", "tool_60", "Maximum"), 14.0);
    assert_eq!(figure("Duration", "tool_60", "SampleCount"), 60.0);
    assert_eq!(figure("Duration", "tool_60", "Sum"), 720.0);
}
