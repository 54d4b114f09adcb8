//! XGBoost's JSON becomes an ensemble.
//!
//! The document is parsed into arrays, booster and objective are looked at first, so that what is not supported is said by its name, and
//! then each tree is walked from its root: the nodes that the walk meets, each once, are the tree. What pruning has deleted is
//! not met; a node that is met twice is a damaged file.

use std::collections::HashMap;

use kumiko_learn::trees::{Link, NodeKind, NodeView, Test, TreeEnsemble, TreeView};

use super::document::{Document, Forest, Texts, Tree};
use super::{CLASSES, FORMAT, MOST_CATEGORIES, XgboostFeature, XgboostModel};
use crate::{Error, Limits};

/// Columns at most. A model without names needs no more bytes for more columns, so something else has to bound them.
const MOST_COLUMNS: usize = 1 << 20;
/// Classes at most.
const MOST_CLASSES: usize = 1 << 16;

/// Objectives whose margin is the prediction.
const IDENTITY: [&str; 5] =
    ["reg:squarederror", "reg:linear", "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror"];

/// Reads a boosted model. `name` is what errors call the file.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::NotOfFormat`] where it is no JSON or not of this kind, [`Error::Unsupported`] for other boosters
/// (`dart`, `gblinear`), other objectives and several targets, [`Error::Damaged`] where the arrays contradict each other.
pub fn read(bytes: &[u8], name: &str, limits: &Limits) -> Result<XgboostModel, Error> {
    if bytes.len() > limits.bytes {
        return Err(too_large(name, "bytes", bytes.len(), limits.bytes));
    }
    let document = parse(bytes, name)?;
    let reader = Reader { name, limits };
    reader.model(document)
}

fn parse(bytes: &[u8], name: &str) -> Result<Document, Error> {
    let not = |problem: String| Error::NotOfFormat { name: name.to_owned(), format: FORMAT, problem };
    match bytes {
        [] => return Err(not("it is empty".to_owned())),
        [b'{', b'L' | b'i' | b'U' | b'l' | b'I', ..] => {
            return Err(not("it is UBJSON; save it under a name that ends in .json".to_owned()));
        }
        [b'b', b'i', b'n', b'f', ..] => {
            return Err(not(
                "it is the binary format of old versions; save it under a name that ends in .json".to_owned()
            ));
        }
        _ => {}
    }
    serde_json::from_slice(bytes).map_err(|error| not(error.to_string()))
}

fn too_large(name: &str, what: &'static str, found: usize, limit: usize) -> Error {
    Error::TooLarge { name: name.to_owned(), what, found: found as u64, limit: limit as u64 }
}

struct Reader<'a> {
    name: &'a str,
    limits: &'a Limits,
}

