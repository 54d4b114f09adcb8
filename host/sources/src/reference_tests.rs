//! The grammar of references: what is read, what is refused and for which part, and that the canonical form is stable.

use super::*;

const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn canonical(text: &str) -> String {
    Reference::parse(text).unwrap().to_string()
}

fn wrong_part(text: &str) -> &'static str {
    match Reference::parse(text) {
        Err(Error::Reference { part, .. }) => part,
        other => panic!("{text} gives {other:?}"),
    }
}

#[test]
fn a_reference_without_tag_and_digest_means_the_tag_latest() {
    assert_eq!(canonical("oci://registry.example/team/hello"), "oci://registry.example/team/hello:latest");
}

#[test]
fn a_registry_is_the_same_in_any_case_and_keeps_its_port() {
    assert_eq!(canonical("oci://Registry.Example:5000/hello:V1"), "oci://registry.example:5000/hello:V1");
    assert_eq!(canonical("oci://[::1]:5000/hello"), "oci://[::1]:5000/hello:latest");
}

#[test]
fn a_digest_alone_brings_no_tag_and_both_are_kept() {
    let pinned = format!("oci://localhost/hello@sha256:{DIGEST}");
    assert_eq!(canonical(&pinned), pinned);
    let both = format!("oci://localhost/hello:1.0@sha256:{DIGEST}");
    assert_eq!(canonical(&both), both);
}

#[test]
fn addresses_and_paths_are_read() {
    assert_eq!(canonical("https://example.com/a/x.wasm"), "https://example.com/a/x.wasm");
    assert_eq!(canonical("https://EXAMPLE.com:443/x.wasm"), "https://example.com/x.wasm");
    for host in ["127.0.0.1:1", "localhost", "[::1]:1"] {
        assert_eq!(canonical(&format!("http://{host}/x.wasm")), format!("http://{host}/x.wasm"));
    }
    assert_eq!(canonical("/a/b.wasm"), "/a/b.wasm");
    assert_eq!(canonical("file:///a/b%20c.wasm"), "/a/b c.wasm");
    let here = std::env::current_dir().unwrap();
    assert_eq!(canonical("plugins/b.wasm"), here.join("plugins/b.wasm").display().to_string());
    assert_eq!(canonical("./b.wasm"), here.join("b.wasm").display().to_string());
}

#[test]
fn an_error_names_the_part_that_is_wrong() {
    let long_name = format!("oci://host/{}", "a".repeat(256));
    let long_tag = format!("oci://host/a:{}", "t".repeat(129));
    let upper_digest = format!("oci://host/a@sha256:{}", DIGEST.to_uppercase());
    let cases = [
        ("oci://", "name"),
        ("oci://host", "name"),
        ("oci://host/", "name"),
        ("oci:///hello", "registry"),
        ("oci://user@host/hello", "registry"),
        ("oci://ho st/hello", "registry"),
        ("oci://-host/hello", "registry"),
        ("oci://a..b/hello", "registry"),
        ("oci://host:/hello", "registry"),
        ("oci://host:0/hello", "registry"),
        ("oci://host:65536/hello", "registry"),
        ("oci://host:+80/hello", "registry"),
        ("oci://[::zz]/hello", "registry"),
        ("oci://[::1]5000/hello", "registry"),
        ("oci://host/Hello", "name"),
        ("oci://host/a//b", "name"),
        ("oci://host/../b", "name"),
        ("oci://host/a/", "name"),
        ("oci://host/a___b", "name"),
        ("oci://host/a.", "name"),
        ("oci://host/ü", "name"),
        (&long_name, "name"),
        ("oci://host/a:", "tag"),
        ("oci://host/a:-x", "tag"),
        ("oci://host/a:b:c", "tag"),
        ("oci://host/a:b/c", "tag"),
        (&long_tag, "tag"),
        ("oci://host/a@", "digest"),
        ("oci://host/a@sha256:12", "digest"),
        ("oci://host/a@sha512:12", "digest"),
        (&upper_digest, "digest"),
        ("http://example.com/x.wasm", "scheme"),
        ("http://127.0.0.1.example.com/x.wasm", "scheme"),
        ("http://127.0.0.2/x.wasm", "scheme"),
        ("ftp://example.com/x.wasm", "scheme"),
        ("https://", "address"),
        ("https://user@example.com/x.wasm", "address"),
        ("https://example.com/x.wasm?token=secret", "address"),
        ("https://example.com/x.wasm#a", "address"),
        ("https://example.com/x.tar", "path"),
        ("https://example.com/.wasm", "path"),
        ("file://relative/x.wasm", "path"),
        ("file:///a%00b.wasm", "path"),
        ("file:///a%ffb.wasm", "path"),
        ("", "path"),
        ("a\nb.wasm", "text"),
    ];
    for (text, part) in cases {
        assert_eq!(wrong_part(text), part, "{text}");
    }
}

#[test]
fn a_name_is_suggested_where_the_last_segment_is_one() {
    let name = |text: &str| Reference::parse(text).unwrap().suggested_name().map(String::from);
    assert_eq!(name("oci://host/team/hello:2").as_deref(), Some("hello"));
    assert_eq!(name("https://example.com/a/hello.wasm").as_deref(), Some("hello"));
    assert_eq!(name("/a/hello.wasm").as_deref(), Some("hello"));
    assert_eq!(name("https://example.com/..%2fevil.wasm"), None);
    assert_eq!(name("/a/.."), None);
    assert_eq!(name("oci://host/a.b"), None);
}

/// A generator of numbers that repeats itself in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn word(&mut self, alphabet: &str, longest: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..=self.below(longest)).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    fn reference(&mut self) -> String {
        const PLAIN: &str = "abcxyz0189";
        match self.below(4) {
            0 => format!("https://{}.example/{}.wasm", self.word(PLAIN, 8), self.word("ab%20~é/._-", 12)),
            1 => format!("/{}{}", self.word(PLAIN, 3), self.word("ab ./_-%é:@", 20)),
            _ => {
                let mut text =
                    format!("oci://{}{}", self.word("abCD09", 6), self.pick(&["", ".Example", ":5000", ".io:1"]));
                for _ in 0..=self.below(3) {
                    let joint = self.pick(&["", "a.b", "c__d", "e---f", "g_h"]);
                    text += &format!("/{}{joint}{}", self.word(PLAIN, 4), self.word(PLAIN, 4));
                }
                if self.below(2) == 0 {
                    text += &format!(":{}{}", self.word("aB0_", 1), self.word("aB0_.-", 12));
                }
                if self.below(2) == 0 {
                    text += &format!("@sha256:{}", Sha256::of(text.as_bytes()));
                }
                text
            }
        }
    }
}

#[test]
fn reading_the_canonical_form_again_gives_the_same_reference() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut read = 0;
    for _ in 0..20_000 {
        let text = numbers.reference();
        let Ok(reference) = Reference::parse(&text) else { continue };
        read += 1;
        let shown = reference.to_string();
        assert_eq!(Reference::parse(&shown).unwrap(), reference, "{text} shown as {shown}");
        assert_eq!(Reference::parse(&shown).unwrap().to_string(), shown, "{text}");
    }
    assert!(read > 15_000, "the generator makes references that are read: {read}");
}

#[test]
fn no_text_makes_the_parser_panic() {
    let mut numbers = Numbers(0x1234_5678_9abc_def1);
    for _ in 0..20_000 {
        let text = numbers.pick(&["oci://", "oci://h/", "https://", "file://", "http://[", ""]).to_owned()
            + &numbers.word("a:/@[].%\\\0é-_0sha256 ?#", 24);
        let _ = Reference::parse(&text);
    }
}
