//! Trees that many rows answer at once: every question is asked of every row, thirty-two rows in an instruction.
//!
//! A group of trees asks about a column with 254 thresholds at most. A value's code is the number of them that it reaches, one byte, so
//! that a question is a comparison of bytes. A row's way down is never looked up: where rows are is a mask, and a question with those
//! of both its children parts a mask in four. That is more work than following one way, but work without a branch, and without an
//! address that waits for the one before.
#![allow(clippy::indexing_slicing, reason = "codes, paths and leaves are numbered by the tree that they are read for")]

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use crate::ranks::Ranks;

use super::tree::{Kind, Tree, rows_of};

/// Rows of a block, which are coded together.
pub(super) const BLOCK_ROWS: usize = 256;
/// Rows whose masks are kept together: with those of all leaves they fit the near cache.
const ABREAST: usize = 64;
/// Leaves of a tree at most, so that a leaf's number is a byte.
const MOST_LEAVES: usize = 256;
/// Thresholds of a column at most, so that the code of a missing value is left over.
const MOST_THRESHOLDS: usize = 254;
/// The mask of a way that no row takes.
const NOWHERE: u8 = u8::MAX;
/// The code of a missing value. Codes are signed, as the processor compares them: the lowest is -128.
const MISSING: i8 = i8::MAX;

/// For each leaf the rows that came to it, or to where it is below.
type Masks = [[u8; ABREAST]; MOST_LEAVES];

/// A question of a tree.
#[derive(Clone, Copy)]
struct Question {
    /// The position of the column among the group's.
    column: u32,
    /// Codes above this go right.
    above: i8,
    /// Codes above this go left all the same: those of missing values, or none.
    except_above: i8,
}

/// A question, and those of both its children: the rows of a mask are parted in four at once.
struct Trio {
    /// The mask of the rows that come here; those that go left twice stay in it.
    path: u8,
    /// The question, that of the left child and that of the right one.
    questions: [Question; 3],
}

/// A tree in trios.
struct CodedTree {
    output: usize,
    /// The trios that other trios follow, from the root on, and the masks of those that go left and right, right and left, and
    /// right twice.
    upper: Vec<(Trio, [u8; 3])>,
    /// Masks of leaves that upper trios lead to, and the leaves' numbers.
    early: Vec<(u8, u8)>,
    /// The trios that lead to leaves alone, and the number of the first of four leaves, in the order of the ways.
    lower: Vec<(Trio, u8)>,
    /// The values of the leaves, by their numbers.
    leaves: Vec<f64>,
}

/// A column and its thresholds.
struct Column {
    column: usize,
    thresholds: Vec<f32>,
    ranks: Ranks,
}

/// A tree in the form that it is walked in.
enum Form<'a> {
    Coded(CodedTree),
    /// Asks about categories, or has too many leaves.
    Stored(&'a Tree),
}

/// Trees that follow each other, and the columns that they ask about by codes.
pub(super) struct Group<'a> {
    columns: Vec<Column>,
    trees: Vec<Form<'a>>,
}

/// A block of rows on its way through the trees.
pub(super) struct Block<'a> {
    columns: &'a [&'a [f32]],
    rows: Range<usize>,
    /// The values row by row, once a tree has asked for them.
    by_row: Vec<f32>,
    /// The codes of a group's columns.
    codes: Vec<[i8; BLOCK_ROWS]>,
    masks: Box<Masks>,
}

impl<'a> Block<'a> {
    /// Some rows, [`BLOCK_ROWS`] at most.
    pub(super) fn new(columns: &'a [&'a [f32]], rows: Range<usize>) -> Self {
        Self { columns, rows, by_row: Vec::new(), codes: Vec::new(), masks: Box::new([[0; ABREAST]; MOST_LEAVES]) }
    }
}

/// The trees in groups, in their order.
pub(super) fn groups(trees: &[Tree]) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let mut waiting: &[Tree] = trees;
    while !waiting.is_empty() {
        let mut thresholds: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
        let taken = waiting.iter().take_while(|tree| is_stored(tree) || extend(&mut thresholds, tree)).count();
        // One tree has fewer questions than a column may have thresholds.
        let (now, later) = waiting.split_at(taken.max(1));
        groups.push(Group::new(now, thresholds));
        waiting = later;
    }
    groups
}