impl Reader<'_> {
    fn damaged(&self, place: impl Into<String>, problem: impl Into<String>) -> Error {
        Error::Damaged { name: self.name.to_owned(), place: place.into(), problem: problem.into() }
    }

    fn unsupported(&self, kind: &'static str, found: &str, supported: &str) -> Error {
        Error::Unsupported {
            name: self.name.to_owned(),
            kind,
            found: found.to_owned(),
            supported: supported.to_owned(),
        }
    }

    fn model(&self, document: Document) -> Result<XgboostModel, Error> {
        let learner = document.learner;
        let booster = learner.gradient_booster.name.as_str();
        if booster != "gbtree" {
            return Err(self.unsupported("booster", booster, "`gbtree` is"));
        }
        let objective = learner.objective.name;
        let parameters = learner.learner_model_param;
        let columns = self.whole("num_feature", &parameters.num_feature, MOST_COLUMNS)?;
        let classes = self.whole("num_class", &parameters.num_class, MOST_CLASSES)?;
        if !matches!(parameters.num_target.as_str(), "" | "0" | "1") {
            return Err(self.unsupported("number of targets", &parameters.num_target, "one target is"));
        }
        let (link, outputs) = match objective.as_str() {
            "binary:logistic" => (Link::Logistic, 1),
            "count:poisson" => (Link::Exponential, 1),
            "multi:softprob" | "multi:softmax" if classes >= 2 => (Link::Softmax, classes),
            "multi:softprob" | "multi:softmax" => {
                return Err(self.damaged("learner_model_param", format!("`{objective}` with {classes} classes")));
            }
            name if IDENTITY.contains(&name) => (Link::Identity, 1),
            other => {
                let supported = format!(
                    "binary:logistic, count:poisson, multi:softprob, multi:softmax, {} are",
                    IDENTITY.join(", ")
                );
                return Err(self.unsupported("objective", other, &supported));
            }
        };
        if outputs == 1 && classes > 1 {
            return Err(self.damaged("learner_model_param", format!("`{objective}` with {classes} classes")));
        }
        let forest = learner.gradient_booster.model;
        let base = self.base(&parameters.base_score, link, outputs)?;
        let (kept, rounds, rounds_in_file) = self.rounds(&forest, outputs, learner.attributes.get("best_iteration"))?;
        let features = self.features(&learner.feature_names, &learner.feature_types, &forest.cats.enc, columns)?;
        let ensemble =
            TreeEnsemble { columns, outputs, base, link, trees: self.trees(forest, kept, columns, outputs)? };
        let named = learner.attributes.get(CLASSES).and_then(|text| serde_json::from_str::<Vec<String>>(text).ok());
        let classes = match link {
            Link::Identity | Link::Exponential => None,
            Link::Logistic => Some(2),
            Link::Softmax => Some(outputs),
        };
        let classes = classes.map(|count| {
            named
                .filter(|names| names.len() == count)
                .unwrap_or_else(|| (0..count).map(|class| class.to_string()).collect())
        });
        let is_of_two = classes.as_ref().is_some_and(|classes| classes.len() == 2);
        let ensemble = if is_of_two { of_two(ensemble) } else { ensemble };
        Ok(XgboostModel { ensemble, objective, features, classes, rounds, rounds_in_file })
    }

    fn whole(&self, field: &str, text: &str, most: usize) -> Result<usize, Error> {
        let number = text
            .trim()
            .parse::<u64>()
            .map_err(|_| self.damaged("learner_model_param", format!("{field} is {text:?}, no whole number")))?;
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        if number > most {
            return Err(self.damaged("learner_model_param", format!("{field} is {number}; at most {most} are read")));
        }
        Ok(number)
    }

    /// The base score on the scale of the margin: one number for each output.
    fn base(&self, text: &str, link: Link, outputs: usize) -> Result<Vec<f64>, Error> {
        let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
        let scores: Option<Vec<f64>> = inner
            .split(',')
            .map(|part| part.trim().parse::<f32>().ok().map(f64::from).filter(|score| score.is_finite()))
            .collect();
        let scores = scores.filter(|scores| scores.len() == 1 || scores.len() == outputs);
        let scores = scores.ok_or_else(|| {
            self.damaged("base_score", format!("{text:?} is neither a number nor one for each output"))
        })?;
        let margin = |score: f64| match link {
            Link::Logistic if score > 0.0 && score < 1.0 => Ok((score / (1.0 - score)).ln()),
            Link::Logistic => Err(self.damaged("base_score", format!("{score} is no probability between 0 and 1"))),
            Link::Exponential if score > 0.0 => Ok(score.ln()),
            Link::Exponential => Err(self.damaged("base_score", format!("{score} is no mean of counts"))),
            Link::Identity | Link::Softmax => Ok(score),
        };
        let margins: Vec<f64> = scores.into_iter().map(margin).collect::<Result<_, _>>()?;
        Ok(match margins.as_slice() {
            [one] => vec![*one; outputs],
            _ => margins,
        })
    }

    /// How many trees count, and how many rounds of how many those are.
    fn rounds(&self, forest: &Forest, outputs: usize, best: Option<&String>) -> Result<(usize, usize, usize), Error> {
        let trees = forest.trees.len();
        let starts: Vec<usize> = if forest.iteration_indptr.is_empty() {
            // Before xgboost 2.0 every round has as many trees.
            let parallel = match forest.gbtree_model_param.num_parallel_tree.as_str() {
                "" | "0" => 1,
                text => self.whole("num_parallel_tree", text, trees.max(1))?,
            };
            let width = parallel.saturating_mul(outputs);
            if !trees.is_multiple_of(width) {
                return Err(self.damaged("trees", format!("{trees} trees are no whole number of rounds of {width}")));
            }
            (0..=trees / width).map(|round| round * width).collect()
        } else {
            forest.iteration_indptr.clone()
        };
        if starts.first() != Some(&0) || starts.last() != Some(&trees) || !starts.is_sorted() {
            return Err(self.damaged("iteration_indptr", format!("it does not divide {trees} trees")));
        }
        let rounds_in_file = starts.len() - 1;
        let rounds = match best {
            None => rounds_in_file,
            Some(text) => {
                let best = text.trim().parse::<usize>().ok().filter(|best| *best < rounds_in_file);
                1 + best.ok_or_else(|| {
                    self.damaged("best_iteration", format!("{text:?} is none of {rounds_in_file} rounds"))
                })?
            }
        };
        Ok((starts.get(rounds).copied().unwrap_or(trees), rounds, rounds_in_file))
    }

    fn features(
        &self,
        names: &[String],
        types: &[String],
        texts: &[Texts],
        columns: usize,
    ) -> Result<Vec<XgboostFeature>, Error> {
        let fits = |length: usize| length == 0 || length == columns;
        if !fits(names.len()) || !fits(types.len()) {
            let problem = format!("{} names and {} types for {columns} columns", names.len(), types.len());
            return Err(self.damaged("feature_names", problem));
        }
        let named = |column: usize| names.get(column).cloned().unwrap_or_else(|| format!("f{column}"));
        let categories = |column: usize| texts.get(column).and_then(decode);
        Ok((0..columns)
            .map(|column| XgboostFeature {
                name: named(column),
                categorical: types.get(column).is_some_and(|kind| kind == "c"),
                categories: categories(column),
            })
            .collect())
    }

    fn trees(&self, forest: Forest, kept: usize, columns: usize, outputs: usize) -> Result<Vec<TreeView>, Error> {
        if forest.tree_info.len() != forest.trees.len() {
            let problem = format!("{} entries for {} trees", forest.tree_info.len(), forest.trees.len());
            return Err(self.damaged("tree_info", problem));
        }
        let nodes = forest.trees.iter().map(|tree| tree.left_children.len()).sum::<usize>();
        if nodes > self.limits.tree_nodes {
            return Err(too_large(self.name, "nodes in its trees", nodes, self.limits.tree_nodes));
        }
        let numbered = forest.trees.into_iter().zip(forest.tree_info).enumerate().take(kept);
        numbered
            .map(|(number, (tree, output))| {
                if output >= outputs {
                    return Err(self.damaged(format!("tree {number}"), format!("it is of class {output} of {outputs}")));
                }
                if !matches!(tree.tree_param.size_leaf_vector.as_str(), "" | "0" | "1") {
                    return Err(self.unsupported("multi_strategy", "multi_output_tree", "`one_output_per_tree` is"));
                }
                let nodes =
                    self::nodes(&tree, columns).map_err(|problem| self.damaged(format!("tree {number}"), problem))?;
                Ok(TreeView { output: Some(output), nodes })
            })
            .collect()
    }
}

