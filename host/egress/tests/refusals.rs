//! Requests that must not leave: every case ends in a typed refusal, and a sink on the loopback interface sees no
//! connection.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use kumiko_egress::{Request, Settings};
use support::{Guest, Script, Server, Sink, allowing, response};
use url::Url;

/// The rule that allows a URL by its name, so that its address alone can refuse it.
fn rule_for(url: &str) -> String {
    let url = Url::parse(url).unwrap();
    format!("* {}://{}:{}", url.scheme(), url.host_str().unwrap(), url.port_or_known_default().unwrap())
}

#[tokio::test]
async fn an_address_that_is_not_public_is_refused_in_every_notation() {
    let sink = Sink::start().await;
    let hosts = [
        // Loopback: short, hexadecimal, decimal, octal, padded, with a dot, percent-encoded, in full-width and circled
        // digits.
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "127.0.0.2",
        "127.255.255.254",
        "0x7f000001",
        "0x7F.0.0.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0177.0.0.01",
        "127.000.000.001",
        "%31%32%37.0.0.1",
        "１２７.０.０.１",
        "127。0。0。1",
        "①②⑦.0.0.1",
        // Unspecified, which reaches the machine itself.
        "0",
        "0.0.0.0",
        "0x0",
        "0.0.0.1",
        // IPv6: plain, mapped, compatible, NAT64, 6to4, Teredo.
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:FFFF:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:101:101::80ff:fffe]",
        "[2001:0:7f00:1::fefe:fefe]",
        // Metadata services.
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        // Networks that are somebody's own, and addresses that are nobody's.
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.0.1",
        "[fc00::1]",
        "[fd12:3456:789a::1]",
        "[fe80::1]",
        "[fec0::1]",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "203.0.113.1",
        "[ff02::1]",
        "[2001:db8::1]",
        "[100::1]",
    ];
    for host in hosts {
        let url = format!("http://{host}:{}/latest/meta-data/", sink.port);
        let script = Script::new(&[]);
        let guest = Guest::new(Settings::default(), script.clone(), &[&rule_for(&url)], &[]);
        let error = guest.get(&url).await.unwrap_err();
        assert_eq!(error.code(), "http_address_denied", "{host}: {error}");
        assert!(script.asked().is_empty(), "{host} is no name");
    }
    assert_eq!(sink.connections().await, 0);
}

#[tokio::test]
async fn a_name_is_refused_when_any_of_its_addresses_is_not_public() {
    let sink = Sink::start().await;
    let script = Script::new(&[
        ("localhost", &[&["127.0.0.1"]]),
        ("loopback.example", &[&["127.0.0.1"]]),
        ("six.example", &[&["::1"]]),
        ("mapped.example", &[&["::ffff:127.0.0.1"]]),
        ("mixed.example", &[&["1.1.1.1", "127.0.0.1"]]),
        ("metadata.example", &[&["169.254.169.254"]]),
        ("metadata-six.example", &[&["fd00:ec2::254"]]),
        ("private.example", &[&["10.0.0.1", "1.1.1.1"]]),
        ("xn--bcher-kva.example", &[&["127.0.0.1"]]),
        ("127.0.0.1.example", &[&["127.0.0.1"]]),
    ]);
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "ⓛocalhost",
        "ＬＯＣＡＬhost",
        "loopback.example",
        "six.example",
        "mapped.example",
        "mixed.example",
        "metadata.example",
        "metadata-six.example",
        "private.example",
        "bücher.example",
        "xn--bcher-kva.example",
        "127.0.0.1.example",
    ] {
        let url = format!("http://{host}:{}/", sink.port);
        let rule = rule_for(&url);
        let guest = Guest::new(Settings::default(), script.clone(), &[&rule], &[]);
        let error = guest.get(&url).await.unwrap_err();
        assert_eq!(error.code(), "http_address_denied", "{host}: {error}");
    }
    assert_eq!(sink.connections().await, 0);
}