/// Whether the tree does not fit masks and codes.
fn is_stored(tree: &Tree) -> bool {
    !tree.sets.is_empty() || tree.nodes.len() >= 2 * MOST_LEAVES || numbers(tree) > MOST_LEAVES
}

/// Leaves that a tree has in trios.
fn numbers(tree: &Tree) -> usize {
    let mut sum = 0;
    let mut pending = vec![0];
    while let Some(position) = pending.pop() {
        let Some((_, ends)) = trio(tree, position) else {
            sum += 1;
            continue;
        };
        if ends.iter().flatten().any(|end| children(tree, *end).is_some()) {
            pending.extend(ends.iter().flatten());
        } else {
            sum += ends.len();
        }
    }
    sum
}

/// The nodes of a trio, and those that it leads to: left twice, left and right, right and left, right twice. A leaf in the place of a
/// question leads left to itself. None for a leaf.
fn trio(tree: &Tree, position: usize) -> Option<([usize; 3], [Option<usize>; 4])> {
    let (left, right) = children(tree, position)?;
    let ends = |child| match children(tree, child) {
        Some((left, right)) => [Some(left), Some(right)],
        None => [Some(child), None],
    };
    let ([first, second], [third, fourth]) = (ends(left), ends(right));
    Some(([position, left, right], [first, second, third, fourth]))
}

/// The children of a node; none of a leaf.
fn children(tree: &Tree, position: usize) -> Option<(usize, usize)> {
    match tree.nodes[position].kind() {
        Kind::Leaf(_) => None,
        Kind::Below { right, .. } | Kind::NoneOf { right, .. } => Some((position + 1, right)),
    }
}

/// The value of a leaf.
fn leaf(tree: &Tree, position: usize) -> f64 {
    match tree.nodes[position].kind() {
        Kind::Leaf(value) => f64::from(value),
        Kind::Below { .. } | Kind::NoneOf { .. } => 0.0,
    }
}

/// Adds a tree's thresholds to those of the trees before. Where a column would have too many, nothing is added.
fn extend(thresholds: &mut BTreeMap<usize, Vec<f32>>, tree: &Tree) -> bool {
    let mut longer: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
    for node in &tree.nodes {
        if let Kind::Below { column, threshold, .. } = node.kind() {
            let of_column =
                longer.entry(column).or_insert_with(|| thresholds.get(&column).cloned().unwrap_or_default());
            if let Err(place) = place(of_column, threshold) {
                of_column.insert(place, threshold);
            }
        }
    }
    let fits = longer.values().all(|thresholds| thresholds.len() <= MOST_THRESHOLDS);
    if fits {
        thresholds.append(&mut longer);
    }
    fits
}

/// Where a threshold is among others, or would be. Both zeros are one.
fn place(thresholds: &[f32], threshold: f32) -> Result<usize, usize> {
    let place = thresholds.partition_point(|other| *other < threshold);
    if thresholds.get(place).is_some_and(|other| *other == threshold) { Ok(place) } else { Err(place) }
}

impl<'a> Group<'a> {
    fn new(trees: &'a [Tree], thresholds: BTreeMap<usize, Vec<f32>>) -> Self {
        let columns: Vec<Column> =
            thresholds.into_iter().map(|(column, thresholds)| Column::new(column, thresholds)).collect();
        let form =
            |tree| if is_stored(tree) { Form::Stored(tree) } else { Form::Coded(CodedTree::new(tree, &columns)) };
        let trees = trees.iter().map(form).collect();
        Self { columns, trees }
    }

    /// Adds the leaf of each tree to the scores of a block's rows, `outputs` for a row.
    pub(super) fn add(&self, block: &mut Block<'_>, scores: &mut [f64], outputs: usize) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            #[allow(unsafe_code, reason = "only a check at run time can say what the processor knows")]
            // SAFETY: the processor knows the instructions that the function is compiled for.
            unsafe {
                self.add_by_avx2(block, scores, outputs);
            }
            return;
        }
        self.add_by_any(block, scores, outputs);
    }

    /// [`Self::add_by_any`], compiled for 32 rows in an instruction.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn add_by_avx2(&self, block: &mut Block<'_>, scores: &mut [f64], outputs: usize) {
        self.add_by_any(block, scores, outputs);
    }

    #[inline(always)]
    fn add_by_any(&self, block: &mut Block<'_>, scores: &mut [f64], outputs: usize) {
        block.codes.resize(self.columns.len(), [0; BLOCK_ROWS]);
        let mut missing = false;
        for (codes, column) in block.codes.iter_mut().zip(&self.columns) {
            missing |= column.encode(&block.columns[column.column][block.rows.clone()], codes);
        }
        for tree in &self.trees {
            match tree {
                Form::Coded(tree) if missing => tree.add::<true>(&block.codes, &mut block.masks, scores, outputs),
                Form::Coded(tree) => tree.add::<false>(&block.codes, &mut block.masks, scores, outputs),
                Form::Stored(tree) => {
                    if block.by_row.is_empty() {
                        block.by_row = rows_of(block.columns, block.rows.clone());
                    }
                    tree.add_leaves(&block.by_row, scores, outputs);
                }
            }
        }
    }
}

