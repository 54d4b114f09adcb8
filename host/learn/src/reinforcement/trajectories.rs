//! Recorded trajectories: columns of steps, one row each, in the order in which they happened.
//!
//! | column | what | needed |
//! | --- | --- | --- |
//! | `observation_0`, `observation_1` … | what was seen before the action | yes |
//! | `action` | the action, a whole number from 0 | yes |
//! | `reward` | what the step was worth | yes |
//! | `terminated` or `done` | 1 where the episode ended with this step, else 0 | yes |
//! | `truncated` | 1 where the episode was cut off: its last state has a future | no |
//! | `episode` | a number, the same for the rows of an episode | no |
//! | `next_observation_0` … | what was seen after the action | no |
//!
//! An episode also ends where `episode` changes, and with the last row. Without `next_observation_…` a step's next observation is
//! the next row of its episode; the last row of an episode that did not terminate has none and is left out. Where both
//! `terminated` and `done` are there, `terminated` counts; where there is only `done`, a row that is `truncated` too did not terminate.

#![allow(clippy::indexing_slicing, reason = "every column has been checked to have as many rows as the first")]

use std::collections::HashSet;

use crate::data::Features;
use crate::error::Error;

/// What the columns are called in errors.
const DATA: &str = "the trajectories";
/// Actions at most.
const MOST_ACTIONS: f32 = 1_000.0;

/// Steps to learn from.
pub(super) struct Trajectories<'a> {
    /// The columns of what was seen.
    pub(super) observations: Vec<&'a [f32]>,
    next: Option<Vec<&'a [f32]>>,
    pub(super) actions: Vec<u32>,
    pub(super) rewards: &'a [f32],
    pub(super) terminated: Vec<bool>,
    /// Rows with a next observation, or that need none.
    pub(super) rows: Vec<usize>,
    pub(super) episodes: usize,
}

impl<'a> Trajectories<'a> {
    /// Reads and checks the columns. Others are ignored.
    pub(super) fn read(columns: &'a Features) -> Result<Self, Error> {
        columns.check_shape(DATA)?;
        let rows = columns.rows();
        if rows == 0 {
            return Err(Error::Rows { what: DATA.to_owned(), rows, expected: "one at least" });
        }
        let find = |name: &str| Self::column(columns, name);
        let observations = numbered(columns, "observation_")?;
        if observations.is_empty() {
            return Err(missing("observation_0"));
        }
        let action = find("action").ok_or_else(|| missing("action"))?;
        let rewards = find("reward").ok_or_else(|| missing("reward"))?;
        let (terminated, done) = (find("terminated"), find("done"));
        let end = terminated.or(done).ok_or_else(|| missing("terminated` or `done"))?;
        let end_name = if terminated.is_some() { "terminated" } else { "done" };
        let truncated = find("truncated");
        let episode = find("episode");
        let next = numbered(columns, "next_observation_")?;
        if !next.is_empty() && next.len() != observations.len() {
            return Err(wrong(
                format!(
                    "there are {} columns `observation_…`, and {} `next_observation_…`",
                    observations.len(),
                    next.len()
                ),
                "give every observation its next one, or leave all of them out",
            ));
        }
        finite("reward", rewards)?;
        for (prefix, columns) in [("observation_", &observations), ("next_observation_", &next)] {
            for (position, column) in columns.iter().enumerate() {
                finite(&format!("{prefix}{position}"), column)?;
            }
        }
        let actions = whole(action)?;
        let end = flags(end_name, end)?;
        let truncated = truncated.map(|column| flags("truncated", column)).transpose()?;
        let last = last_rows(&end, truncated.as_deref(), episode)?;
        let terminated: Vec<bool> = match &truncated {
            Some(truncated) if terminated.is_none() => {
                end.iter().zip(truncated).map(|(end, cut)| *end && !cut).collect()
            }
            _ => end,
        };
        let next = (!next.is_empty()).then_some(next);
        let kept = (0..rows).filter(|row| terminated[*row] || next.is_some() || !last[*row]).collect();
        let episodes = last.iter().filter(|last| **last).count();
        Ok(Self { observations, next, actions, rewards, terminated, rows: kept, episodes })
    }

    fn column(columns: &'a Features, name: &str) -> Option<&'a [f32]> {
        let position = columns.names.iter().position(|known| known == name)?;
        columns.columns.get(position).map(Vec::as_slice)
    }

    /// What was seen after the action of a row; the row itself where the episode terminated and nothing is known.
    pub(super) fn next(&self, row: usize) -> impl Iterator<Item = f32> + '_ {
        let (columns, row) = match &self.next {
            Some(next) => (next, row),
            None => (&self.observations, if self.terminated[row] { row } else { row + 1 }),
        };
        columns.iter().map(move |column| column[row])
    }

    /// One more than the greatest action: two at least.
    pub(super) fn actions(&self) -> usize {
        (self.actions.iter().copied().max().unwrap_or(0) as usize + 1).max(2)
    }
}

/// The columns of a prefix, from 0 on without a gap.
fn numbered<'a>(columns: &'a Features, prefix: &str) -> Result<Vec<&'a [f32]>, Error> {
    let count = columns
        .names
        .iter()
        .filter(|name| name.strip_prefix(prefix).is_some_and(|number| number.parse::<usize>().is_ok()))
        .count();
    (0..count)
        .map(|position| {
            let name = format!("{prefix}{position}");
            Trajectories::column(columns, &name).ok_or_else(|| missing(&name))
        })
        .collect()
}

