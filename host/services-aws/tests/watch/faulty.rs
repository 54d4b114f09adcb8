//! What holds when the service does not behave: each scenario is a server of a few lines.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kumiko_services_aws::{AwsSettings, CloudWatchLogs, Error, LogSettings, SecretsManager};

use super::{CREDENTIALS, scenario};

pub(super) fn run(name: &str) {
    scenario(name, &CREDENTIALS);
}

/// What came: the operation, and the body.
type Request = (String, String);

/// A server that answers each request with the status and the JSON that `answer` makes of it.
struct Server {
    settings: AwsSettings,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn start(answer: impl Fn(usize, &Request) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read_request(&mut stream) else { continue };
                let mut log = log.lock().unwrap();
                let (status, body) = answer(log.len(), &request);
                log.push(request);
                let head = format!(
                    "HTTP/1.1 {status} status\r\nconnection: close\r\n\
                     content-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { settings: AwsSettings { endpoint: Some(endpoint), region: None }, asked }
    }

    async fn logs(&self) -> CloudWatchLogs {
        let settings = LogSettings { group: "group".to_owned(), stream: "stream".to_owned() };
        CloudWatchLogs::start(&self.settings, settings).await.unwrap()
    }

    /// The bodies of the requests of that operation.
    fn bodies(&self, operation: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(asked, _)| asked == operation).map(|(_, body)| body.clone()).collect()
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        head.lines().filter_map(|line| line.split_once(": ")).find(|(found, _)| found.eq_ignore_ascii_case(name))
    };
    let mut body = vec![0; header("content-length").map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    let operation = header("x-amz-target").map_or("", |(_, target)| target.rsplit('.').next().unwrap());
    Some((operation.to_owned(), String::from_utf8_lossy(&body).into_owned()))
}

fn refusal(code: &str) -> String {
    format!("{{\"__type\":\"{code}\",\"message\":\"words\"}}")
}

#[tokio::test]
#[ignore = "a scenario"]
async fn lines_wait_for_a_service_that_comes_back() {
    // More refusals than the client itself tries, so that the sink's own retry is what delivers.
    let server = Server::start(|number, _| match number {
        0..6 => (503, refusal("ServiceUnavailableException")),
        _ => (200, "{}".to_owned()),
    });
    let sink = server.logs().await;
    for number in 0..10_000 {
        sink.push(SystemTime::now(), &format!("line {number}"));
    }
    while server.bodies("PutLogEvents").is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sink.push(SystemTime::now(), "the last");
    assert_eq!(sink.dropped(), 0);
    sink.close().await;
    let bodies = server.bodies("PutLogEvents");
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0].matches("\"message\"").count(), 10_000);
    assert!(bodies[0].contains("line 0\"") && bodies[0].contains("line 9999\"") && bodies[1].contains("the last"));
}

#[tokio::test]
#[ignore = "a scenario"]
async fn lines_that_the_service_refuses_for_good_are_counted() {
    let server = Server::start(|_, (operation, _)| match operation.as_str() {
        "PutLogEvents" => (400, refusal("InvalidParameterException")),
        _ => (200, "{}".to_owned()),
    });
    let sink = server.logs().await;
    for _ in 0..10_000 {
        sink.push(SystemTime::now(), "line");
    }
    while sink.dropped() < 10_000 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.bodies("PutLogEvents").len(), 1);
    sink.close().await;
}

#[tokio::test]
#[ignore = "a scenario"]
async fn a_service_that_never_answers_does_not_hold_up_the_end() {
    // It takes connections, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
    let settings = LogSettings { group: "group".to_owned(), stream: "stream".to_owned() };
    let sink = CloudWatchLogs::start(&AwsSettings { endpoint, region: None }, settings).await.unwrap();
    for number in 0..60_000 {
        sink.push(SystemTime::now(), &format!("line {number}"));
    }
    // Four tries of 20 s each, and waits without end, are what it would take otherwise.
    tokio::time::timeout(Duration::from_secs(60), sink.close()).await.unwrap();
}

#[tokio::test]
#[ignore = "a scenario"]
async fn a_secret_that_may_not_be_read_is_denied_without_its_value() {
    let server = Server::start(|_, _| (400, refusal("AccessDeniedException")));
    let secrets = SecretsManager::connect(&server.settings, "mlops").await.unwrap();
    let denied = secrets.get("database").await.unwrap_err();
    assert!(matches!(&denied, Error::Denied { operation: "GetSecretValue", .. }), "{denied:?}");
    assert!(denied.to_string().contains("mlops/database"), "{denied}");
    assert!(server.bodies("GetSecretValue")[0].contains("mlops/database"));
}

#[tokio::test]
#[ignore = "a scenario"]
async fn an_endpoint_with_a_password_in_it_is_refused() {
    let endpoint = Some("http://user:hunter2@127.0.0.1:9".to_owned());
    let refused = SecretsManager::connect(&AwsSettings { endpoint, region: None }, "").await.unwrap_err();
    assert!(matches!(refused, Error::Configuration { .. }), "{refused:?}");
    assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
}

#[tokio::test]
#[ignore = "a scenario"]
async fn without_a_region() {
    let missing = SecretsManager::connect(&AwsSettings::default(), "").await.unwrap_err();
    assert!(matches!(missing, Error::Configuration { .. }), "{missing:?}");
    assert!(missing.to_string().contains("AWS_REGION"), "{missing}");
}