/// The softmax of two scores is the logistic function of their difference: the first class's trees count against the second.
fn of_two(ensemble: TreeEnsemble) -> TreeEnsemble {
    let [first, second] = ensemble.base.as_slice() else { return ensemble };
    let base = vec![second - first];
    let mut trees = ensemble.trees;
    for tree in &mut trees {
        let sign = if tree.output == Some(0) { -1.0 } else { 1.0 };
        tree.output = Some(0);
        for node in &mut tree.nodes {
            if let NodeKind::Leaf { values } = &mut node.kind {
                values.iter_mut().for_each(|value| *value *= sign);
            }
        }
    }
    TreeEnsemble { outputs: 1, base, link: Link::Logistic, trees, ..ensemble }
}

/// The texts of categories, where they are texts and sound.
fn decode(texts: &Texts) -> Option<Vec<String>> {
    if texts.offsets.len() < 2 {
        return None;
    }
    let bytes: Vec<u8> = texts.values.iter().map(|byte| *byte as i64 as u8).collect();
    let parts = texts.offsets.windows(2).map(|pair| match pair {
        [start, end] => bytes.get(*start..*end).and_then(|part| String::from_utf8(part.to_vec()).ok()),
        _ => None,
    });
    parts.collect()
}

/// The nodes from the root down, each parent before its children; or what is wrong with them.
fn nodes(tree: &Tree, columns: usize) -> Result<Vec<NodeView>, String> {
    let count = tree.left_children.len();
    let lengths = [
        ("right_children", tree.right_children.len()),
        ("split_conditions", tree.split_conditions.len()),
        ("split_indices", tree.split_indices.len()),
        ("default_left", tree.default_left.len()),
    ];
    if let Some((field, length)) = lengths.into_iter().find(|(_, length)| *length != count) {
        return Err(format!("{field} has {length} entries for {count} nodes"));
    }
    let optional = [
        ("split_type", tree.split_type.len()),
        ("sum_hessian", tree.sum_hessian.len()),
        ("loss_changes", tree.loss_changes.len()),
    ];
    if let Some((field, length)) = optional.into_iter().find(|(_, length)| *length != 0 && *length != count) {
        return Err(format!("{field} has {length} entries for {count} nodes"));
    }
    if count == 0 {
        return Err("it has no nodes".to_owned());
    }
    let categories = categories(tree)?;
    let mut made: Vec<NodeView> = Vec::with_capacity(count);
    let mut seen = vec![false; count];
    // Nodes still to be made, each with the parent's position and whether it is its left child.
    let mut waiting: Vec<(usize, Option<(usize, bool)>)> = vec![(0, None)];
    while let Some((node, parent)) = waiting.pop() {
        let position = made.len();
        match seen.get_mut(node) {
            Some(seen) if !*seen => *seen = true,
            Some(_) => return Err(format!("two ways lead to node {node}")),
            None => return Err(format!("a way leads to node {node} of {count}")),
        }
        if let Some((parent, is_left)) = parent
            && let Some(NodeKind::Question { left, right, .. }) = made.get_mut(parent).map(|node| &mut node.kind)
        {
            *(if is_left { left } else { right }) = position;
        }
        let child = |children: &[i64]| children.get(node).copied().unwrap_or(-1);
        let condition = tree.split_conditions.get(node).copied().unwrap_or(f32::NAN);
        if !condition.is_finite() {
            return Err(format!("node {node} has {condition} for a condition"));
        }
        let kind = match (child(&tree.left_children), child(&tree.right_children)) {
            (-1, -1) => NodeKind::Leaf { values: vec![f64::from(condition)] },
            (left, right) => {
                let forward =
                    |child: i64| usize::try_from(child).map_err(|_| format!("node {node} leads to node {child}"));
                waiting.push((forward(right)?, Some((position, false))));
                waiting.push((forward(left)?, Some((position, true))));
                let column = tree.split_indices.get(node).and_then(|column| usize::try_from(*column).ok());
                let column = column.filter(|column| *column < columns);
                let column = column.ok_or_else(|| format!("node {node} asks about a column that is not there"))?;
                let is_categorical = tree.split_type.get(node).is_some_and(|flag| flag.0);
                let test = match categories.get(&node) {
                    Some(members) if is_categorical => Test::NoneOf(members.clone()),
                    None if is_categorical => return Err(format!("node {node} has no categories")),
                    _ => Test::Below(condition),
                };
                let missing_left = tree.default_left.get(node).is_some_and(|flag| flag.0);
                let gain = tree.loss_changes.get(node).copied().filter(|gain| gain.is_finite()).unwrap_or_default();
                NodeKind::Question { column, test, missing_left, left: 0, right: 0, gain: f64::from(gain) }
            }
        };
        let cover = tree.sum_hessian.get(node).copied().filter(|cover| cover.is_finite()).unwrap_or_default();
        made.push(NodeView { cover: f64::from(cover), kind });
    }
    Ok(made)
}