impl Column {
    fn new(column: usize, thresholds: Vec<f32>) -> Self {
        Self { column, ranks: Ranks::new(&thresholds), thresholds }
    }

    /// The codes of values that are finite or missing. Returns whether any is missing.
    #[inline(always)]
    fn encode(&self, values: &[f32], codes: &mut [i8; BLOCK_ROWS]) -> bool {
        let mut reached = [0; BLOCK_ROWS];
        // A value goes left where it is below the threshold, so it reaches its equal.
        self.ranks.of(values, &mut reached, |threshold, value| threshold <= value);
        let mut missing = false;
        for ((code, reached), value) in codes.iter_mut().zip(reached).zip(values) {
            missing |= value.is_nan();
            *code = if value.is_nan() { MISSING } else { signed(reached) };
        }
        missing
    }
}

/// A count as a code.
fn signed(count: u8) -> i8 {
    (count ^ 128) as i8
}

impl CodedTree {
    fn new(tree: &Tree, columns: &[Column]) -> Self {
        let mut coded = Self {
            output: tree.output as usize,
            upper: Vec::new(),
            early: Vec::new(),
            lower: Vec::new(),
            leaves: Vec::new(),
        };
        let mut early = Vec::new();
        let mut next_mask = 1;
        // Level by level, so that a mask is read long after it was written.
        let mut pending = VecDeque::from([(0, 0)]);
        while let Some((position, path)) = pending.pop_front() {
            let Some((nodes, ends)) = trio(tree, position) else {
                early.push((path, leaf(tree, position)));
                continue;
            };
            let questions = nodes.map(|node| Question::new(tree, node, columns, nodes[0]));
            if ends.iter().flatten().any(|end| children(tree, *end).is_some()) {
                let mut masks = [path, NOWHERE, NOWHERE, NOWHERE];
                for (mask, end) in masks.iter_mut().zip(ends) {
                    let Some(end) = end else { continue };
                    if *mask == NOWHERE {
                        *mask = next_mask;
                        next_mask += 1;
                    }
                    pending.push_back((end, *mask));
                }
                let [_, ways @ ..] = masks;
                coded.upper.push((Trio { path, questions }, ways));
            } else {
                coded.lower.push((Trio { path, questions }, coded.leaves.len() as u8));
                coded.leaves.extend(ends.map(|end| end.map_or(0.0, |end| leaf(tree, end))));
            }
        }
        for (mask, value) in early {
            coded.early.push((mask, coded.leaves.len() as u8));
            coded.leaves.push(value);
        }
        coded
    }

    /// Adds the leaf of each row.
    #[inline(always)]
    fn add<const WITH_MISSING: bool>(
        &self,
        codes: &[[i8; BLOCK_ROWS]],
        masks: &mut Masks,
        scores: &mut [f64],
        outputs: usize,
    ) {
        let pieces = scores.chunks_mut(ABREAST * outputs);
        for (first, scores) in (0..BLOCK_ROWS).step_by(ABREAST).zip(pieces) {
            let leaves = self.leaves::<WITH_MISSING>(codes, first, masks);
            if outputs == 1 {
                scores.iter_mut().zip(leaves).for_each(|(score, leaf)| *score += self.leaves[usize::from(leaf)]);
            } else {
                for (scores, leaf) in scores.chunks_exact_mut(outputs).zip(leaves) {
                    scores[self.output] += self.leaves[usize::from(leaf)];
                }
            }
        }
    }

