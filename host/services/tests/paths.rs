//! Objects by uri text: schemes, allowed folders, and texts that try to get out of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use kumiko_services::objects::{EmbeddedStore, Error, Folders, Objects, Precondition, digest};
use kumiko_vocabulary::{Fault, FaultKind};
use tempfile::TempDir;

/// A store, two allowed folders, and a folder that is not allowed, all side by side.
struct World {
    root: TempDir,
    objects: Objects,
}

impl World {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        for folder in ["work", "more", "outside", "workshop"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("outside/secret.txt"), "secret").unwrap();
        fs::write(root.path().join("workshop/secret.txt"), "secret").unwrap();
        let store = EmbeddedStore::open(&root.path().join("data")).unwrap();
        let folders = Folders::new(vec![root.path().join("work"), root.path().join("more")]).unwrap();
        Self { objects: Objects::new(Arc::new(store), folders), root }
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.root.path()).unwrap().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    async fn put(&self, uri: &str, body: &str) -> Result<String, Error> {
        Ok(self.objects.put_bytes(uri, Bytes::from(body.to_owned()), None, &Precondition::None).await?.info.etag)
    }

    async fn names(&self, prefix: &str, limit: usize) -> Vec<String> {
        let (mut names, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.objects.list(prefix, cursor.as_deref(), limit).await.unwrap();
            names.extend(
                page.objects.into_iter().map(|object| object.uri.strip_prefix(&self.text("")).unwrap().to_owned()),
            );
            cursor = page.cursor;
            if cursor.is_none() {
                return names;
            }
        }
    }

    /// Everything outside the allowed folders and the store's objects: names and bytes.
    fn surroundings(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.path("outside"), self.path("workshop")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { found.push((path.clone(), fs::read(&path).unwrap())) }
            }
        }
        found.extend(fs::read_dir(self.root.path()).unwrap().map(|entry| (entry.unwrap().path(), Vec::new())));
        found.sort();
        found
    }
}

#[tokio::test]
async fn a_path_is_absolute_or_starts_at_the_first_folder_or_is_a_file_uri() {
    let world = World::new();
    world.put("reports/a b.csv", "x").await.unwrap();
    let absolute = world.text("work/reports/a b.csv");
    for uri in [
        absolute.clone(),
        "./reports//a b.csv".into(),
        format!("file://{}", absolute.replace(' ', "%20")),
        format!("file://localhost{absolute}"),
        format!("file:{absolute}"),
    ] {
        let info = world.objects.head(&uri).await.unwrap_or_else(|error| panic!("{uri}: {error}"));
        assert_eq!((info.uri.as_str(), info.media_type.as_str()), (absolute.as_str(), "text/csv"), "{uri}");
        assert_eq!(world.objects.plain_form(&uri).await.unwrap(), absolute);
    }
    assert_eq!(world.objects.plain_form("s3://lab/a/b").await.unwrap(), "s3://lab/a/b");
    world.put(&world.text("more/b.csv"), "y").await.unwrap();
    assert_eq!(fs::read_to_string(world.path("more/b.csv")).unwrap(), "y");
}

#[tokio::test]
async fn another_scheme_is_refused_with_those_that_are_known() {
    let world = World::new();
    for uri in [
        "http://host/a",
        "https://host/a",
        "gs://bucket/a",
        "ftp://host/a",
        "S3://bucket/a",
        "gopher://x",
        "data+x://y",
    ] {
        let error = world.objects.head(uri).await.unwrap_err();
        assert!(matches!(error, Error::UnknownScheme { .. }), "{uri}: {error:?}");
        assert!(error.to_string().contains("s3://bucket/key") && error.to_string().contains("file:///"), "{error}");
        assert!(matches!(world.objects.list(uri, None, 1).await, Err(Error::UnknownScheme { .. })), "{uri}");
    }
}

#[tokio::test]
async fn a_path_outside_is_denied_with_the_flag_that_would_allow_it() {
    let world = World::new();
    for path in [
        world.text("outside/secret.txt"),
        world.text("outside/absent.txt"),
        world.text("workshop/secret.txt"),
        "/etc/passwd".into(),
        "/".into(),
    ] {
        let error = world.objects.head(&path).await.unwrap_err();
        assert!(matches!(error, Error::OutsideFolders { .. }), "{path}: {error:?}");
        let fault = Fault::from(error);
        assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Denied, "path_not_allowed"));
        let folder = Path::new(&path).parent().map_or("DIR".into(), |folder| folder.display().to_string());
        assert!(fault.hint.unwrap().contains(&format!("--allow {folder}")), "{path}");
        assert!(fault.message.contains(&world.text("work")), "{}", fault.message);
    }
    let nowhere = Objects::new(Arc::new(EmbeddedStore::open(&world.path("data")).unwrap()), Folders::default());
    for path in ["train.csv", "/etc/passwd", ""] {
        assert!(nowhere.head(path).await.is_err(), "{path}");
    }
    let fault = Fault::from(nowhere.head("train.csv").await.unwrap_err());
    assert!(fault.hint.unwrap().contains("--allow DIR"));
}

