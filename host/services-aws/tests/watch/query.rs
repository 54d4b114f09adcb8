//! A way from the client of CloudWatch to moto. The client speaks Smithy's RPC with CBOR, and moto the older query
//! protocol with forms and XML, so requests are translated on the way, field by field; what moto makes of them is its
//! own judgement.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// What CBOR needs for an answer without fields.
const EMPTY_MAP: [u8; 1] = [0xa0];

/// Listens for clients, and forwards what they ask to the server at `target` (host and port).
pub(super) fn translator(target: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, target) = (client.unwrap(), target.clone());
            std::thread::spawn(move || forward(client, &target));
        }
    });
    endpoint
}

fn forward(mut client: TcpStream, target: &str) -> Option<()> {
    let (head, body) = read(&mut client)?;
    let operation = head.lines().next()?.split(' ').nth(1)?.rsplit('/').next()?;
    let mut fields = vec![("Action".to_owned(), operation.to_owned()), ("Version".to_owned(), "2010-08-01".to_owned())];
    flatten(&mut body.as_slice(), "", &mut fields);
    let (status, answer) = ask(target, &fields)?;
    // What moto refuses reaches the client as a refusal, with moto's words.
    let (status, answer) = match status {
        200 => ("200 OK", EMPTY_MAP.to_vec()),
        _ => ("400 Bad Request", answer.into_bytes()),
    };
    let length = answer.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes()).ok()?;
    client.write_all(&answer).ok()
}

/// Asks moto in its own protocol. Returns status and body.
pub(super) fn ask(target: &str, fields: &[(String, String)]) -> Option<(u16, String)> {
    let form: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    let form = form.join("&");
    let mut server = TcpStream::connect(target).ok()?;
    // moto tells services apart by what the signature is for.
    let scope = "Credential=test/20260101/us-east-1/monitoring/aws4_request";
    write!(
        server,
        "POST / HTTP/1.1\r\nHost: {target}\r\nAuthorization: AWS4-HMAC-SHA256 {scope}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}",
        form.len()
    )
    .ok()?;
    let (head, body) = read(&mut server)?;
    Some((head.split(' ').nth(1)?.parse().ok()?, String::from_utf8(body).ok()?))
}

/// The head and the body of a request or an answer.
fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Reads one CBOR value (RFC 8949) and adds it as fields of a form: `MetricData.member.1.MetricName`.
fn flatten(bytes: &mut &[u8], path: &str, fields: &mut Vec<(String, String)>) {
    let (major, info) = (bytes[0] >> 5, bytes[0] & 31);
    let inner = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match major {
        0 => fields.push((path.to_owned(), argument(bytes).unwrap().to_string())),
        1 => fields.push((path.to_owned(), (-1 - i128::from(argument(bytes).unwrap())).to_string())),
        3 => fields.push((path.to_owned(), text(bytes))),
        4 | 5 => {
            let mut left = argument(bytes);
            let mut number = 0;
            while left != Some(0) && bytes[0] != 0xff {
                number += 1;
                let name = if major == 4 { format!("member.{number}") } else { text(bytes) };
                flatten(bytes, &inner(&name), fields);
                left = left.map(|left| left - 1);
            }
            if left.is_none() {
                *bytes = &bytes[1..];
            }
        }
        6 => {
            argument(bytes);
            flatten(bytes, path, fields);
        }
        7 if info == 27 => fields.push((path.to_owned(), f64::from_bits(argument(bytes).unwrap()).to_string())),
        _ => panic!("the client sends a kind of CBOR that is not expected here: {major} {info}"),
    }
}

/// The number in a value's head; `None` where a length is left open.
fn argument(bytes: &mut &[u8]) -> Option<u64> {
    let info = bytes[0] & 31;
    let size = match info {
        0..=23 => 0,
        24..=27 => 1 << (info - 24),
        _ => 0,
    };
    let number = bytes[1..=size].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    *bytes = &bytes[1 + size..];
    match info {
        0..=23 => Some(u64::from(info)),
        24..=27 => Some(number),
        _ => None,
    }
}

fn text(bytes: &mut &[u8]) -> String {
    let length = usize::try_from(argument(bytes).unwrap()).unwrap();
    let (text, rest) = bytes.split_at(length);
    *bytes = rest;
    String::from_utf8(text.to_vec()).unwrap()
}
