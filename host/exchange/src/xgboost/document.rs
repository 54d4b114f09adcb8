//! The JSON document, as far as it is read or written. Other fields are passed over.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A model's file.
#[derive(Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) learner: Learner,
    #[serde(default)]
    pub(super) version: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Learner {
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) feature_names: Vec<String>,
    #[serde(default)]
    pub(super) feature_types: Vec<String>,
    pub(super) gradient_booster: GradientBooster,
    pub(super) learner_model_param: LearnerParameters,
    pub(super) objective: Objective,
}

#[derive(Serialize, Deserialize)]
pub(super) struct GradientBooster {
    /// Absent of `dart`, whose trees are one level down.
    #[serde(default)]
    pub(super) model: Forest,
    pub(super) name: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Forest {
    #[serde(skip_serializing_if = "Categories::is_empty")]
    pub(super) cats: Categories,
    pub(super) gbtree_model_param: ForestParameters,
    pub(super) iteration_indptr: Vec<usize>,
    pub(super) tree_info: Vec<usize>,
    pub(super) trees: Vec<Tree>,
}

/// The texts of categories, which xgboost 3.1 and later keep.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Categories {
    pub(super) enc: Vec<Texts>,
}

impl Categories {
    fn is_empty(&self) -> bool {
        self.enc.is_empty()
    }
}

/// The texts of one column's categories: UTF-8 bytes, one text after another. Without offsets they are numbers.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Texts {
    pub(super) offsets: Vec<usize>,
    pub(super) values: Vec<f64>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ForestParameters {
    pub(super) num_parallel_tree: String,
    pub(super) num_trees: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LearnerParameters {
    /// One number, or from xgboost 3.1 on one for each output in brackets.
    pub(super) base_score: String,
    #[serde(default)]
    pub(super) boost_from_average: String,
    pub(super) num_class: String,
    pub(super) num_feature: String,
    #[serde(default)]
    pub(super) num_target: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Objective {
    pub(super) name: String,
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(super) reg_loss_param: Option<BTreeMap<&'static str, String>>,
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(super) poisson_regression_param: Option<BTreeMap<&'static str, String>>,
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(super) softmax_multiclass_param: Option<BTreeMap<&'static str, String>>,
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Tree {
    #[serde(default)]
    pub(super) base_weights: Vec<f32>,
    #[serde(default)]
    pub(super) categories: Vec<i64>,
    #[serde(default)]
    pub(super) categories_nodes: Vec<usize>,
    #[serde(default)]
    pub(super) categories_segments: Vec<usize>,
    #[serde(default)]
    pub(super) categories_sizes: Vec<usize>,
    pub(super) default_left: Vec<Flag>,
    #[serde(default)]
    pub(super) id: usize,
    pub(super) left_children: Vec<i64>,
    #[serde(default)]
    pub(super) loss_changes: Vec<f32>,
    #[serde(default)]
    pub(super) parents: Vec<i64>,
    pub(super) right_children: Vec<i64>,
    pub(super) split_conditions: Vec<f32>,
    pub(super) split_indices: Vec<i64>,
    /// Absent before xgboost 1.3, when there were no categorical splits.
    #[serde(default)]
    pub(super) split_type: Vec<Flag>,
    #[serde(default)]
    pub(super) sum_hessian: Vec<f32>,
    #[serde(default)]
    pub(super) tree_param: TreeParameters,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct TreeParameters {
    pub(super) num_deleted: String,
    pub(super) num_feature: String,
    pub(super) num_nodes: String,
    pub(super) size_leaf_vector: String,
}

/// A yes or no that xgboost writes as 0 or 1, and before version 1.6 as a boolean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(u8::from(self.0))
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Flag;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("0, 1, true or false")
            }

            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Flag, E> {
                Ok(Flag(value))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Flag, E> {
                if value > 1 {
                    return Err(E::invalid_value(serde::de::Unexpected::Unsigned(value), &self));
                }
                Ok(Flag(value == 1))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
