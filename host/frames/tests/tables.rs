//! Frames as they are looked at, queried and checked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{all, csv, rows};
use kumiko_frames::{ColumnData, Error, Frame};
use kumiko_vocabulary::data::{ColumnRule, DataType, Rule, Severity, ValidationRules, Verdict, Violation};
use serde_json::{Value, json};

#[test]
fn a_summary_counts_and_measures_every_column() {
    let frame = csv("n,t,d\n1,a,2024-01-01\n2,b,\n3,a,2024-03-01\n,,2023-01-01\n").unwrap();
    let summary = frame.summary(1).unwrap();
    assert_eq!((summary.rows, summary.missing_values, summary.sample.len()), (4, 3, 1));
    let numeric = summary.columns[0].numeric.as_ref().unwrap();
    assert_eq!((numeric.mean, numeric.median, numeric.standard_deviation), (Some(2.0), Some(2.0), Some(1.0)));
    assert_eq!(summary.columns[0].distinct, Some(3));
    let text = &summary.columns[1];
    assert_eq!((text.top_values[0].value.clone(), text.top_values[0].count), (json!("a"), 2));
    assert_eq!(text.missing_ratio, 0.25);
    assert_eq!(summary.columns[2].earliest.as_deref(), Some("2023-01-01"));
    assert_eq!(summary.columns[2].latest.as_deref(), Some("2024-03-01"));
}

#[test]
fn labels_of_numbers_are_in_the_order_of_the_numbers() {
    let frame = csv("y\n10\n9\n10\n-1\n").unwrap();
    let (codes, names) = frame.labels("y").unwrap();
    assert_eq!((codes, names), (vec![2, 1, 2, 0], ["-1", "9", "10"].map(str::to_owned).to_vec()));
    let gap = csv("y,z\na,1\n,2\n").unwrap();
    assert!(matches!(gap.labels("y"), Err(Error::MissingValues { count: 1, .. })));
}

#[test]
fn numbers_of_text_are_refused_and_nulls_are_nan() {
    let frame = csv("n,t\n1,a\n,b\n").unwrap();
    let numbers = frame.numbers("n").unwrap();
    assert!(numbers[0] == 1.0 && numbers[1].is_nan());
    assert_eq!(frame.numbers_f32("n").unwrap()[0], 1.0);
    assert!(matches!(frame.numbers("t"), Err(Error::ColumnNotNumeric { .. })));
    assert!(matches!(frame.numbers("N"), Err(Error::ColumnNotFound { nearest, .. }) if nearest == ["n"]));
}

#[test]
fn numbers_that_json_lacks_leave_as_null() {
    let frame =
        Frame::from_columns(vec![("x".into(), ColumnData::Numbers(vec![f64::NAN, f64::INFINITY, 1.0]))]).unwrap();
    assert_eq!(all(&frame), json!([{"x": null}, {"x": null}, {"x": 1.0}]));
    let numeric = frame.summary(0).unwrap().columns[0].numeric.clone().unwrap();
    assert_eq!((numeric.not_a_number, numeric.infinite, numeric.mean), (1, 1, Some(1.0)));
}

#[test]
fn sql_joins_and_groups_named_frames() {
    let people = rows(json!([{"id": 1, "city": "a"}, {"id": 2, "city": "b"}, {"id": 3, "city": "a"}]));
    let cities = rows(json!([{"city": "a", "size": 10}, {"city": "b", "size": 20}]));
    let query = "SELECT c.city, COUNT(*) AS n, MAX(c.size) AS size FROM people p JOIN cities c ON p.city = c.city GROUP BY c.city ORDER BY n DESC";
    let joined = Frame::sql(query, &[("people".into(), people.clone()), ("cities".into(), cities)]).unwrap();
    assert_eq!(all(&joined), json!([{"city": "a", "n": 2, "size": 10}, {"city": "b", "n": 1, "size": 20}]));
    let error = Frame::sql("SELECT nonsense FROM people", &[("people".into(), people.clone())]).unwrap_err();
    assert!(matches!(error, Error::Sql { .. }), "{error}");
    let error = Frame::sql("SELECT * FROM read_csv('/etc/passwd')", &[("people".into(), people)]).unwrap_err();
    assert!(matches!(error, Error::SqlRefused { .. }), "{error}");
}

fn violations(frame: &Frame, rules: Value) -> Vec<Violation> {
    let rules: ValidationRules = serde_json::from_value(rules).unwrap();
    frame.validate(&rules).unwrap().violations
}

