//! What a pipeline does, in words.

use kumiko_vocabulary::preparation::{ColumnDescription, ColumnRole};

use super::Learnt;
use super::encoding::{Encoding, Method};
use super::table::{ColumnPlan, TablePlan};
use super::treatment::Treatment;
use crate::numbers::number_text;

/// What becomes of each column.
pub(super) fn columns(learnt: &Learnt) -> Vec<ColumnDescription> {
    match learnt {
        Learnt::Table(plan) => table(plan),
        Learnt::Reinforcement(plan) => plan.describe(),
        Learnt::Features(steps) => steps.iter().flat_map(|step| step.describe()).collect(),
    }
}

fn table(plan: &TablePlan) -> Vec<ColumnDescription> {
    let target = plan.target.iter().map(|name| ColumnDescription {
        name: name.clone(),
        role: ColumnRole::Target,
        treatment: "passes through; rows without it are left out when fitting".to_owned(),
        outputs: vec![name.clone()],
    });
    let columns = plan.columns.iter().map(|column| {
        let (role, mut treatment) = words(column);
        for (output, reason) in &column.left_out {
            treatment.push_str(&format!("; {output:?} is left out: {reason}"));
        }
        let outputs = column.outputs.iter().filter(|output| !column.left_out.iter().any(|(name, _)| name == *output));
        ColumnDescription { name: column.name.clone(), role, treatment, outputs: outputs.cloned().collect() }
    });
    columns.chain(target).collect()
}

fn words(column: &ColumnPlan) -> (ColumnRole, String) {
    match &column.treatment {
        Treatment::Dropped { reason } => (ColumnRole::Dropped, format!("left out: {reason}")),
        Treatment::Passthrough => (ColumnRole::Passthrough, "passes through".to_owned()),
        Treatment::Boolean { fill } => (ColumnRole::Numeric, format!("0 or 1; missing becomes {}", u8::from(*fill))),
        Treatment::Number { fill, offset, factor } => {
            let mut text = format!("missing becomes {}", number_text(fill.0));
            if offset.0 != 0.0 || factor.0 != 1.0 {
                text.push_str(&format!("; then (value - {}) / {}", number_text(offset.0), number_text(1.0 / factor.0)));
            }
            (ColumnRole::Numeric, text)
        }
        Treatment::Category(encoding) => (ColumnRole::Categorical, category(encoding)),
    }
}

fn category(encoding: &Encoding) -> String {
    let count = encoding.categories.len();
    let method = match &encoding.method {
        Method::OneHot => format!("a column of 0 and 1 for each of {count} categories"),
        Method::Ordinal => format!("the number of the category, of {count} in sorted order; -1 for any other"),
        Method::Frequency { .. } => format!("the share of the category, of {count}; 0 for any other"),
        Method::Target { overall, .. } => {
            let overall: Vec<String> = overall.iter().map(|mean| number_text(mean.0)).collect();
            format!("the smoothed mean target of the category, of {count}; {} for any other", overall.join(", "))
        }
        Method::None => "passes through as text".to_owned(),
    };
    format!("missing becomes {:?}; {method}", encoding.fill)
}