    /// The number of each row's leaf.
    #[inline(always)]
    fn leaves<const WITH_MISSING: bool>(
        &self,
        codes: &[[i8; BLOCK_ROWS]],
        first: usize,
        masks: &mut Masks,
    ) -> [u8; ABREAST] {
        // Arrays are copied, so that the compiler knows them apart and keeps them in registers.
        let codes_of = |question: &Question| -> [i8; ABREAST] {
            *codes[question.column as usize][first..].first_chunk().unwrap_or(&[0; ABREAST])
        };
        masks[0] = [u8::MAX; ABREAST];
        for (Trio { path, questions }, ways) in &self.upper {
            let [above, above_left, above_right] = questions.each_ref();
            let [own, of_left, of_right] = [codes_of(above), codes_of(above_left), codes_of(above_right)];
            let came = masks[usize::from(*path)];
            let mut left_twice = [0; ABREAST];
            let mut left_right = [0; ABREAST];
            let mut right_left = [0; ABREAST];
            let mut right_twice = [0; ABREAST];
            for row in 0..ABREAST {
                let right = came[row] & above.sends_right::<WITH_MISSING>(own[row]);
                let left = came[row] ^ right;
                left_right[row] = left & above_left.sends_right::<WITH_MISSING>(of_left[row]);
                left_twice[row] = left ^ left_right[row];
                right_twice[row] = right & above_right.sends_right::<WITH_MISSING>(of_right[row]);
                right_left[row] = right ^ right_twice[row];
            }
            masks[usize::from(*path)] = left_twice;
            masks[usize::from(ways[0])] = left_right;
            masks[usize::from(ways[1])] = right_left;
            masks[usize::from(ways[2])] = right_twice;
        }
        let mut leaves = [0; ABREAST];
        for (Trio { path, questions }, number) in &self.lower {
            let [above, above_left, above_right] = questions.each_ref();
            let [own, of_left, of_right] = [codes_of(above), codes_of(above_left), codes_of(above_right)];
            let (came, number) = (masks[usize::from(*path)], *number);
            for row in 0..ABREAST {
                let right = came[row] & above.sends_right::<WITH_MISSING>(own[row]);
                let left = came[row] ^ right;
                let last = left & above_left.sends_right::<WITH_MISSING>(of_left[row])
                    | right & above_right.sends_right::<WITH_MISSING>(of_right[row]);
                leaves[row] |= came[row] & number | right & 2 | last & 1;
            }
        }
        for (mask, number) in &self.early {
            let (mask, number) = (masks[usize::from(*mask)], *number);
            for row in 0..ABREAST {
                leaves[row] |= mask[row] & number;
            }
        }
        leaves
    }
}

impl Question {
    /// The question of a node; of a leaf in a question's place, one that nobody goes right by.
    fn new(tree: &Tree, node: usize, columns: &[Column], instead: usize) -> Self {
        let Kind::Below { column, threshold, missing_left, .. } = tree.nodes[node].kind() else {
            let question = Self::new(tree, instead, columns, instead);
            return Self { above: i8::MAX, ..question };
        };
        let column = columns.partition_point(|other| other.column < column);
        let (Ok(place) | Err(place)) = place(&columns[column].thresholds, threshold);
        Self {
            column: column as u32,
            above: signed(place as u8),
            except_above: if missing_left { MISSING - 1 } else { MISSING },
        }
    }

