//! A fitted pipeline in the same graph: an input for each raw column under its own name, and a matrix of what the model reads.
//!
//! The pipeline is read from the document that it is saved as (format `kumiko-pipeline`, version 1). Of a column of numbers the input is a
//! 64-bit float, NaN where a value is missing; of texts a text, empty where one is missing. Steps that fill, scale and encode column
//! by column have a graph. What engineers features or prepares trajectories has none and is refused by its name.

use serde::Deserialize;
use serde_json::Value;

use super::super::graph::{GraphBuilder, Setting};
use super::super::proto::data_type;
use super::FORMAT;
use crate::Error;

/// What the format of a pipeline's document is called, and its version.
const PIPELINE: (&str, u64) = ("kumiko-pipeline", 1);

/// A pipeline's document, as far as it matters here.
#[derive(Deserialize)]
struct Document {
    format: String,
    version: u64,
    input_columns: Vec<InputColumn>,
    learnt: Value,
}

#[derive(Deserialize)]
struct InputColumn {
    name: String,
    data_type: String,
}

#[derive(Deserialize)]
struct Table {
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    treatment: Treatment,
    outputs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Treatment {
    Number { fill: Exact, offset: Exact, factor: Exact },
    Boolean { fill: bool },
    Category(Encoding),
    Passthrough,
    Dropped {},
}

#[derive(Deserialize)]
struct Encoding {
    fill: String,
    categories: Vec<String>,
    method: Method,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Method {
    OneHot,
    Ordinal,
    Frequency { shares: Vec<Exact> },
    Target { means: Vec<Vec<Exact>>, overall: Vec<Exact> },
    None,
}

/// A number that is written as text.
struct Exact(f64);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| serde::de::Error::custom(format!("{text:?} is no number")))
    }
}

fn refused(what: impl Into<String>, problem: impl Into<String>) -> Error {
    Error::NotExpressible { what: what.into(), format: FORMAT, problem: problem.into() }
}

/// Adds the pipeline; the result has a column for each feature that the model reads, 32-bit floats.
pub(super) fn add(graph: &mut GraphBuilder, pipeline: &[u8], features: &[String]) -> Result<String, Error> {
    let unreadable = |problem: String| refused("the pipeline", problem);
    let document: Document = serde_json::from_slice(pipeline).map_err(|error| unreadable(error.to_string()))?;
    if (document.format.as_str(), document.version) != PIPELINE {
        return Err(unreadable(format!("it is in the format {} {}", document.format, document.version)));
    }
    let table = match document.learnt.get("table") {
        Some(table) => Table::deserialize(table).map_err(|error| unreadable(error.to_string()))?,
        None => {
            let kind =
                document.learnt.as_object().and_then(|kinds| kinds.keys().next()).map_or("unknown", String::as_str);
            return Err(refused(
                format!("a pipeline of the kind `{kind}`"),
                "only tables prepared column by column have a graph",
            ));
        }
    };
    let mut parts = Vec::new();
    let mut made = Vec::new();
    for column in &table.columns {
        // Columns that the model does not read need no input.
        if matches!(column.treatment, Treatment::Dropped {})
            || !column.outputs.iter().any(|output| features.contains(output))
        {
            continue;
        }
        let of_input = document.input_columns.iter().find(|input| input.name == column.name);
        let kind = of_input.map(|input| input.data_type.as_str());
        let kind = kind.ok_or_else(|| unreadable(format!("it does not list its column `{}`", column.name)))?;
        parts.push(add_column(graph, column, kind)?);
        made.extend(column.outputs.iter());
    }
    let positions = features.iter().map(|feature| {
        let position = made.iter().position(|output| *output == feature).map(|position| position as i64);
        position.ok_or_else(|| unreadable(format!("it does not make the feature `{feature}`")))
    });
    let positions: Vec<i64> = positions.collect::<Result<_, _>>()?;
    let inputs: Vec<&str> = parts.iter().map(String::as_str).collect();
    let all = graph.node("Concat", &inputs, vec![("axis", Setting::Whole(1))]);
    let positions = graph.wholes(&[positions.len()], &positions);
    let picked = graph.node("Gather", &[&all, &positions], vec![("axis", Setting::Whole(1))]);
    Ok(graph.cast(&picked, data_type::FLOAT))
}