#[test]
fn every_rule_is_told_with_counts_and_rows() {
    let frame = csv("id,age,mail,kind\n1,20,a@x,red\n1,-5,b,blue\n2,200,c@x,pink\n3,,,red\n").unwrap();
    let found = violations(
        &frame,
        json!({
            "required_columns": ["name"],
            "allow_further_columns": false,
            "outliers": {"method": "none"},
            "columns": [
                {"name": "id", "unique": true, "type": "integer"},
                {"name": "age", "min": 0, "max": 120, "max_missing_ratio": 0},
                {"name": "mail", "pattern": "@"},
                {"name": "kind", "allowed_values": ["red", "blue"], "type": "integer"},
            ],
        }),
    );
    let of = |rule: Rule| {
        found.iter().find(|violation| violation.rule == rule).unwrap_or_else(|| panic!("{rule:?} in {found:#?}"))
    };
    assert_eq!((of(Rule::Unique).count, of(Rule::Unique).examples[0].row), (1, 1));
    assert_eq!((of(Rule::Minimum).count, &of(Rule::Minimum).examples[0].value), (1, &json!(-5)));
    assert_eq!(of(Rule::Maximum).examples[0].row, 2);
    assert_eq!(
        (of(Rule::MissingValues).count, of(Rule::MissingValues).columns.as_slice()),
        (1, &["age".to_owned()][..])
    );
    assert_eq!(of(Rule::Pattern).examples[0].value, json!("b"));
    assert_eq!(of(Rule::AllowedValues).examples[0].value, json!("pink"));
    assert_eq!((of(Rule::DataType).count, of(Rule::RequiredColumn).columns[0].as_str()), (4, "name"));
    assert!(found.iter().all(|violation| violation.severity == Severity::Error));
}

#[test]
fn repeated_rows_constant_columns_and_outliers_are_warnings() {
    let mut text = String::from("x,c\n");
    (0..50).for_each(|row| text.push_str(&format!("{row},same\n")));
    text.push_str("10000,same\n0,same\n");
    let report = csv(&text).unwrap().validate(&ValidationRules::default()).unwrap();
    assert_eq!(report.verdict, Verdict::PassedWithWarnings);
    let rules: Vec<Rule> = report.violations.iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, [Rule::DuplicateRows, Rule::Outliers, Rule::ConstantColumn]);
    assert_eq!(report.violations[0].examples[0].row, 51);
    assert_eq!(report.violations[1].examples[0].value, json!(10_000));
}

#[test]
fn a_column_that_gives_the_target_away_is_suspected_and_an_identifier_is_not() {
    let mut text = String::from("id,copy,twice,noise,group,y\n");
    for row in 0..400_usize {
        let class = row * 7919 % 13 % 2;
        text.push_str(&format!(
            "u{row},{},{},{},{},{class}\n",
            ["no", "yes"][class],
            class as f64 * 2.0 + 1.0,
            row * 31 % 17,
            row % 5
        ));
    }
    let rules = json!({"target_column": "y", "outliers": {"method": "none"}});
    let suspects: Vec<String> = violations(&csv(&text).unwrap(), rules)
        .into_iter()
        .filter(|violation| violation.rule == Rule::Leakage)
        .flat_map(|violation| violation.columns)
        .collect();
    assert_eq!(suspects, ["copy", "twice"]);
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let frame = csv("a\nx\n").unwrap();
    let rule = |rule: ColumnRule| ValidationRules { columns: vec![rule], ..ValidationRules::default() };
    let pattern = rule(ColumnRule { name: "a".into(), pattern: Some("(".into()), ..ColumnRule::default() });
    assert!(matches!(frame.validate(&pattern), Err(Error::Argument { .. })));
    let range = rule(ColumnRule { name: "a".into(), minimum: Some(2.0), maximum: Some(1.0), ..ColumnRule::default() });
    assert!(matches!(frame.validate(&range), Err(Error::Argument { .. })));
}

#[test]
fn columns_can_be_chosen_added_and_left_out() {
    let frame = rows(json!([{"a": 1, "b": 2}, {"a": 3, "b": 4}]));
    assert_eq!(all(&frame.select(&["b".into()]).unwrap()), json!([{"b": 2}, {"b": 4}]));
    let more = frame.with_column("c", ColumnData::Text(vec!["x".into(), "y".into()])).unwrap();
    assert_eq!(all(&more.drop_columns(&["a".into(), "none".into()]).unwrap())[1], json!({"b": 4, "c": "y"}));
    assert_eq!(all(&more.take(&[1, 1]).unwrap()).as_array().unwrap().len(), 2);
    assert!(more.take(&[2]).is_err());
    assert!(frame.with_column("c", ColumnData::Numbers(vec![1.0])).is_err());
    assert_eq!(more.schema()[2].data_type, DataType::Text);
}