#[tokio::test]
async fn a_link_is_followed_inside_the_folders_and_refused_where_it_leads_out() {
    let world = World::new();
    world.put("real.csv", "inside").await.unwrap();
    symlink(world.path("work/real.csv"), world.path("work/inner.csv")).unwrap();
    symlink(world.path("work/real.csv"), world.path("more/across.csv")).unwrap();
    symlink(world.path("outside"), world.path("work/out")).unwrap();
    symlink(world.path("outside/secret.txt"), world.path("work/link.txt")).unwrap();
    symlink(world.path("outside/not-yet.txt"), world.path("work/dangling.txt")).unwrap();
    symlink("loop", world.path("work/loop")).unwrap();
    let before = world.surroundings();

    assert_eq!(world.objects.get("inner.csv", None).await.unwrap(), "inside");
    assert_eq!(world.objects.get(&world.text("more/across.csv"), None).await.unwrap(), "inside");
    for path in ["out/secret.txt", "link.txt", "dangling.txt", "out/new.txt", "out/deep/new.txt"] {
        for refused in [
            world.objects.get(path, None).await.map(|_| ()),
            world.objects.localize(path).await.map(|_| ()),
            world.put(path, "overwritten").await.map(|_| ()),
            world.objects.delete(path, &Precondition::None).await,
            world.objects.copy(path, "s3://lab/stolen", &Precondition::None).await.map(|_| ()),
            world.objects.copy("real.csv", path, &Precondition::None).await.map(|_| ()),
        ] {
            assert!(matches!(refused, Err(Error::LeadsOut { .. })), "{path}: {refused:?}");
        }
    }
    assert!(world.put("loop", "x").await.is_err());
    assert!(world.put("loop/x", "x").await.is_err());
    assert_eq!(world.names("", 1).await, ["work/inner.csv", "work/real.csv"]);
    assert_eq!(world.surroundings(), before);
}

#[tokio::test]
async fn a_file_keeps_the_preconditions_of_an_object() {
    let world = World::new();
    let written =
        world.objects.put_bytes("a/b/c.json", Bytes::from_static(b"{}"), None, &Precondition::Absent).await.unwrap();
    assert_eq!(written.sha256, digest::sha256(b"{}"));
    assert_eq!(world.objects.head("a/b/c.json").await.unwrap(), written.info);
    let exists = world.put_if("a/b/c.json", &Precondition::Absent).await.unwrap_err();
    assert!(matches!(exists, Error::Exists { .. }), "{exists:?}");
    let second = world.put_if("a/b/c.json", &Precondition::Unchanged(written.info.etag.clone())).await.unwrap();
    for stale in [written.info.etag, "else".into()] {
        let unchanged = Precondition::Unchanged(stale);
        assert!(matches!(world.put_if("a/b/c.json", &unchanged).await, Err(Error::Changed { .. })));
        assert!(matches!(world.objects.delete("a/b/c.json", &unchanged).await, Err(Error::Changed { .. })));
        assert!(matches!(world.put_if("absent", &unchanged).await, Err(Error::Changed { .. })));
    }
    world.objects.delete("a/b/c.json", &Precondition::Unchanged(second)).await.unwrap();
    world.objects.delete("a/b/c.json", &Precondition::None).await.unwrap();
    world.objects.delete("no/such/folder", &Precondition::Absent).await.unwrap();
    assert!(matches!(world.objects.head("a/b/c.json").await, Err(Error::NotFound { .. })));
    assert!(matches!(world.objects.head("a/b").await, Err(Error::NotAFile { .. })));
    assert!(matches!(world.put("a/b", "x").await, Err(Error::NotAFile { .. })));
    assert_eq!(fs::read_dir(world.path("work/a/b")).unwrap().count(), 0, "a draft is left");
}

