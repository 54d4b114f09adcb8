//! What clients see of the tools before they call one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use kumiko_test_kit::problems;
use plugin_data_preparation::plugin;

#[test]
fn the_server_would_load_the_plugin() {
    assert_eq!(problems(&plugin()), [""; 0]);
}

#[test]
fn every_tool_of_the_catalogue_is_there() {
    let names: Vec<&str> = plugin().tools.iter().map(|tool| tool.name).collect();
    assert_eq!(
        names,
        [
            "load_dataset",
            "validate_data",
            "split_dataset",
            "preprocess_supervised",
            "preprocess_unsupervised",
            "preprocess_reinforcement",
            "feature_engineering",
            "apply_preprocessing",
            "apply_class_imbalance_handling",
            "save_processed_data",
        ]
    );
}

#[test]
fn arguments_are_closed_described_and_without_alternatives_at_the_top() {
    for tool in plugin().tools {
        let schema = (tool.input_schema)();
        assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
        for keyword in ["anyOf", "oneOf", "allOf"] {
            assert!(
                schema.get(keyword).is_none(),
                "{}: some clients refuse `{keyword}` at the top of a schema",
                tool.name
            );
        }
        for (name, property) in schema["properties"].as_object().unwrap() {
            assert!(
                property["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{}: {name} is not described",
                tool.name
            );
        }
    }
}

#[test]
fn every_result_has_a_schema() {
    for tool in plugin().tools {
        let schema = (tool.output_schema)().unwrap();
        assert!(!schema["required"].as_array().unwrap().is_empty(), "{}", tool.name);
    }
}

#[test]
fn tools_that_look_are_read_only_and_tools_that_may_overwrite_say_so() {
    for tool in plugin().tools {
        let looks = matches!(tool.name, "load_dataset" | "validate_data");
        let may_overwrite = (tool.input_schema)()["properties"].get("overwrite").is_some();
        assert_eq!((tool.annotations.read_only, tool.annotations.destructive), (looks, may_overwrite), "{}", tool.name);
        assert!(tool.annotations.idempotent && !tool.annotations.open_world, "{}", tool.name);
    }
}
