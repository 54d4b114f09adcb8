//! Whether a [`TreeEnsemble`] is what it says it is: the writers walk it, and nobody promises that it came from a grower.

use kumiko_learn::trees::{Link, NodeKind, Test, TreeEnsemble};

use crate::Error;

/// Refuses an ensemble whose parts do not fit each other: bases, leaves and outputs of the wrong number, children that are not
/// there or do not come after their parent, columns that are not there, numbers that are none.
pub(crate) fn check(ensemble: &TreeEnsemble, format: &'static str) -> Result<(), Error> {
    find_fault(ensemble)
        .map_or(Ok(()), |problem| Err(Error::NotExpressible { what: "the ensemble".to_owned(), format, problem }))
}

fn find_fault(ensemble: &TreeEnsemble) -> Option<String> {
    let outputs = ensemble.outputs;
    if outputs == 0 || ensemble.base.len() != outputs {
        return Some(format!("it has {outputs} outputs and {} bases", ensemble.base.len()));
    }
    if matches!(ensemble.link, Link::Logistic | Link::Exponential) && outputs != 1 {
        return Some(format!("log odds of two classes, and counts, are one output, not {outputs}"));
    }
    if ensemble.base.iter().any(|base| !base.is_finite()) {
        return Some("a base is no finite number".to_owned());
    }
    ensemble.trees.iter().enumerate().find_map(|(number, tree)| {
        let width = if tree.output.is_some() { 1 } else { outputs };
        let problem = if tree.output.is_some_and(|output| output >= outputs) {
            Some("it adds to an output that is not there".to_owned())
        } else if tree.nodes.is_empty() {
            Some("it has no nodes".to_owned())
        } else {
            (tree.nodes.iter().enumerate()).find_map(|(position, node)| {
                let fits = match &node.kind {
                    NodeKind::Leaf { values } => values.len() == width && values.iter().all(|value| value.is_finite()),
                    NodeKind::Question { column, test, left, right, .. } => {
                        let forward = |child: usize| child > position && child < tree.nodes.len();
                        let sound = match test {
                            Test::Below(threshold) => !threshold.is_nan(),
                            Test::NoneOf(_) => true,
                        };
                        *column < ensemble.columns && sound && left != right && forward(*left) && forward(*right)
                    }
                };
                (!fits).then(|| format!("its node {position} does not fit"))
            })
        };
        problem.map(|problem| format!("tree {number}: {problem}"))
    })
}