fn wrong(problem: String, advice: &str) -> Error {
    Error::Trajectories { problem, advice: advice.to_owned() }
}

fn missing(name: &str) -> Error {
    wrong(
        format!("there is no column `{name}`"),
        "the columns are `observation_0` and so on without a gap, `action`, `reward`, and `terminated` or `done`",
    )
}

fn finite(name: &str, column: &[f32]) -> Result<(), Error> {
    match column.iter().position(|value| !value.is_finite()) {
        Some(row) => Err(wrong(
            format!("the column `{name}` is {} in row {row} (from 0); expected finite numbers", column[row]),
            "drop whole episodes with such rows: a step out of the middle of one would join what does not belong together",
        )),
        None => Ok(()),
    }
}

fn whole(column: &[f32]) -> Result<Vec<u32>, Error> {
    let sound = |action: f32| action.fract() == 0.0 && (0.0..MOST_ACTIONS).contains(&action);
    match column.iter().position(|action| !sound(*action)) {
        Some(row) => Err(wrong(
            format!("the action in row {row} (from 0) is {}; expected a whole number from 0 to 999", column[row]),
            "number the actions from 0; for continuous actions choose levels, and give the number of the nearest",
        )),
        None => Ok(column.iter().map(|action| *action as u32).collect()),
    }
}

fn flags(name: &str, column: &[f32]) -> Result<Vec<bool>, Error> {
    match column.iter().position(|flag| *flag != 0.0 && *flag != 1.0) {
        Some(row) => Err(wrong(
            format!("the column `{name}` is {} in row {row} (from 0); expected 0 or 1", column[row]),
            "give 1 where the episode ends and 0 elsewhere",
        )),
        None => Ok(column.iter().map(|flag| *flag == 1.0).collect()),
    }
}

/// Whether each row is the last of its episode.
fn last_rows(end: &[bool], truncated: Option<&[bool]>, episode: Option<&[f32]>) -> Result<Vec<bool>, Error> {
    let rows = end.len();
    let mut last: Vec<bool> = (0..rows).map(|row| end[row] || truncated.is_some_and(|cut| cut[row])).collect();
    if let Some(episode) = episode {
        finite("episode", episode)?;
        let mut seen = HashSet::new();
        for row in 0..rows {
            let begins = row == 0 || episode[row] != episode[row - 1];
            if begins && !seen.insert(episode[row].to_bits()) {
                return Err(wrong(
                    format!("the episode {} goes on in row {row} (from 0), after another one", episode[row]),
                    "sort the rows by episode, and within each by time",
                ));
            }
            if begins && row > 0 {
                last[row - 1] = true;
            }
        }
    }
    if !last.contains(&true) {
        return Err(wrong(
            "no row ends an episode".to_owned(),
            "mark the last row of each episode by 1 in `terminated` or `done`, or in `truncated` where it was cut off",
        ));
    }
    last[rows - 1] = true;
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(columns: &[(&str, &[f32])]) -> Features {
        Features {
            names: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
            columns: columns.iter().map(|(_, column)| column.to_vec()).collect(),
        }
    }

    const SEEN: (&str, &[f32]) = ("observation_0", &[0.0, 1.0, 2.0, 10.0, 11.0]);
    const ACTION: (&str, &[f32]) = ("action", &[0.0, 1.0, 0.0, 1.0, 1.0]);
    const REWARD: (&str, &[f32]) = ("reward", &[1.0; 5]);

    #[test]
    fn a_step_is_followed_by_the_next_row_of_its_episode_and_a_cut_episode_loses_its_last() {
        let features = columns(&[SEEN, ACTION, REWARD, ("done", &[0.0, 0.0, 1.0, 0.0, 0.0])]);
        let read = Trajectories::read(&features).unwrap();
        assert_eq!(read.rows, [0, 1, 2, 3]);
        assert_eq!((read.episodes, read.actions()), (2, 2));
        assert_eq!(
            read.rows.iter().map(|row| read.next(*row).next().unwrap()).collect::<Vec<_>>(),
            [1.0, 2.0, 2.0, 11.0]
        );
        assert_eq!(read.terminated, [false, false, true, false, false]);
        // A cut is an end, and no terminal state.
        let cut = columns(&[
            SEEN,
            ACTION,
            REWARD,
            ("done", &[0.0, 0.0, 1.0, 0.0, 1.0]),
            ("truncated", &[0.0, 0.0, 1.0, 0.0, 0.0]),
        ]);
        let read = Trajectories::read(&cut).unwrap();
        assert_eq!((read.rows, read.terminated), (vec![0, 1, 3, 4], vec![false, false, false, false, true]));
    }

    #[test]
    fn next_observations_and_episode_numbers_are_made_use_of() {
        let zeros: (&str, &[f32]) = ("terminated", &[0.0; 5]);
        let features = columns(&[SEEN, ACTION, REWARD, zeros, ("episode", &[7.0, 7.0, 7.0, 3.0, 3.0])]);
        let read = Trajectories::read(&features).unwrap();
        assert_eq!((read.rows, read.episodes), (vec![0, 1, 3], 2));
        let next: (&str, &[f32]) = ("next_observation_0", &[1.0, 2.0, 3.0, 11.0, 12.0]);
        let features = columns(&[SEEN, ACTION, REWARD, zeros, ("episode", &[7.0, 7.0, 7.0, 3.0, 3.0]), next]);
        let read = Trajectories::read(&features).unwrap();
        assert_eq!(read.rows, [0, 1, 2, 3, 4]);
        assert_eq!(read.next(2).collect::<Vec<_>>(), [3.0]);
    }
}
