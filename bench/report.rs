//! What is printed and what is kept.

use serde_json::{Value, json};

use crate::scenario::{Sample, micros};

/// A line of the table: one thing, measured on both sides in turns, or on `nod` alone.
pub(crate) struct Figure {
    pub name: String,
    pub bare: Vec<Sample>,
    pub nod: Vec<Sample>,
    /// `nod` to bare, at most.
    pub target: Option<f64>,
}

/// Middle, least and most.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let median = match values.len() {
            0 => return None,
            n if n % 2 == 1 => *values.get(n / 2)?,
            n => f64::midpoint(*values.get(n / 2 - 1)?, *values.get(n / 2)?),
        };
        Some(Self { median, least: *values.first()?, most: *values.last()? })
    }

    fn json(self) -> Value {
        json!({ "median": rounded(self.median), "least": rounded(self.least), "most": rounded(self.most) })
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

impl Figure {
    pub(crate) fn new(name: &str, target: Option<f64>) -> Self {
        Self { name: name.to_owned(), bare: Vec::new(), nod: Vec::new(), target }
    }

    pub(crate) fn cost(samples: &[Sample]) -> Option<Spread> {
        Spread::of(samples.iter().map(Sample::cost))
    }

    /// Each run of `nod` to the run of the bare server before it.
    pub(crate) fn ratio(&self) -> Option<Spread> {
        Spread::of(self.bare.iter().zip(&self.nod).map(|(bare, nod)| nod.cost() / bare.cost()))
    }

    pub(crate) fn print(&self) {
        let cost = |samples| match Self::cost(samples) {
            Some(spread) => format!("{:.1} ({:.1}-{:.1})", spread.median, spread.least, spread.most),
            None => "-".to_owned(),
        };
        let ratio = match self.ratio() {
            Some(spread) => format!("{:.2} ({:.2}-{:.2})", spread.median, spread.least, spread.most),
            None => "-".to_owned(),
        };
        let target = match (self.target, self.ratio()) {
            (Some(target), Some(ratio)) if ratio.median <= target => format!("<= {target} reached"),
            (Some(target), Some(_)) => format!("<= {target} MISSED"),
            (Some(_) | None, _) => String::new(),
        };
        println!("{:<44} {:>22} {:>22} {:>18}  {target}", self.name, cost(&self.bare), cost(&self.nod), ratio);
    }

    pub(crate) fn print_latencies(&self) {
        for (side, samples) in [("bare", &self.bare), ("nod", &self.nod)] {
            let Some(total) = sum(samples) else { continue };
            let steps: Vec<String> = total
                .tally
                .0
                .iter()
                .map(|(step, times)| {
                    let at = |quantile| times.value_at_quantile(quantile);
                    format!("{step} {}/{}/{}", at(0.5), at(0.95), at(0.99))
                })
                .collect();
            let rate = 1e6 / micros(total.wall, total.operations);
            println!("{:<44} {side:<5} {rate:>7.0}/s  {}", self.name, steps.join("  "));
        }
    }

    pub(crate) fn json(&self) -> Value {
        let side = |samples: &[Sample]| -> Value {
            let Some(total) = sum(samples) else { return Value::Null };
            let latencies: serde_json::Map<String, Value> = total
                .tally
                .0
                .iter()
                .map(|(step, times)| {
                    let at = |quantile| times.value_at_quantile(quantile);
                    let times = json!({
                        "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "p999": at(0.999), "max": times.max(),
                    });
                    ((*step).to_owned(), times)
                })
                .collect();
            json!({
                "cpu_us_per_operation": Self::cost(samples).map(Spread::json),
                "cpu_us_per_operation_by_round": samples.iter().map(|s| rounded(s.cost())).collect::<Vec<_>>(),
                "user_us_per_operation": rounded(micros(total.cpu.user, total.operations)),
                "system_us_per_operation": rounded(micros(total.cpu.system, total.operations)),
                "redis_cpu_us_per_operation": rounded(micros(total.redis, total.operations)),
                "operations": total.operations,
                "rounds": samples.len(),
                "operations_per_second": rounded(1e6 / micros(total.wall, total.operations)),
                "latency_us": latencies,
            })
        };
        json!({
            "name": self.name,
            "bare": side(&self.bare),
            "nod": side(&self.nod),
            "ratio": self.ratio().map(Spread::json),
            "target": self.target,
        })
    }
}

fn sum(samples: &[Sample]) -> Option<Sample> {
    let mut total: Option<Sample> = None;
    for sample in samples {
        let total = total.get_or_insert_default();
        total.operations += sample.operations;
        total.cpu.user += sample.cpu.user;
        total.cpu.system += sample.cpu.system;
        total.redis += sample.redis;
        total.wall += sample.wall;
        total.tally.add(&sample.tally);
    }
    total
}

pub(crate) fn print_head(connections: usize) {
    println!();
    println!("Processor time of the server per operation, in microseconds: median of the rounds (least-most)");
    println!("{:<44} {:>22} {:>22} {:>18}", format!("{connections} connections"), "bare", "nod", "nod / bare");
}