    /// Whether a row with this code goes right: all bits, or none.
    #[inline(always)]
    fn sends_right<const WITH_MISSING: bool>(&self, code: i8) -> u8 {
        u8::from((code > self.above) & (!WITH_MISSING | (code <= self.except_above))).wrapping_neg()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boosting::tree::Node;
    use crate::random::Random;

    const COLUMNS: usize = 5;

    /// A tree that goes on for `levels` at most, and stops early at times.
    fn grow(tree: &mut Tree, levels: usize, stops: bool, random: &mut Random) {
        let position = tree.nodes.len();
        if levels == 0 || (stops && position > 0 && random.below(4) == 0) {
            tree.nodes.push(Node::leaf(random.below(1_000) as f32 / 64.0));
            return;
        }
        let threshold = match random.below(50) {
            0 => f32::INFINITY,
            1 => f32::NEG_INFINITY,
            number => (number as f32 - 25.0) * if levels.is_multiple_of(2) { 0.5 } else { 0.25 },
        };
        tree.nodes.push(Node::below(random.below(COLUMNS), threshold, random.below(2) == 0));
        grow(tree, levels - 1, stops, random);
        let right = tree.nodes.len();
        tree.nodes[position].set_right(right);
        grow(tree, levels - 1, stops, random);
    }

    /// Values of which many are thresholds, and some are missing.
    fn columns(rows: usize, with_missing: bool, random: &mut Random) -> Vec<Vec<f32>> {
        let value = |random: &mut Random| match random.below(40) {
            0 if with_missing => f32::NAN,
            1 => -0.0,
            2 => f32::MAX,
            3 => f32::MIN,
            number => (number as f32 - 20.0) * 0.25,
        };
        (0..COLUMNS).map(|_| (0..rows).map(|_| value(random)).collect()).collect()
    }

    fn check(trees: &[Tree], outputs: usize, groups_expected: usize, random: &mut Random) {
        let groups = groups(trees);
        assert_eq!(groups.len(), groups_expected);
        assert_eq!(groups.iter().map(|group| group.trees.len()).sum::<usize>(), trees.len());
        for (rows, with_missing) in [(BLOCK_ROWS, false), (BLOCK_ROWS, true), (ABREAST + 7, true), (1, false)] {
            let columns = columns(rows, with_missing, random);
            let columns: Vec<&[f32]> = columns.iter().map(Vec::as_slice).collect();
            let mut walked = vec![0.0; rows * outputs];
            let by_row = rows_of(&columns, 0..rows);
            trees.iter().for_each(|tree| tree.add_leaves(&by_row, &mut walked, outputs));
            let scores = |add: fn(&Group<'_>, &mut Block<'_>, &mut [f64], usize)| {
                let mut scores = vec![0.0; rows * outputs];
                let mut block = Block::new(&columns, 0..rows);
                groups.iter().for_each(|group| add(group, &mut block, &mut scores, outputs));
                scores
            };
            assert_eq!(
                scores(|group, block, scores, outputs| group.add(block, scores, outputs)),
                walked,
                "{rows} rows, missing: {with_missing}"
            );
            assert_eq!(
                scores(|group, block, scores, outputs| group.add_by_any(block, scores, outputs)),
                walked,
                "{rows} rows, missing: {with_missing}, any processor"
            );
        }
    }

    #[test]
    fn rows_come_to_the_leaves_that_they_walk_to() {
        let mut random = Random::new(7, 0);
        for levels in [0, 1, 2, 3, 4, 6, 7, 8] {
            for stops in [false, true] {
                let mut trees = vec![Tree::default(); 9];
                for (number, tree) in trees.iter_mut().enumerate() {
                    tree.output = number as u32 % 3;
                    grow(tree, levels, stops, &mut random);
                }
                assert!(!trees.iter().any(is_stored), "{levels} levels");
                check(&trees, 3, 1, &mut random);
            }
        }
    }

    #[test]
    fn trees_that_do_not_fit_are_walked_in_their_turn() {
        let mut random = Random::new(8, 0);
        let mut trees = vec![Tree::default(); 6];
        for (number, tree) in trees.iter_mut().enumerate() {
            grow(tree, if number % 3 == 1 { 9 } else { 5 }, false, &mut random);
        }
        // One asks about categories.
        trees[2].sets.push([0b1010, 0, 0, 1]);
        let Some(Kind::Below { right, .. }) = trees[2].nodes.first().map(Node::kind) else { unreachable!() };
        trees[2].nodes[0] = Node::none_of(0, 0, true);
        trees[2].nodes[0].set_right(right);
        assert_eq!(trees.iter().filter(|tree| is_stored(tree)).count(), 3);
        check(&trees, 1, 1, &mut random);
    }

    #[test]
    fn a_column_with_many_thresholds_parts_the_trees_in_groups() {
        let mut random = Random::new(9, 0);
        let trees: Vec<Tree> = (0..1_000)
            .map(|number| {
                let mut tree = Tree::default();
                tree.nodes.push(Node::below(1, (number as f32 - 500.0) / 128.0, number % 2 == 0));
                tree.nodes.push(Node::leaf(random.below(100) as f32));
                tree.nodes.push(Node::leaf(random.below(100) as f32));
                tree.nodes[0].set_right(2);
                tree
            })
            .collect();
        check(&trees, 1, 4, &mut random);
    }
}