#[tokio::test]
async fn what_no_rule_names_is_refused_though_its_address_is_allowed() {
    let sink = Sink::start().await;
    let port = sink.port;
    let script = Script::everything("127.0.0.1");
    let rules = [
        format!("GET http://api.example.com:{port}"),
        format!("GET http://*.example.org:{port}"),
        "GET https://api.example.com".to_owned(),
    ];
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let guest = Guest::new(allowing(&["127.0.0.0/8", "::1/128"]), script.clone(), &rules, &[]);
    for (method, url) in [
        ("POST", format!("http://api.example.com:{port}/")),
        ("HEAD", format!("http://api.example.com:{port}/")),
        ("GET", "http://api.example.com/".to_owned()),
        ("GET", format!("https://api.example.com:{port}/")),
        ("GET", format!("http://example.com:{port}/")),
        ("GET", format!("http://example.org:{port}/")),
        ("GET", format!("http://evilexample.org:{port}/")),
        ("GET", format!("http://a.api.example.com:{port}/")),
        ("GET", format!("http://api.example.com.evil.net:{port}/")),
        ("GET", format!("http://evil.net:{port}/api.example.com")),
        ("GET", format!("http://evil.net:{port}/?http://api.example.com:{port}/")),
        ("GET", format!("http://evil.net:{port}#api.example.com")),
        ("GET", format!("http://127.0.0.1:{port}/")),
        ("GET", format!("http://[::1]:{port}/")),
        ("GET", format!("http://localhost:{port}/")),
        // A Cyrillic letter, a sharp s, a soft hyphen that vanishes, another top-level domain.
        ("GET", format!("http://аpi.example.com:{port}/")),
        ("GET", format!("http://xn--pi-7kc.example.com:{port}/")),
        ("GET", format!("http://api.exam\u{ad}ple.net:{port}/")),
        ("GET", format!("http://api.example.cοm:{port}/")),
        ("GET", format!("http://api-example.com:{port}/")),
    ] {
        let error = guest.send(Request::new(method, &url)).await.unwrap_err();
        assert_eq!(error.code(), "http_denied", "{method} {url}: {error}");
    }
    assert!(script.asked().is_empty(), "a name that is not allowed is not even looked up");
    assert_eq!(sink.connections().await, 0);
}

