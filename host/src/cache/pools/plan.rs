//! What a pool varies, and how it grows.

use std::time::Duration;

use super::super::options::millis;
use super::wit;
use crate::generate::Value;

/// A dimension: a name of 1 to 64 letters, digits, `-` and `_`, and its values, each once, of 1 to 256 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<Value>,
}

/// What a pool varies, and how it grows. Limits are checked when a pool is defined.
///
/// ```
/// use larder::pools::Plan;
/// use std::time::Duration;
///
/// let plan = Plan::new()
///     .dimension("language", ["rust", "python"])
///     .dimension("difficulty", ["easy", "medium", "hard"])
///     .dimension("lines", [10, 15, 20])
///     .cap(12)
///     .interval(Duration::from_secs(3 * 3600));
/// assert_eq!(plan.dimensions.len(), 3);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// 1 to 16 dimensions, of 64 KiB and 1,000,000 combinations together at most.
    pub dimensions: Vec<Dimension>,
    /// New variants of each combination in a round, 1 to 1,000. Default 3.
    pub per_generation: u32,
    /// Variants that a combination may have, from `per_generation` to 10,000. Default 12.
    pub cap: u32,
    /// From the beginning of a round to that of the next, at least a second. Default 3 hours.
    pub interval: Duration,
    /// After how long what failed is tried again, at least a millisecond. Default 30 minutes.
    pub retry: Duration,
    /// Variants that are made at a time, 1 to 1,000. Default 5.
    pub batch: u32,
    /// Whether variants with higher scores are picked more often. Default false.
    pub weighted: bool,
    /// Whether a variant may be picked twice in a row where there are others; each process knows its own picks. Default true.
    pub repeats: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            dimensions: Vec::new(),
            per_generation: 3,
            cap: 12,
            interval: Duration::from_secs(3 * 3600),
            retry: Duration::from_secs(30 * 60),
            batch: 5,
            weighted: false,
            repeats: true,
        }
    }
}

impl Plan {
    /// One without dimensions; it needs one at least.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a dimension.
    pub fn dimension<V: IntoValue>(mut self, name: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        let values = values.into_iter().map(IntoValue::into_value).collect();
        self.dimensions.push(Dimension { name: name.into(), values });
        self
    }

    /// How many new variants each combination gets in a round.
    pub fn per_generation(mut self, variants: u32) -> Self {
        self.per_generation = variants;
        self
    }

    /// How many variants a combination may have.
    pub fn cap(mut self, variants: u32) -> Self {
        self.cap = variants;
        self
    }

    /// How long from the beginning of a round to that of the next.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// After how long what failed is tried again.
    pub fn retry(mut self, retry: Duration) -> Self {
        self.retry = retry;
        self
    }

    /// How many variants are made at a time.
    pub fn batch(mut self, variants: u32) -> Self {
        self.batch = variants;
        self
    }

    /// Picks variants with higher scores more often.
    pub fn weighted(mut self, yes: bool) -> Self {
        self.weighted = yes;
        self
    }

    /// Whether a variant may be picked twice in a row where there are others.
    pub fn repeats(mut self, yes: bool) -> Self {
        self.repeats = yes;
        self
    }

    pub(super) fn to_wit(&self) -> (Vec<wit::Dimension>, Vec<wit::PlanOption>) {
        let value = |value: &Value| wit::Value { text: value.as_str().to_owned(), literal: value.is_literal() };
        let dimension = |Dimension { name, values }: &Dimension| wit::Dimension {
            name: name.clone(),
            values: values.iter().map(value).collect(),
        };
        let options = vec![
            wit::PlanOption::PerGeneration(self.per_generation),
            wit::PlanOption::Cap(self.cap),
            wit::PlanOption::Interval(millis(self.interval)),
            wit::PlanOption::Retry(millis(self.retry)),
            wit::PlanOption::Batch(self.batch),
            wit::PlanOption::Weighted(self.weighted),
            wit::PlanOption::Repeats(self.repeats),
        ];
        (self.dimensions.iter().map(dimension).collect(), options)
    }

    pub(super) fn from_wit(plan: wit::Plan) -> Self {
        let dimension =
            |wit::Dimension { name, values }| Dimension { name, values: values.into_iter().map(value).collect() };
        Self {
            dimensions: plan.dimensions.into_iter().map(dimension).collect(),
            per_generation: plan.per_generation,
            cap: plan.cap,
            interval: Duration::from_millis(plan.interval),
            retry: Duration::from_millis(plan.retry),
            batch: plan.batch,
            weighted: plan.weighted,
            repeats: plan.repeats,
        }
    }
}

pub(super) fn value(value: wit::Value) -> Value {
    match value.literal {
        true => Value::literal(value.text.clone()).unwrap_or_else(|| value.text.into()),
        false => value.text.into(),
    }
}

/// What can be a value of a dimension.
pub trait IntoValue {
    /// The value.
    fn into_value(self) -> Value;
}

impl IntoValue for Value {
    fn into_value(self) -> Value {
        self
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        self.into()
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value {
        self.into()
    }
}

impl IntoValue for i32 {
    fn into_value(self) -> Value {
        i64::from(self).into()
    }
}

impl IntoValue for i64 {
    fn into_value(self) -> Value {
        self.into()
    }
}
