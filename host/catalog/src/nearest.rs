//! The name somebody probably meant.

/// The candidate most like `name`, if any is like it at all.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_fingers_is_recognised_and_a_different_word_is_not() {
        let names = ["target_column", "dataset_s3_uri", "task_type"];
        assert_eq!(nearest("target_colum", names), Some("target_column"));
        assert_eq!(nearest("Task_Type", names), Some("task_type"));
        assert_eq!(nearest("zzz", names), None);
    }
}