impl World {
    async fn put_if(&self, uri: &str, precondition: &Precondition) -> Result<String, Error> {
        Ok(self.objects.put_bytes(uri, Bytes::from_static(b"[]"), None, precondition).await?.info.etag)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_in_a_file_loses_nothing() {
    let world = Arc::new(World::new());
    world.put("counter", "0").await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let world = Arc::clone(&world);
        writers.spawn(async move {
            let mut done = 0;
            while done < 25 {
                let fetched = world.objects.fetch("counter", None).await.unwrap();
                let number: u64 = std::str::from_utf8(&fetched.bytes).unwrap().parse().unwrap();
                let unchanged = Precondition::Unchanged(fetched.info.etag);
                let body = Bytes::from((number + 1).to_string());
                match world.objects.put_bytes("counter", body, None, &unchanged).await {
                    Ok(_) => done += 1,
                    Err(Error::Changed { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    writers.join_all().await;
    assert_eq!(world.objects.get("counter", None).await.unwrap(), "200");
}

#[tokio::test]
async fn files_are_listed_like_objects() {
    let world = World::new();
    for name in ["a", "a-b", "a.b", "b/c/d", "b/c", "train/1.csv", "train.csv"] {
        // A file cannot have the name of a folder, which objects can.
        if name != "b/c" {
            world.put(name, "x").await.unwrap();
        }
    }
    fs::write(world.path("work/.kumiko-left.part"), "half").unwrap();
    let all = ["work/a", "work/a-b", "work/a.b", "work/b/c/d", "work/train.csv", "work/train/1.csv"];
    for limit in [1, 2, 4, 6, 100] {
        assert_eq!(world.names("", limit).await, all, "{limit} a page");
        assert_eq!(world.names(&world.text("work"), limit).await, all);
        assert_eq!(world.names(&world.text("work/"), limit).await, all);
        assert_eq!(world.names("train", limit).await, all[4..]);
        assert_eq!(world.names(&format!("file://{}", world.text("work/%74rain/")), limit).await, all[5..]);
    }
    assert!(world.names("nothing/like/it", 10).await.is_empty());
    assert!(matches!(world.objects.list(&world.text("outside/"), None, 10).await, Err(Error::OutsideFolders { .. })));
    assert!(matches!(world.objects.list(&world.text("works"), None, 10).await, Err(Error::OutsideFolders { .. })));
    assert!(matches!(world.objects.list("../outside/", None, 10).await, Err(Error::InvalidUri { .. })));
}

#[tokio::test]
async fn bytes_go_between_files_and_objects() {
    let world = World::new();
    world.put("in.parquet", "rows").await.unwrap();
    let stored = world.objects.copy("in.parquet", "s3://lab/rows.bin", &Precondition::Absent).await.unwrap();
    assert_eq!(stored.info.media_type, "application/vnd.apache.parquet");
    world.objects.copy("s3://lab/rows.bin", "out/copy.bin", &Precondition::None).await.unwrap();
    assert_eq!(fs::read_to_string(world.path("work/out/copy.bin")).unwrap(), "rows");

    let mut scratch = world.objects.scratch().unwrap();
    std::io::Write::write_all(scratch.file_mut(), b"large").unwrap();
    for uri in ["s3://lab/one", "s3://lab/two", "three"] {
        let written = world.objects.put_file(uri, scratch.path(), None, &Precondition::None).await.unwrap();
        assert_eq!(written.sha256, digest::sha256(b"large"));
    }
    // Two objects of one scratch file are two files.
    fs::write(world.path("data/objects/lab/one"), "edited by hand").unwrap();
    assert_eq!(world.objects.get("s3://lab/two", None).await.unwrap(), "large");
    let path = scratch.path().to_owned();
    drop(scratch);
    assert!(!path.exists());
}

#[test]
fn an_allowed_folder_that_is_none_is_named_at_the_start() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("file"), "").unwrap();
    for name in ["absent", "file"] {
        let error = Folders::new(vec![root.path().to_owned(), root.path().join(name)]).unwrap_err();
        assert!(matches!(error, Error::BadFolder { .. }), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// Keys that try to get out of the prefix `granted/` of the bucket `lab`.
fn hostile_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "../escaped",
        "../../escaped",
        "../../../escaped",
        "a/../../escaped",
        "a/b/../../../escaped",
        "..",
        ".",
        "./a",
        "a/./b",
        "a/..",
        "%2e%2e/escaped",
        "%2e%2e%2fescaped",
        "..%2fescaped",
        "%252e%252e/escaped",
        "..%00/escaped",
        "%c0%ae%c0%ae/escaped",
        "..\\escaped",
        "..\\..\\escaped",
        "a\\b",
        "\\\\host\\share",
        "\0",
        "a\0b",
        "../\0",
        "a\nb",
        "a\rb",
        "a\tb",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{85}",
        "/etc/passwd",
        "//etc/passwd",
        "/",
        "//",
        "a//b",
        "a/",
        "",
        "....//escaped",
        ".../escaped",
        "..;/escaped",
        ".. /escaped",
        " ../escaped",
        "~/escaped",
        "~root/escaped",
        "$HOME/escaped",
        "${IFS}",
        "`id`",
        "C:/escaped",
        "C:escaped",
        "\u{2024}\u{2024}/escaped",
        "\u{ff0e}\u{ff0e}/escaped",
        "\u{2025}/escaped",
        "..\u{2215}escaped",
        "..\u{2044}escaped",
        "..\u{ff0f}escaped",
        "\u{feff}../escaped",
        "\u{200b}../escaped",
        ".\u{301}./escaped",
        "\u{202e}gnp.exe",
        "granted-sibling",
        "%self",
        "a%self",
        "%25self",
        "con",
        "nul",
        "a:b",
        "file:///etc/passwd",
        "s3://other/key",
        "?versionId=1",
        "#fragment",
        "a?b#c",
    ]
    .iter()
    .map(|key| (*key).to_owned())
    .collect();
    keys.push("k".repeat(1_025));
    keys.push(format!("{}x", "d/".repeat(508)));
    keys.push("ü".repeat(513));
    keys.push("s".repeat(300));
    keys
}

#[tokio::test]
async fn no_hostile_key_gets_out_of_its_prefix() {
    let world = World::new();
    world.put("s3://lab/granted-sibling/object", "sibling").await.unwrap();
    world.put("s3://other/key", "other bucket").await.unwrap();
    let before = world.surroundings();
    let keys = hostile_keys();
    assert!(keys.len() >= 60);
    let mut accepted = 0;
    for key in &keys {
        let uri = format!("s3://lab/granted/{key}");
        match world.put(&uri, key).await {
            Ok(_) => {
                accepted += 1;
                assert_eq!(world.objects.plain_form(&uri).await.unwrap(), uri);
                assert_eq!(world.objects.get(&uri, None).await.unwrap(), key.as_bytes());
                let listed = world.objects.list(&uri, None, 1).await.unwrap();
                assert_eq!(listed.objects[0].uri, uri, "the key is taken as the text that it is");
                world.objects.delete(&uri, &Precondition::None).await.unwrap();
            }
            Err(Error::InvalidUri { .. } | Error::SegmentTooLong { .. }) => {
                assert!(world.objects.get(&uri, None).await.is_err());
                assert!(world.objects.delete(&uri, &Precondition::None).await.is_err());
            }
            Err(error) => panic!("{key:?}: {error:?}"),
        }
    }
    assert!((20..60).contains(&accepted), "{accepted} of {}", keys.len());
    assert_eq!(world.surroundings(), before);
    assert_eq!(world.objects.get("s3://lab/granted-sibling/object", None).await.unwrap(), "sibling");
    let left = world.objects.list("s3://lab", None, 1_000).await.unwrap().objects;
    assert_eq!(left.iter().map(|object| object.uri.as_str()).collect::<Vec<_>>(), ["s3://lab/granted-sibling/object"]);
}

#[tokio::test]
async fn no_hostile_path_gets_out_of_its_folder() {
    let world = World::new();
    let before = world.surroundings();
    for key in hostile_keys() {
        for path in
            [key.clone(), format!("{}/{key}", world.text("work")), format!("file://{}/{key}", world.text("work"))]
        {
            let _ = world.put(&path, "escaped").await;
            if let Ok(info) = world.objects.head(&path).await
                && !path.starts_with("s3://")
            {
                assert!(info.uri.starts_with(&world.text("work/")), "{path:?} became {}", info.uri);
            }
        }
    }
    assert_eq!(world.surroundings(), before);
}

#[tokio::test]
async fn a_bucket_is_named_by_the_rules_of_s3() {
    let world = World::new();
    let (long, longest) = ("b".repeat(64), "b".repeat(63));
    for bucket in [
        "", "ab", "..", "../..", "Lab", "la_b", "-lab", "lab-", ".lab", "la..b", "10.0.0.1", "xn--lab", "lab%2f..",
        "läb", "l b", "lab\0", "lab\\", &long,
    ] {
        let error = world.put(&format!("s3://{bucket}/key"), "x").await.unwrap_err();
        assert!(matches!(error, Error::InvalidUri { .. }), "{bucket:?}: {error:?}");
        assert!(world.objects.list(&format!("s3://{bucket}"), None, 1).await.is_err(), "{bucket:?}");
    }
    for bucket in ["lab", "my.lab-1", "123", &longest] {
        world.put(&format!("s3://{bucket}/key"), "x").await.unwrap();
    }
    for uri in ["s3://lab", "s3://lab/", "s3:///key", "s3://"] {
        assert!(matches!(world.objects.head(uri).await, Err(Error::InvalidUri { .. })), "{uri}");
    }
}

#[tokio::test]
async fn a_message_does_not_act_on_a_terminal() {
    let world = World::new();
    for text in ["s3://lab/\u{1b}[2J", "s3://lab/a\nforged line", "/\u{202e}evil", "\u{9b}31m"] {
        let message = world.objects.head(text).await.unwrap_err().to_string();
        assert!(!message.chars().any(|character| character.is_control() || character == '\u{202e}'), "{message:?}");
    }
    let endless = format!("s3://lab/{}", "x".repeat(1_000_000));
    assert!(world.objects.head(&endless).await.unwrap_err().to_string().len() < 1_000);
}
