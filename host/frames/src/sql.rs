//! SQL over named frames, and nothing but these frames.
//!
//! The engine's dialect can open files (`read_csv('…')`) and change its tables. So a query is parsed before the engine sees it, with the
//! same parser and options, and whatever is not one plain query over tables is refused.

use std::ops::ControlFlow;

use polars::prelude::{DataFrame, IntoLazy};
use polars::sql::SQLContext;
use sqlparser::ast::{Statement, TableFactor, Visit, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserOptions};

use crate::Error;

/// Runs one query.
pub(crate) fn run<'a>(query: &str, tables: impl Iterator<Item = (&'a str, &'a DataFrame)>) -> Result<DataFrame, Error> {
    check(query)?;
    let mut context = SQLContext::new();
    for (name, frame) in tables {
        context.register(name, frame.clone().lazy());
    }
    let failed = |error: polars::error::PolarsError| Error::Sql { detail: error.to_string() };
    let mut frame = context.execute(query).map_err(failed)?.collect().map_err(failed)?;
    frame.rechunk_mut();
    Ok(frame)
}

/// Refuses everything but one query over tables.
pub(crate) fn check(query: &str) -> Result<(), Error> {
    let statements = Parser::new(&GenericDialect)
        .with_options(ParserOptions { trailing_commas: true, ..ParserOptions::default() })
        .try_with_sql(query)
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| Error::Sql { detail: error.to_string() })?;
    let [statement] = statements.as_slice() else {
        return Err(Error::SqlRefused { detail: format!("it has {} statements; one is taken", statements.len()) });
    };
    if !matches!(statement, Statement::Query(_)) {
        let text = statement.to_string();
        let word = text.split_whitespace().next().unwrap_or_default();
        return Err(Error::SqlRefused { detail: format!("{word} is not SELECT") });
    }
    match statement.visit(&mut TablesOnly) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(found) => Err(Error::SqlRefused { detail: format!("{found} is not a named table") }),
    }
}

/// Stops at whatever makes rows without being a table or a query.
struct TablesOnly;

impl Visitor for TablesOnly {
    type Break = String;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table { args: None, .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => ControlFlow::Continue(()),
            other => ControlFlow::Break(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_over_tables_pass() {
        for query in [
            "SELECT a, count(*) FROM t GROUP BY a",
            "WITH x AS (SELECT * FROM t) SELECT * FROM x JOIN (SELECT 1 AS a) y ON x.a = y.a",
            "SELECT 'read_csv(1)' AS text FROM t",
        ] {
            check(query).unwrap();
        }
    }

    #[test]
    fn files_changes_and_several_statements_are_refused() {
        for query in [
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT * FROM \"read_parquet\" ('x')",
            "SELECT * FROM t WHERE a IN (SELECT a FROM READ_IPC('x'))",
            "WITH x AS (SELECT * FROM read_json('x')) SELECT * FROM x",
            "DROP TABLE t",
            "CREATE TABLE u AS SELECT * FROM t",
            "SELECT 1; SELECT 2",
            "SHOW TABLES",
        ] {
            assert!(matches!(check(query), Err(Error::SqlRefused { .. })), "{query}");
        }
    }
}