#[tokio::test]
async fn urls_and_headers_made_to_be_misread_are_refused() {
    let sink = Sink::start().await;
    let port = sink.port;
    let rules = [
        format!("* http://api.example.com:{port}"),
        format!("* http://127.0.0.1:{port}"),
        "* http://api.example.com".to_owned(),
    ];
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let guest = Guest::new(allowing(&["127.0.0.0/8"]), Script::everything("127.0.0.1"), &rules, &[]);
    for url in [
        format!("http://api.example.com@127.0.0.1:{port}/"),
        format!("http://api.example.com:80@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}@api.example.com:{port}/"),
        format!("http://api.example.com\\@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}\\.api.example.com/"),
        format!("http://:secret@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}/\r\nX-Injected: 1"),
        format!("http://127.0.0.1:{port}/a b"),
        format!("http://127.0.0.1\t:{port}/"),
        format!("\u{1}http://127.0.0.1:{port}/"),
        format!("http://127.0.0.1%00:{port}/"),
        format!("http://127.0.0.1%0d%0a:{port}/"),
        format!("file://127.0.0.1:{port}/etc/passwd"),
        "file:///etc/passwd".to_owned(),
        format!("gopher://127.0.0.1:{port}/_GET%20/"),
        format!("ftp://127.0.0.1:{port}/"),
        format!("dict://127.0.0.1:{port}/"),
        format!("ldap://127.0.0.1:{port}/"),
        format!("ws://127.0.0.1:{port}/"),
        format!("unix://127.0.0.1:{port}/"),
        format!("jar:http://127.0.0.1:{port}/!/"),
        format!("view-source:http://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        "http://127.0.0.1:0/".to_owned(),
    ] {
        let error = guest.get(&url).await.unwrap_err();
        assert_eq!(error.code(), "http_url_refused", "{url:?}: {error}");
    }
    for (name, value) in [
        ("x", "a\r\nHost: evil"),
        ("x", "a\n\nGET /admin HTTP/1.1"),
        ("x", "a\r"),
        ("x", "a\0b"),
        ("x\r\nhost", "evil"),
        ("x: y\r\nz", "1"),
        ("x y", "1"),
        ("host", "evil"),
        ("Host", "evil"),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("transfer-encoding", "chunked"),
        ("te", "trailers"),
        ("content-length", "3"),
        ("content-length", "0, 3"),
        ("proxy-authorization", "x"),
        ("proxy-connection", "keep-alive"),
        (":path", "/admin"),
    ] {
        let error =
            guest.send(Request::new("GET", format!("http://127.0.0.1:{port}/")).header(name, value)).await.unwrap_err();
        assert_eq!(error.code(), "http_header_refused", "{name:?}: {error}");
    }
    assert_eq!(sink.connections().await, 0);
}

#[tokio::test]
async fn a_request_that_is_allowed_by_name_and_address_is_sent() {
    let sink = Sink::start().await;
    let script = Script::new(&[("api.example.com", &[&["127.0.0.1"]])]);
    let rule = format!("GET http://api.example.com:{}", sink.port);
    let guest = Guest::new(allowing(&["127.0.0.0/8"]), script.clone(), &[&rule], &[]);
    let answer = guest.get(&format!("http://API.example.com.:{}/a?b#c", sink.port)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_ref()), (200, b"the sink was reached".as_slice()));
    assert_eq!(answer.url, format!("http://api.example.com:{}/a?b", sink.port));
    assert_eq!(script.asked(), ["api.example.com"]);
    assert_eq!(sink.connections().await, 1, "the sink does see what reaches it");
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_judged_by_each_answer_and_connected_to_the_judged_one() {
    let server = Server::start(|_| response("200 OK", "", "server")).await;
    let port = server.address.port();
    let sink =
        Server::listen(format!("127.0.0.2:{port}").parse().unwrap(), |_| response("200 OK", "", "sink")).await.unwrap();
    // 127.0.0.1 stands for the public address that the name shows first, 127.0.0.2 for the inner one that it turns to.
    let script = Script::new(&[("rebind.example", &[&["127.0.0.1"], &["127.0.0.2"]])]);
    let guest =
        Guest::new(allowing(&["127.0.0.1/32"]), script.clone(), &[&format!("* http://rebind.example:{port}")], &[]);
    let url = format!("http://rebind.example:{port}/");
    assert_eq!(guest.get(&url).await.unwrap().body.as_ref(), b"server");
    assert_eq!(script.asked().len(), 1, "the connection asks no second time");
    assert_eq!(guest.get(&url).await.unwrap_err().code(), "http_address_denied");
    assert_eq!((script.asked().len(), server.connections().await, sink.connections().await), (2, 1, 0));
}

#[tokio::test]
async fn a_name_without_addresses_is_told_apart_from_a_refusal() {
    let script = Script::new(&[("empty.example", &[&[]])]);
    let guest = Guest::new(Settings::default(), script, &["empty.example", "missing.example"], &[]);
    for host in ["empty.example", "missing.example"] {
        assert_eq!(guest.get(&format!("https://{host}/")).await.unwrap_err().code(), "http_name_unresolved");
    }
}

#[test]
fn a_proxy_of_the_environment_is_not_used() {
    const CHILD: &str = "KUMIKO_EGRESS_TEST_CHILD";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Ok(url) = std::env::var(CHILD) {
        let guest = Guest::new(allowing(&["127.0.0.1/32"]), Script::new(&[]), &[&rule_for(&url)], &[]);
        assert_eq!(runtime.block_on(guest.get(&url)).unwrap().body.as_ref(), b"direct");
        return;
    }
    runtime.block_on(async {
        let server = Server::start(|_| response("200 OK", "", "direct")).await;
        let proxy = Server::start(|_| response("200 OK", "", "proxied")).await;
        let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "a_proxy_of_the_environment_is_not_used"]).env(CHILD, server.url("/"));
        for variable in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env(variable, proxy.url(""));
        }
        assert!(command.status().await.unwrap().success());
        assert_eq!((server.connections().await, proxy.connections().await), (1, 0));
    });
}
