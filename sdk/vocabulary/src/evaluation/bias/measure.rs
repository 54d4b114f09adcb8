//! The measures of Amazon SageMaker Clarify: name, formula, range and reading of each. `docs/bias.md` has its table from here.
//!
//! In formulas `a` and `d` are the rest and the facet; n counts rows, n⁽¹⁾ and n⁽⁰⁾ those with positive and other labels, n̂ the same of
//! predictions; P is the distribution of the labels; TP, FP, FN, TN are the counts of the confusion matrix.

use std::f64::consts::{LN_2, SQRT_2};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a measure can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BiasStage {
    /// Of the data alone.
    PreTraining,
    /// Of predictions.
    PostTraining,
}

/// A measure of bias, by the short name that SageMaker Clarify gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum BiasMeasure {
    /// Class imbalance.
    #[serde(rename = "CI")]
    ClassImbalance,
    /// Difference in proportions of labels.
    #[serde(rename = "DPL")]
    LabelProportions,
    /// Kullback-Leibler divergence.
    #[serde(rename = "KL")]
    KullbackLeibler,
    /// Jensen-Shannon divergence.
    #[serde(rename = "JS")]
    JensenShannon,
    /// Lp-norm, with p = 2.
    #[serde(rename = "LP")]
    LpNorm,
    /// Total variation distance.
    #[serde(rename = "TVD")]
    TotalVariation,
    /// Kolmogorov-Smirnov distance.
    #[serde(rename = "KS")]
    KolmogorovSmirnov,
    /// Conditional demographic disparity in labels.
    #[serde(rename = "CDDL")]
    LabelDisparity,
    /// Difference in positive proportions in predicted labels.
    #[serde(rename = "DPPL")]
    PredictedProportions,
    /// Disparate impact.
    #[serde(rename = "DI")]
    DisparateImpact,
    /// Difference in conditional acceptance.
    #[serde(rename = "DCAcc")]
    ConditionalAcceptance,
    /// Difference in conditional rejection.
    #[serde(rename = "DCR")]
    ConditionalRejection,
    /// Specificity difference.
    #[serde(rename = "SD")]
    Specificity,
    /// Recall difference.
    #[serde(rename = "RD")]
    Recall,
    /// Difference in acceptance rates.
    #[serde(rename = "DAR")]
    AcceptanceRates,
    /// Difference in rejection rates.
    #[serde(rename = "DRR")]
    RejectionRates,
    /// Accuracy difference.
    #[serde(rename = "AD")]
    Accuracy,
    /// Treatment equality.
    #[serde(rename = "TE")]
    TreatmentEquality,
    /// Conditional demographic disparity in predicted labels.
    #[serde(rename = "CDDPL")]
    PredictedDisparity,
    /// Counterfactual flip test.
    #[serde(rename = "FT")]
    FlipTest,
    /// Generalised entropy, with α = 2.
    #[serde(rename = "GE")]
    GeneralisedEntropy,
}

/// What is known of a measure before it is taken.
struct Entry {
    name: &'static str,
    title: &'static str,
    formula: &'static str,
    minimum: Option<f64>,
    maximum: Option<f64>,
    reading: &'static str,
}

impl BiasMeasure {
    /// All of them: first those of the data, then those of predictions.
    pub const ALL: [Self; 21] = [
        Self::ClassImbalance,
        Self::LabelProportions,
        Self::KullbackLeibler,
        Self::JensenShannon,
        Self::LpNorm,
        Self::TotalVariation,
        Self::KolmogorovSmirnov,
        Self::LabelDisparity,
        Self::PredictedProportions,
        Self::DisparateImpact,
        Self::ConditionalAcceptance,
        Self::ConditionalRejection,
        Self::Specificity,
        Self::Recall,
        Self::AcceptanceRates,
        Self::RejectionRates,
        Self::Accuracy,
        Self::TreatmentEquality,
        Self::PredictedDisparity,
        Self::FlipTest,
        Self::GeneralisedEntropy,
    ];

