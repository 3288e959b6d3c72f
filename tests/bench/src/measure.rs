//! Interleaved rounds: each round runs every contestant once, in rotating order, so that whatever else the machine does
//! meets all of them. The figure of a contestant is its median; ratios are medians of each round's ratio, because two
//! runs of one round saw the same machine.

use std::time::Instant;

use anyhow::Result;

/// What contestants did: one series of rounds for each contestant and column.
pub struct Figures {
    series: Vec<Vec<Vec<f64>>>,
}

/// Runs `count` rounds. `run` answers one number for each column; `NAN` stands for "could not".
pub fn rounds<C>(
    contestants: &mut [C],
    count: usize,
    mut run: impl FnMut(&mut C, usize) -> Result<Vec<f64>>,
) -> Result<Figures> {
    let mut series: Vec<Vec<Vec<f64>>> = contestants.iter().map(|_| Vec::new()).collect();
    for round in 0..count {
        for turn in 0..contestants.len() {
            let at = (turn + round) % contestants.len();
            let columns = run(&mut contestants[at], round)?;
            series[at].resize(columns.len(), Vec::new());
            for (column, figure) in series[at].iter_mut().zip(columns) {
                column.push(figure);
            }
        }
    }
    Ok(Figures { series })
}

impl Figures {
    /// The median of a contestant in a column.
    pub fn median(&self, contestant: usize, column: usize) -> f64 {
        median(self.rounds(contestant, column))
    }

    /// How many times as long as `base` a contestant took.
    pub fn ratio(&self, contestant: usize, base: usize, column: usize) -> f64 {
        let pairs = self.rounds(contestant, column).iter().zip(self.rounds(base, column));
        median(&pairs.map(|(a, b)| a / b).collect::<Vec<_>>())
    }

    /// The lowest and the highest round.
    pub fn range(&self, contestant: usize, column: usize) -> (f64, f64) {
        let rounds = self.rounds(contestant, column);
        (rounds.iter().copied().fold(f64::NAN, f64::min), rounds.iter().copied().fold(f64::NAN, f64::max))
    }

    fn rounds(&self, contestant: usize, column: usize) -> &[f64] {
        self.series[contestant].get(column).map_or(&[], Vec::as_slice)
    }
}

/// The middle of some numbers; `NAN` of none.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Nanoseconds that `work` takes, divided by `operations`.
pub fn nanoseconds_each(operations: usize, work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_nanos() as f64 / operations as f64
}
