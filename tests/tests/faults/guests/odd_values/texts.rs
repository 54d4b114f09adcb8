//! Odd texts, bytes and numbers.

/// Texts that are valid UTF-8 and odd otherwise: as uris, keys, documents, queries, names, cursors.
pub(super) fn texts() -> Vec<String> {
    let mut texts: Vec<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    texts.push(format!("s3://mlops/{}", "k".repeat(1_025)));
    texts.push("[".repeat(600) + &"]".repeat(600));
    texts.push("SELECT ".to_owned() + &"(".repeat(400) + "1" + &")".repeat(400));
    texts.push("\u{10ffff}".repeat(1_000));
    texts
}

const TEXTS: [&str; 74] = [
    "",
    " ",
    "\0",
    "a\0b",
    "a\r\nb: c",
    "\u{feff}",
    "\u{202e}txt",
    "\u{1b}[31m",
    "\u{d7ff}\u{e000}",
    "e\u{301}",
    "%00",
    "%2e%2e/",
    "..",
    "../../etc/passwd",
    "..\\..\\x",
    "/",
    "//",
    "/etc/passwd",
    "/dev/zero",
    "s3:",
    "s3://",
    "s3:///",
    "s3://mlops",
    "s3://mlops/",
    "s3://mlops/odd",
    "s3://mlops/odd/",
    "s3://mlops/../x",
    "s3://mlops/a//b",
    "s3://mlops/\0",
    "S3://MLOPS/X",
    "file:///etc/passwd",
    "http://",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:9/",
    "http://[::ffff:127.0.0.1]/",
    "http://user:word@127.0.0.1:9/",
    "javascript:alert(1)",
    "GET",
    "GET \r\nx",
    "{{secret:x}}",
    "{{secret:",
    "text/csv",
    "text/\r\n",
    "{}",
    "[]",
    "null",
    "true",
    "NaN",
    "-Infinity",
    "1e999",
    "[{\"a\":1e308},{\"a\":-1e308}]",
    "[{\"a\":1e999}]",
    "[{\"a\":18446744073709551616}]",
    "[{\"a\":\"\\ud800\"}]",
    "[{\"a\":1},{\"a\":\"x\"},{\"a\":[]},{\"a\":null}]",
    "[{\"\":1}]",
    "[null]",
    "{\"a\":NaN}",
    "{\"format\":\"csv\"}",
    "{\"format\":\"parquet\",\"delimiter\":\"\"}",
    "{\"kind\":\"unsupervised\"}",
    "{\"kind\":\"supervised\",\"target_column\":\"b\",\"task_type\":\"classification\"}",
    "{\"algorithm\":\"linear\",\"task\":\"regression\",\"target_column\":\"a\"}",
    "{\"algorithm\":\"ridge\",\"task\":\"regression\",\"target_column\":\"a\",\"hyperparameters\":{\"alpha\":-1e308}}",
    "SELECT * FROM t",
    "SELECT a / 0, a % 0 FROM t LIMIT 18446744073709551615",
    "SELECT * FROM t OFFSET -1",
    "SELECT CAST(a AS BIGINT) * 9223372036854775807 FROM t",
    "DROP TABLE t",
    "-1",
    "18446744073709551615",
    "-9223372036854775808",
    "greet",
    "a",
];

/// Bytes that are no UTF-8: a start without an end, an overlong slash.
pub(super) const BROKEN: [u8; 4] = [0xff, 0xfe, 0xc0, 0xaf];

/// One half of a surrogate pair, as some encoders write it.
pub(super) const HALF: [u8; 3] = [0xed, 0xa0, 0x80];

/// Whole numbers at the edges of what they can be, as they lie in 32 bits.
pub(super) const WORDS: [u32; 9] = [0, 1, 2, 1_000, 1_001, 65_536, 0x7fff_ffff, 0x8000_0000, u32::MAX];

/// The same in 64 bits.
pub(super) const LONGS: [u64; 8] = [0, 1, 3, 1 << 32, 1 << 53, 0x7fff_ffff_ffff_ffff, 1 << 63, u64::MAX];

/// Numbers that are not quite numbers: their bits.
pub(super) const FLOATS: [u64; 9] = [
    0,
    0x8000_0000_0000_0000,
    0x3fe0_0000_0000_0000,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0xfff8_0000_dead_beef,
    1,
    0x7fef_ffff_ffff_ffff,
];