    /// The short name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().name
    }

    /// The name in full.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// The definition; the module says what the letters mean.
    #[must_use]
    pub fn formula(self) -> &'static str {
        self.entry().formula
    }

    /// The lowest value there can be, where there is one.
    #[must_use]
    pub fn minimum(self) -> Option<f64> {
        self.entry().minimum
    }

    /// The highest value there can be, where there is one.
    #[must_use]
    pub fn maximum(self) -> Option<f64> {
        self.entry().maximum
    }

    /// The value that says even: 1 for the ratio DI, 0 for all others.
    #[must_use]
    pub fn even(self) -> f64 {
        if self == Self::DisparateImpact { 1.0 } else { 0.0 }
    }

    /// How a value is read.
    #[must_use]
    pub fn reading(self) -> &'static str {
        self.entry().reading
    }

    /// When it can be taken.
    #[must_use]
    pub fn stage(self) -> BiasStage {
        match self {
            Self::ClassImbalance
            | Self::LabelProportions
            | Self::KullbackLeibler
            | Self::JensenShannon
            | Self::LpNorm
            | Self::TotalVariation
            | Self::KolmogorovSmirnov
            | Self::LabelDisparity => BiasStage::PreTraining,
            _ => BiasStage::PostTraining,
        }
    }

    /// The range in words: `−1 to 1`, `0 or more`, `any number`.
    #[must_use]
    pub fn range(self) -> String {
        let number = |value: f64| match value {
            value if value == LN_2 => "ln 2 (0.693)".to_owned(),
            value if value == SQRT_2 => "√2 (1.414)".to_owned(),
            value if value < 0.0 => format!("−{}", -value),
            value => value.to_string(),
        };
        match (self.minimum(), self.maximum()) {
            (Some(minimum), Some(maximum)) => format!("{} to {}", number(minimum), number(maximum)),
            (Some(minimum), None) => format!("{} or more", number(minimum)),
            (None, Some(maximum)) => format!("{} or less", number(maximum)),
            (None, None) => "any number".to_owned(),
        }
    }

    fn entry(self) -> Entry {
        let entry = |name, title, formula, (minimum, maximum), reading| Entry {
            name,
            title,
            formula,
            minimum,
            maximum,
            reading,
        };
        const DIFFERENCE: (Option<f64>, Option<f64>) = (Some(-1.0), Some(1.0));
        const ANY: (Option<f64>, Option<f64>) = (None, None);
        const FROM_ZERO: (Option<f64>, Option<f64>) = (Some(0.0), None);
        let up_to = |maximum| (Some(0.0), Some(maximum));
        match self {
            Self::ClassImbalance => entry(
                "CI",
                "Class imbalance",
                "(nₐ − n_d) / (nₐ + n_d)",
                DIFFERENCE,
                "0: facet and rest have as many rows; above 0: the facet has fewer; below 0: it has more",
            ),
            Self::LabelProportions => entry(
                "DPL",
                "Difference in proportions of labels",
                "nₐ⁽¹⁾ / nₐ − n_d⁽¹⁾ / n_d",
                DIFFERENCE,
                "0 is even; above 0: the facet has positive labels less often than the rest; below 0: more often",
            ),
            Self::KullbackLeibler => entry(
                "KL",
                "Kullback-Leibler divergence",
                "Σ_y Pₐ(y) ln(Pₐ(y) / P_d(y))",
                FROM_ZERO,
                "0: labels are spread alike; the more, the further facet and rest are apart, in nats; it has no direction",
            ),
            Self::JensenShannon => entry(
                "JS",
                "Jensen-Shannon divergence",
                "½ KL(Pₐ, P) + ½ KL(P_d, P) with P = ½ (Pₐ + P_d)",
                up_to(LN_2),
                "0: labels are spread alike; the more, the further facet and rest are apart, in nats; it has no direction",
            ),
            Self::LpNorm => entry(
                "LP",
                "Lp-norm (p = 2)",
                "(Σ_y |Pₐ(y) − P_d(y)|²)^½",
                up_to(SQRT_2),
                "0: labels are spread alike; the more, the further facet and rest are apart; it has no direction",
            ),
            Self::TotalVariation => entry(
                "TVD",
                "Total variation distance",
                "½ Σ_y |Pₐ(y) − P_d(y)|",
                up_to(1.0),
                "0: labels are spread alike; otherwise the share of labels that would have to change; it has no direction",
            ),
            Self::KolmogorovSmirnov => entry(
                "KS",
                "Kolmogorov-Smirnov distance",
                "max_y |Pₐ(y) − P_d(y)|",
                up_to(1.0),
                "0: labels are spread alike; otherwise the widest gap at one label; it has no direction",
            ),
            Self::LabelDisparity => entry(
                "CDDL",
                "Conditional demographic disparity in labels",
                "Σ_g n_g (n_dg⁽⁰⁾ / n_g⁽⁰⁾ − n_dg⁽¹⁾ / n_g⁽¹⁾) / n over the groups g",
                DIFFERENCE,
                "0 is even; above 0: within the groups the facet has a larger share of the negative labels than of the positive \
                 ones; below 0: a smaller one",
            ),
            Self::PredictedProportions => entry(
                "DPPL",
                "Difference in positive proportions in predicted labels",
                "n̂ₐ⁽¹⁾ / nₐ − n̂_d⁽¹⁾ / n_d",
                DIFFERENCE,
                "0 is even; above 0: the facet is predicted positive less often than the rest; below 0: more often",
            ),
            Self::DisparateImpact => entry(
                "DI",
                "Disparate impact",
                "(n̂_d⁽¹⁾ / n_d) / (n̂ₐ⁽¹⁾ / nₐ)",
                FROM_ZERO,
                "1 is even; below 1: the facet is predicted positive less often than the rest (below 0.8 breaks the four-fifths \
                 rule); above 1: more often",
            ),
            Self::ConditionalAcceptance => entry(
                "DCAcc",
                "Difference in conditional acceptance",
                "nₐ⁽¹⁾ / n̂ₐ⁽¹⁾ − n_d⁽¹⁾ / n̂_d⁽¹⁾",
                ANY,
                "0 is even; below 0: the facet gets fewer positive predictions for its positive labels than the rest; above 0: \
                 more",
            ),
            Self::ConditionalRejection => entry(
                "DCR",
                "Difference in conditional rejection",
                "n_d⁽⁰⁾ / n̂_d⁽⁰⁾ − nₐ⁽⁰⁾ / n̂ₐ⁽⁰⁾",
                ANY,
                "0 is even; below 0: the facet gets more negative predictions for its negative labels than the rest; above 0: \
                 fewer",
            ),
            Self::Specificity => entry(
                "SD",
                "Specificity difference",
                "TN_d / (TN_d + FP_d) − TNₐ / (TNₐ + FPₐ)",
                DIFFERENCE,
                "0 is even; above 0: of the rows with negative labels, fewer of the facet's are predicted positive than of the \
                 rest's; below 0: more",
            ),
            Self::Recall => entry(
                "RD",
                "Recall difference",
                "TPₐ / (TPₐ + FNₐ) − TP_d / (TP_d + FN_d)",
                DIFFERENCE,
                "0 is even; above 0: of the rows with positive labels, fewer of the facet's are found than of the rest's; below \
                 0: more",
            ),
            Self::AcceptanceRates => entry(
                "DAR",
                "Difference in acceptance rates",
                "TPₐ / n̂ₐ⁽¹⁾ − TP_d / n̂_d⁽¹⁾",
                DIFFERENCE,
                "0 is even; above 0: positive predictions are right less often for the facet than for the rest; below 0: more \
                 often",
            ),
            Self::RejectionRates => entry(
                "DRR",
                "Difference in rejection rates",
                "TN_d / n̂_d⁽⁰⁾ − TNₐ / n̂ₐ⁽⁰⁾",
                DIFFERENCE,
                "0 is even; above 0: negative predictions are right more often for the facet than for the rest; below 0: less \
                 often",
            ),
            Self::Accuracy => entry(
                "AD",
                "Accuracy difference",
                "(TPₐ + TNₐ) / nₐ − (TP_d + TN_d) / n_d",
                DIFFERENCE,
                "0 is even; above 0: predictions are right less often for the facet than for the rest; below 0: more often",
            ),
            Self::TreatmentEquality => entry(
                "TE",
                "Treatment equality",
                "FN_d / FP_d − FNₐ / FPₐ",
                ANY,
                "0 is even; above 0: errors about the facet are more often missed positives, beside false ones, than errors about \
                 the rest; below 0: less often",
            ),
            Self::PredictedDisparity => entry(
                "CDDPL",
                "Conditional demographic disparity in predicted labels",
                "Σ_g n_g (n̂_dg⁽⁰⁾ / n̂_g⁽⁰⁾ − n̂_dg⁽¹⁾ / n̂_g⁽¹⁾) / n over the groups g",
                DIFFERENCE,
                "0 is even; above 0: within the groups the facet has a larger share of the negative predictions than of the \
                 positive ones; below 0: a smaller one",
            ),
            Self::FlipTest => entry(
                "FT",
                "Counterfactual flip test",
                "(F⁺ − F⁻) / n_d; F⁺: rows of the facet predicted negative whose nearest rows of the rest are predicted positive; \
                 F⁻: the reverse",
                DIFFERENCE,
                "0 is even; above 0: more rows of the facet would be predicted positive if they were treated like their nearest \
                 neighbours in the rest than would be predicted negative; below 0: fewer",
            ),
            Self::GeneralisedEntropy => entry(
                "GE",
                "Generalised entropy (α = 2)",
                "Σᵢ ((bᵢ / b̄)² − 1) / (2 n) with the benefit bᵢ = ŷᵢ − yᵢ + 1, over all rows",
                FROM_ZERO,
                "0: every row has the same benefit from its prediction; the more, the more unequal (a missed positive has \
                 benefit 0, a right prediction 1, a false positive 2); it is about all rows, whatever their facet",
            ),
        }
    }
}