/// A column's outputs, as 64-bit floats.
fn add_column(graph: &mut GraphBuilder, column: &Column, kind: &str) -> Result<String, Error> {
    let is_number = matches!(kind, "integer" | "number" | "boolean");
    let name = column.name.as_str();
    let unfit = |what: &str| refused(format!("the column `{name}`"), format!("it holds {kind}, and {what}"));
    match &column.treatment {
        Treatment::Category(encoding) => {
            if kind != "text" {
                return Err(unfit("categories have a graph where they are texts"));
            }
            graph.input(name, data_type::STRING, 1);
            encoded(graph, name, encoding)
        }
        _ if !is_number => Err(unfit("numbers are expected")),
        Treatment::Number { fill, offset, factor } => {
            graph.input(name, data_type::DOUBLE, 1);
            let filled = filled(graph, name, fill.0);
            let offset = graph.doubles(&[1], &[offset.0]);
            let moved = graph.node("Sub", &[&filled, &offset], Vec::new());
            let factor = graph.doubles(&[1], &[factor.0]);
            Ok(graph.node("Mul", &[&moved, &factor], Vec::new()))
        }
        Treatment::Boolean { fill } => {
            graph.input(name, data_type::DOUBLE, 1);
            let filled = filled(graph, name, f64::from(u8::from(*fill)));
            let flag = graph.cast(&filled, data_type::BOOL);
            Ok(graph.cast(&flag, data_type::DOUBLE))
        }
        Treatment::Passthrough => {
            graph.input(name, data_type::DOUBLE, 1);
            Ok(name.to_owned())
        }
        Treatment::Dropped {} => Err(unfit("nothing is made of it")),
    }
}

/// A column whose values that are no finite numbers are another.
fn filled(graph: &mut GraphBuilder, input: &str, fill: f64) -> String {
    // Infinity minus infinity is no number either, so one question finds all of them.
    let difference = graph.node("Sub", &[input, input], Vec::new());
    let is_missing = graph.node("IsNaN", &[&difference], Vec::new());
    let fill = graph.doubles(&[1, 1], &[fill]);
    graph.node("Where", &[&is_missing, &fill, input], Vec::new())
}

/// Texts become positions among the categories, with one more for those not seen; and those become what the method makes of them.
fn encoded(graph: &mut GraphBuilder, input: &str, encoding: &Encoding) -> Result<String, Error> {
    let count = encoding.categories.len();
    let mut keys = encoding.categories.clone();
    let mut positions: Vec<i64> = (0..count as i64).collect();
    if !keys.iter().any(String::is_empty) {
        let fill = keys.iter().position(|category| *category == encoding.fill).unwrap_or(count);
        keys.push(String::new());
        positions.push(fill as i64);
    }
    let settings = vec![
        ("keys_strings", Setting::Texts(keys)),
        ("values_int64s", Setting::Wholes(positions)),
        ("default_int64", Setting::Whole(count as i64)),
    ];
    let codes = graph.ml_node("LabelEncoder", &[input], settings);
    // For each category, and for one not seen, the row that it becomes.
    let numbers = |values: &[Exact]| -> Vec<f64> { values.iter().map(|value| value.0).collect() };
    let (width, rows): (usize, Vec<f64>) = match &encoding.method {
        Method::OneHot => {
            let positions: Vec<i64> = (0..count as i64).collect();
            let positions = graph.wholes(&[1, count], &positions);
            let flags = graph.node("Equal", &[&codes, &positions], Vec::new());
            return Ok(graph.cast(&flags, data_type::DOUBLE));
        }
        Method::Ordinal => (1, (0..count).map(|position| position as f64).chain([-1.0]).collect()),
        Method::Frequency { shares } => (1, numbers(shares).into_iter().chain([0.0]).collect()),
        Method::Target { means, overall } => {
            let columns: Vec<Vec<f64>> = means
                .iter()
                .zip(overall)
                .map(|(means, overall)| numbers(means).into_iter().chain([overall.0]).collect())
                .collect();
            let rows = (0..=count)
                .flat_map(|row| columns.iter().map(move |column| column.get(row).copied().unwrap_or_default()));
            (columns.len(), rows.collect())
        }
        Method::None => {
            return Err(refused(
                format!("the column `{input}`"),
                "its texts are left as they are, and models read numbers",
            ));
        }
    };
    if rows.len() != (count + 1) * width {
        return Err(refused(format!("the column `{input}`"), "its encoding does not have a number for each category"));
    }
    let table = graph.doubles(&[count + 1, width], &rows);
    let shape = graph.wholes(&[1], &[-1]);
    let flat = graph.node("Reshape", &[&codes, &shape], Vec::new());
    Ok(graph.node("Gather", &[&table, &flat], vec![("axis", Setting::Whole(0))]))
}
