//! What the metrics say. They are of the process: other tests count beside the one that looks.

use nod::metrics::{Backlogs, metrics};

/// The number of a series, with its labels as they are written.
#[track_caller]
pub(crate) fn counted(series: &str) -> u64 {
    let text = metrics().text(&Backlogs::default());
    let number = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    number.expect("the series is there from the beginning").parse().unwrap()
}

/// How often somebody ran into a limit. Whoever watches a server sees no more of it than this.
#[track_caller]
pub(crate) fn limited(limit: &str) -> u64 {
    counted(&format!("nod_limits_hit_total{{limit=\"{limit}\"}}"))
}
