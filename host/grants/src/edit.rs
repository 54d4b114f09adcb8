//! Changes to a grants file that leave its comments and its order alone.

use std::io::Write as _;
use std::path::Path;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use crate::{Error, Grants, Prefix};

/// What heads a file that is made here.
const HEADER: &str = "# What each plugin may reach. A section is a plugin's name; what is not here is denied.\n\n";

/// Grants to add or to take away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Prefixes to read.
    pub read: Vec<String>,
    /// Prefixes to write.
    pub write: Vec<String>,
    /// Requests.
    pub http: Vec<String>,
    /// Secrets with the hosts they may be sent to: `name=host,host`. To take one away, the name is enough.
    pub secrets: Vec<String>,
    /// Services.
    pub services: Vec<String>,
    /// Tools of other plugins.
    pub tools: Vec<String>,
}

impl Change {
    /// The lists by the key of the section they belong to.
    fn lists(&self) -> [(&'static str, &[String]); 5] {
        [
            ("read", &self.read),
            ("write", &self.write),
            ("http", &self.http),
            ("services", &self.services),
            ("tools", &self.tools),
        ]
    }

    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.lists().iter().all(|(_, list)| list.is_empty())
    }

    fn check(&self) -> Result<(), Error> {
        for (key, list) in [("read", &self.read), ("write", &self.write)] {
            for text in list {
                Prefix::parse(text).map_err(|expected| Error::Grant { key, text: text.clone(), expected })?;
            }
        }
        Ok(())
    }
}

/// Adds grants to a plugin's section, which is made where there is none. `begin_with` is what the section holds then: the grants that
/// the plugin had until a section of its own took their place.
///
/// # Errors
/// [`Error::Grant`], [`Error::Malformed`], [`Error::Io`].
pub fn grant(
    path: &Path,
    plugin: &str,
    change: &Change,
    begin_with: Option<&crate::PluginGrants>,
) -> Result<(), Error> {
    change.check()?;
    edit(path, |document| {
        let section = section(document, plugin, begin_with);
        for (key, list) in change.lists() {
            let array = array(section, key);
            for text in list {
                if !array.iter().any(|value| value.as_str() == Some(text)) {
                    array.push(text.as_str());
                }
            }
            remove_if_empty(section, key);
        }
        for text in &change.secrets {
            let (name, hosts) = text.split_once('=').unwrap_or((text, ""));
            let hosts: Array = hosts.split(',').map(str::trim).filter(|host| !host.is_empty()).collect();
            if hosts.is_empty() {
                let expected = "`name=host` was expected: a secret is bound to the hosts it may be sent to".to_owned();
                return Err(Error::Grant { key: "secrets", text: text.clone(), expected });
            }
            if let Some(secrets) = secrets(section) {
                secrets.insert(name, value(hosts));
            }
        }
        Ok(())
    })
}

/// Takes grants away from a plugin's section. What is not there is no error.
///
/// # Errors
/// [`Error::Malformed`], [`Error::Io`].
pub fn revoke(
    path: &Path,
    plugin: &str,
    change: &Change,
    begin_with: Option<&crate::PluginGrants>,
) -> Result<(), Error> {
    edit(path, |document| {
        let section = section(document, plugin, begin_with);
        for (key, list) in change.lists() {
            array(section, key)
                .retain(|value| !value.as_str().is_some_and(|value| list.iter().any(|text| text == value)));
            remove_if_empty(section, key);
        }
        for text in &change.secrets {
            let name = text.split('=').next().unwrap_or_default();
            if let Some(secrets) = secrets(section) {
                secrets.remove(name);
            }
        }
        Ok(())
    })
}

/// Takes every grant away from a plugin: its section stays, and is empty.
///
/// # Errors
/// [`Error::Malformed`], [`Error::Io`].
pub fn revoke_all(path: &Path, plugin: &str) -> Result<(), Error> {
    edit(path, |document| {
        document.insert(plugin, Item::Table(Table::new()));
        Ok(())
    })
}

/// Reads, changes, checks and writes the file whole.
fn edit(path: &Path, change: impl FnOnce(&mut DocumentMut) -> Result<(), Error>) -> Result<(), Error> {
    let failed = |action| move |source| Error::Io { path: path.to_owned(), action, source };
    let before = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => HEADER.to_owned(),
        Err(source) => return Err(failed("read")(source)),
    };
    // Only a file that is in order is changed; the error of one that is not names the line.
    Grants::parse(&before, path)?;
    let mut document: DocumentMut = before.parse().map_err(|error: toml_edit::TomlError| Error::Malformed {
        path: path.to_owned(),
        line: 1,
        message: error.message().to_owned(),
    })?;
    change(&mut document)?;
    let after = document.to_string();
    Grants::parse(&after, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed("written"))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed("written"))?;
    file.write_all(after.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed("written"))?;
    file.persist(path).map_err(|error| failed("written")(error.error))?;
    Ok(())
}