/// For each node with a categorical split its categories, sorted.
fn categories(tree: &Tree) -> Result<HashMap<usize, Vec<u32>>, String> {
    let splits = tree.categories_nodes.len();
    if tree.categories_segments.len() != splits || tree.categories_sizes.len() != splits {
        return Err("the lists of categorical splits differ in length".to_owned());
    }
    let mut found = HashMap::with_capacity(splits);
    let mut listed = 0_usize;
    for ((node, start), size) in tree.categories_nodes.iter().zip(&tree.categories_segments).zip(&tree.categories_sizes)
    {
        let members = start.checked_add(*size).and_then(|end| tree.categories.get(*start..end));
        let members = members.ok_or_else(|| format!("node {node} has categories that are not there"))?;
        // Segments that overlap would make much of little.
        listed = listed.saturating_add(members.len());
        if listed > tree.categories.len() {
            return Err("categorical splits share their categories".to_owned());
        }
        let mut members = members
            .iter()
            .map(|category| u32::try_from(*category).ok().filter(|category| *category < MOST_CATEGORIES))
            .collect::<Option<Vec<u32>>>()
            .ok_or_else(|| format!("node {node} has a category out of range"))?;
        members.sort_unstable();
        members.dedup();
        if found.insert(*node, members).is_some() {
            return Err(format!("node {node} has two lists of categories"));
        }
    }
    Ok(found)
}
