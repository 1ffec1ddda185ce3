//! One figure as it is reported.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Plan;
use super::memory::Peak;
use super::statistics::Samples;

/// What measuring a figure gave.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The figure's runs.
    pub values: Samples,
    /// The runs of what it is held against.
    pub limits: Samples,
    /// How much memory each process took at its highest.
    pub memory: Vec<Peak>,
    /// What was counted besides, over all runs, by what it is called.
    pub counts: BTreeMap<&'static str, u64>,
    /// The versions of the servers that took part.
    pub versions: BTreeMap<&'static str, String>,
}

/// A figure. In `bench.jsonl`, each is one line.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What it is called.
    pub name: &'static str,
    /// The median of its runs.
    pub value: f64,
    /// What it counts.
    pub unit: &'static str,
    /// The median of the runs of what it is held against, in the same unit.
    pub limit: f64,
    /// What it is held against.
    pub limit_name: &'static str,
    /// `value` over `limit`.
    pub ratio: f64,
    /// How many runs there were of each.
    pub runs: usize,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The smallest limit.
    pub limit_min: f64,
    /// The largest limit.
    pub limit_max: f64,
    /// Whether the runs were too small to be quoted.
    pub quick: bool,
    /// How much memory each process took at its highest while this was measured.
    pub memory: Vec<Peak>,
    /// What was counted besides, over all runs.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Figure {
    /// The figure of this plan.
    #[must_use]
    pub fn new(plan: &Plan, quick: bool, measured: Measured) -> Self {
        let Measured { values, limits, memory, counts, versions: _ } = measured;
        Self {
            name: plan.name,
            value: values.median(),
            unit: plan.unit,
            limit: limits.median(),
            limit_name: plan.limit_name,
            ratio: values.median() / limits.median(),
            runs: values.count(),
            min: values.min(),
            max: values.max(),
            limit_min: limits.min(),
            limit_max: limits.max(),
            quick,
            memory,
            counts,
        }
    }
}