/// The section of a plugin.
fn section<'a>(document: &'a mut DocumentMut, plugin: &str, begin_with: Option<&crate::PluginGrants>) -> &'a mut Table {
    let made = || {
        let mut table = Table::new();
        if let Some(grants) = begin_with {
            let texts = |prefixes: &[Prefix]| prefixes.iter().map(ToString::to_string).collect::<Array>();
            table.insert("read", value(texts(&grants.read)));
            table.insert("write", value(texts(&grants.write)));
            table.insert("http", value(grants.http.iter().collect()));
            table.insert("services", value(grants.services.iter().collect()));
            table.insert("tools", value(grants.tools.iter().collect()));
            for (name, hosts) in &grants.secrets {
                if let Some(secrets) = secrets(&mut table) {
                    secrets.insert(name, value(hosts.iter().collect()));
                }
            }
        }
        Item::Table(table)
    };
    let item = document.entry(plugin).or_insert_with(made);
    if !item.is_table() {
        *item = Item::Table(Table::new());
    }
    // The item is a table since the line above.
    match item {
        Item::Table(table) => table,
        _ => unreachable!("the section was just made a table"),
    }
}

fn value(array: Array) -> Item {
    Item::Value(Value::Array(array))
}

/// The list under a key, made where there is none.
fn array<'a>(section: &'a mut Table, key: &str) -> &'a mut Array {
    let item = section.entry(key).or_insert_with(|| value(Array::new()));
    if !item.is_array() {
        *item = value(Array::new());
    }
    match item {
        Item::Value(Value::Array(array)) => array,
        _ => unreachable!("the list was just made"),
    }
}

fn remove_if_empty(section: &mut Table, key: &str) {
    if section.get(key).and_then(Item::as_array).is_some_and(Array::is_empty) {
        section.remove(key);
    }
}

/// The secrets of a section, which may stand in it as a table or in one line.
fn secrets(section: &mut Table) -> Option<&mut dyn toml_edit::TableLike> {
    let item = section.entry("secrets").or_insert_with(|| Item::Value(Value::InlineTable(InlineTable::new())));
    item.as_table_like_mut().map(|table| table as &mut dyn toml_edit::TableLike)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PluginGrants;

    fn change(read: &[&str], secrets: &[&str]) -> Change {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Change { read: owned(read), secrets: owned(secrets), ..Change::default() }
    }

    #[test]
    fn a_grant_is_added_and_taken_away_and_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grants.toml");
        std::fs::write(&path, "# By the data team.\n[a]\nread = [\"s3://data/\"] # raw\n").unwrap();
        grant(&path, "a", &change(&["s3://more/", "s3://data/"], &["key=api.example.com"]), None).unwrap();
        grant(&path, "b", &change(&["files"], &[]), None).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# By the data team.\n") && text.contains("# raw"), "{text}");
        let grants = Grants::read(&path).unwrap();
        let section = grants.section("a").unwrap();
        assert_eq!(section.read.iter().map(ToString::to_string).collect::<Vec<_>>(), ["s3://data/", "s3://more/"]);
        assert_eq!(section.secrets["key"], ["api.example.com"]);
        assert!(grants.access("b").read("/srv/x").is_ok());

        revoke(&path, "a", &change(&["s3://data/"], &["key"]), None).unwrap();
        let grants = Grants::read(&path).unwrap();
        assert!(grants.access("a").read("s3://data/x").is_err() && grants.access("a").read("s3://more/x").is_ok());
        revoke_all(&path, "a").unwrap();
        assert_eq!(**Grants::read(&path).unwrap().section("a").unwrap(), PluginGrants::default());
    }

    #[test]
    fn a_section_of_its_own_begins_with_what_was_shipped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grants.toml");
        let shipped = PluginGrants { read: vec![Prefix::Everything], ..PluginGrants::default() };
        grant(&path, "a", &change(&["files"], &[]), Some(&shipped)).unwrap();
        let grants = Grants::read(&path).unwrap();
        assert!(grants.access("a").read("s3://x/y").is_ok() && grants.access("a").read("/srv/x").is_ok());
    }

    #[test]
    fn a_wrong_grant_and_a_file_that_is_not_in_order_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grants.toml");
        assert!(grant(&path, "a", &change(&["etc"], &[]), None).is_err());
        assert!(grant(&path, "a", &change(&[], &["key"]), None).is_err());
        assert!(!path.exists());
        std::fs::write(&path, "[a]\nreads = 1\n").unwrap();
        assert!(matches!(grant(&path, "a", &change(&["files"], &[]), None), Err(Error::Malformed { line: 2, .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[a]\nreads = 1\n");
    }
}
