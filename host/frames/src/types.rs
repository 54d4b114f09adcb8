//! The engine's many column types, seen as the few that people tell apart.

use kumiko_vocabulary::data::{Column as ColumnDocument, DataType};
use polars::prelude::{Column, DataType as EngineType};

/// What a column of this engine type holds.
pub(crate) fn data_type(engine: &EngineType) -> DataType {
    match engine {
        EngineType::Boolean => DataType::Boolean,
        EngineType::Date => DataType::Date,
        EngineType::Datetime(..) => DataType::Datetime,
        EngineType::Duration(_) => DataType::Duration,
        EngineType::Time => DataType::Time,
        EngineType::Null => DataType::Null,
        EngineType::Binary | EngineType::BinaryOffset => DataType::Binary,
        EngineType::List(_) => DataType::List,
        EngineType::Struct(_) => DataType::Record,
        EngineType::String | EngineType::Categorical(..) | EngineType::Enum(..) => DataType::Text,
        other if other.is_integer() => DataType::Integer,
        other if other.is_float() || other.is_decimal() => DataType::Number,
        _ => DataType::Binary,
    }
}

/// The column's name and what it holds.
pub(crate) fn column_document(column: &Column) -> ColumnDocument {
    ColumnDocument { name: column.name().to_string(), data_type: data_type(column.dtype()) }
}

/// The type in a message to a person.
pub(crate) fn in_words(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "booleans",
        DataType::Integer => "whole numbers",
        DataType::Number => "numbers",
        DataType::Text => "text",
        DataType::Date => "dates",
        DataType::Datetime => "dates with times",
        DataType::Time => "times of day",
        DataType::Duration => "spans of time",
        DataType::List => "lists",
        DataType::Record => "objects",
        DataType::Binary => "bytes",
        DataType::Null => "nothing but missing values",
    }
}

/// Whether a column can be read as numbers: numbers themselves, booleans, dates and times.
pub(crate) fn is_numeric(data_type: DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Integer
            | DataType::Number
            | DataType::Date
            | DataType::Datetime
            | DataType::Time
            | DataType::Duration
    )
}
