//! Classes in balance: by repeating rows, by leaving rows out, by making rows, by weighing them.

mod smote;

use kumiko_vocabulary::preparation::{Balancing, BalancingMethod};
use polars::prelude::{Column, DataFrame};

use crate::Error;
use crate::frame::{classes, column, take};
use crate::random::Random;

/// Balances the classes.
pub(crate) fn balance(frame: &DataFrame, balancing: &Balancing) -> Result<DataFrame, Error> {
    if !(balancing.ratio > 0.0 && balancing.ratio <= 1.0) {
        return Err(Error::argument("ratio", format!("{} is not above 0 and at most 1", balancing.ratio)));
    }
    let target = column(frame, &balancing.target_column)?;
    let (codes, names) = classes(target)?;
    if let [class] = names.as_slice() {
        return Err(Error::OneClass { column: balancing.target_column.clone(), class: class.clone() });
    }
    if names.is_empty() {
        return Err(Error::TooFewRows { purpose: "balancing".to_owned(), needed: 2, found: 0 });
    }
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); names.len()];
    for (row, code) in codes.iter().enumerate() {
        if let Some(class) = members.get_mut(*code as usize) {
            class.push(row as u32);
        }
    }
    let mut random = Random::new(balancing.seed);
    match balancing.method {
        BalancingMethod::RandomOver => random_over(frame, &members, balancing.ratio, &mut random),
        BalancingMethod::RandomUnder => random_under(frame, members, balancing.ratio, &mut random),
        BalancingMethod::Smote => smote::oversample(frame, &members, &names, balancing, &mut random),
        BalancingMethod::ClassWeights => weights(frame, &codes, &members, &balancing.weight_column),
    }
}

/// The size that each smaller class is brought to.
fn wanted(members: &[Vec<u32>], ratio: f64) -> usize {
    let largest = members.iter().map(Vec::len).max().unwrap_or_default();
    (largest as f64 * ratio).round() as usize
}

fn random_over(frame: &DataFrame, members: &[Vec<u32>], ratio: f64, random: &mut Random) -> Result<DataFrame, Error> {
    let wanted = wanted(members, ratio);
    let mut rows: Vec<u32> = (0..frame.height() as u32).collect();
    for class in members {
        let lacking = wanted.saturating_sub(class.len());
        rows.extend((0..lacking).filter_map(|_| class.get(random.below(class.len()))));
    }
    take(frame, rows)
}

fn random_under(
    frame: &DataFrame,
    members: Vec<Vec<u32>>,
    ratio: f64,
    random: &mut Random,
) -> Result<DataFrame, Error> {
    let smallest = members.iter().map(Vec::len).min().unwrap_or_default();
    let most = (smallest as f64 / ratio).round() as usize;
    let mut rows = Vec::new();
    for mut class in members {
        if class.len() > most {
            random.shuffle(&mut class);
            class.truncate(most);
        }
        rows.append(&mut class);
    }
    rows.sort_unstable();
    take(frame, rows)
}

/// `rows / (classes · rows of the class)`, which is what scikit-learn calls balanced (King and Zeng 2001).
fn weights(frame: &DataFrame, codes: &[u32], members: &[Vec<u32>], name: &str) -> Result<DataFrame, Error> {
    if frame.get_column_index(name).is_some() {
        return Err(Error::NameTaken { operation: "class_weights".to_owned(), column: name.to_owned() });
    }
    let of_class: Vec<f64> =
        members.iter().map(|class| codes.len() as f64 / (members.len() as f64 * class.len() as f64)).collect();
    let weights: Vec<f64> = codes.iter().filter_map(|code| of_class.get(*code as usize).copied()).collect();
    let mut weighed = frame.clone();
    weighed.with_column(Column::new(name.into(), weights))?;
    Ok(weighed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> DataFrame {
        let class: Vec<&str> = (0..12).map(|row| if row < 9 { "no" } else { "yes" }).collect();
        let x: Vec<f64> = (0..12).map(f64::from).collect();
        let city: Vec<&str> = (0..12).map(|row| if row % 2 == 0 { "a" } else { "b" }).collect();
        DataFrame::new(
            12,
            vec![Column::new("x".into(), x), Column::new("city".into(), city), Column::new("y".into(), class)],
        )
        .unwrap()
    }

    fn counts(frame: &DataFrame) -> Vec<usize> {
        let (codes, names) = classes(frame.column("y").unwrap()).unwrap();
        (0..names.len() as u32).map(|class| codes.iter().filter(|code| **code == class).count()).collect()
    }

    fn by(method: BalancingMethod, ratio: f64) -> DataFrame {
        balance(&frame(), &Balancing { ratio, ..Balancing::new("y", method) }).unwrap()
    }

    #[test]
    fn over_and_under_sampling_reach_the_ratio() {
        assert_eq!(counts(&by(BalancingMethod::RandomOver, 1.0)), [9, 9]);
        assert_eq!(counts(&by(BalancingMethod::RandomOver, 2.0 / 3.0)), [9, 6]);
        assert_eq!(counts(&by(BalancingMethod::RandomUnder, 1.0)), [3, 3]);
        assert_eq!(counts(&by(BalancingMethod::RandomUnder, 0.5)), [6, 3]);
    }

    #[test]
    fn synthetic_rows_lie_between_rows_of_their_class() {
        let balanced = by(BalancingMethod::Smote, 1.0);
        assert_eq!(counts(&balanced), [9, 9]);
        let x = balanced.column("x").unwrap().f64().unwrap().clone();
        let synthetic: Vec<f64> = x.iter().flatten().skip(12).collect();
        assert_eq!(synthetic.len(), 6);
        assert!(synthetic.iter().all(|value| (9.0..=11.0).contains(value)), "{synthetic:?}");
        assert!(balanced.head(Some(12)).equals(&frame()));
    }

    #[test]
    fn weights_make_every_class_weigh_the_same() {
        let weighed = by(BalancingMethod::ClassWeights, 1.0);
        let weights: Vec<f64> = weighed.column("sample_weight").unwrap().f64().unwrap().iter().flatten().collect();
        assert!((weights[0] * 9.0 - weights[11] * 3.0).abs() < 1e-12);
        assert!((weights.iter().sum::<f64>() - 12.0).abs() < 1e-12);
    }

    #[test]
    fn one_class_missing_labels_and_a_lone_row_are_refused() {
        let frame = frame();
        let by = Balancing::new("y", BalancingMethod::Smote);
        assert!(matches!(balance(&frame.head(Some(9)), &by), Err(Error::OneClass { class, .. }) if class == "no"));
        assert!(matches!(balance(&frame.head(Some(10)), &by), Err(Error::TooFewRows { .. })));
        let mut gaps = frame.clone();
        gaps.with_column(Column::new("x".into(), vec![None::<f64>; 12])).unwrap();
        assert!(matches!(balance(&gaps, &by), Err(Error::MissingValues { column, count: 12, .. }) if column == "x"));
    }
}
