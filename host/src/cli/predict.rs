//! `predict`: what is asked for after a key.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use larder::Cache;
use larder::prefetch::{Prediction, Predictor, Wanted};
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::output::{Output, put_bytes};
use super::units::show_size;

const NOTHING: u8 = 1;

/// Bytes of a line that is learnt from: more is no key.
const LONGEST_LINE: usize = 65_535;

#[derive(Debug, Args)]
pub(super) struct PredictArgs {
    /// The key that was asked for last; before it the one before, if that is known
    #[arg(value_name = "KEY", num_args = 0..=2, required_unless_present_any = ["learn_from", "figures", "forget"])]
    keys: Vec<String>,
    /// Predictions at most
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: u32,
    /// Those that are at least so likely
    #[arg(long, value_name = "P", value_parser = probability, default_value_t = 0.0)]
    min: f64,
    /// Queue them to be fetched, as likely as they are, where they are not in the cache
    #[arg(long)]
    queue: bool,
    /// Learn first from a file of keys in the order in which they were asked for, one a line (- is standard input). An empty line ends a
    /// sequence
    #[arg(long, value_name = "FILE")]
    learn_from: Option<PathBuf>,
    /// Print what was learnt, in numbers
    #[arg(long, conflicts_with_all = ["keys", "queue"])]
    figures: bool,
    /// Forget what was learnt in this namespace
    #[arg(long, conflicts_with_all = ["keys", "queue", "learn_from", "figures"])]
    forget: bool,
}

fn probability(given: &str) -> Result<f64, String> {
    super::prefetch::priority(given)
}

pub(super) fn predict(cache: &Cache, args: &PredictArgs, out: &Output) -> Result<ExitCode, Failure> {
    let predictor = cache.predictor()?;
    if args.forget {
        predictor.unlearn()?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(file) = &args.learn_from {
        let learnt = learn_from(&predictor, file)?;
        predictor.save()?;
        tracing::info!("learnt from {learnt} requests");
    }
    if args.figures || args.keys.is_empty() {
        return figures(&predictor, out);
    }
    let mut predictions = predictor.predict(&args.keys, args.limit)?;
    predictions.retain(|prediction| prediction.probability >= args.min);
    if args.queue {
        queue(cache, &predictions)?;
    }
    out.show(&predictions.iter().map(document).collect::<Vec<_>>(), || {
        let line = |p: &Prediction| format!("{:5.1} %  {}\n", p.probability * 100.0, String::from_utf8_lossy(&p.key));
        predictions.iter().map(line).collect()
    })?;
    Ok(ExitCode::from(if predictions.is_empty() { NOTHING } else { 0 }))
}

fn document(prediction: &Prediction) -> Map<String, Value> {
    let mut document = Map::new();
    put_bytes(&mut document, "key", &prediction.key);
    document.insert("probability".into(), json!(prediction.probability));
    document
}

/// Learns from a file, as of one session that nobody else has.
fn learn_from(predictor: &Predictor, file: &Path) -> Result<u64, Failure> {
    let lines: Box<dyn BufRead> = match file.as_os_str() == "-" {
        true => Box::new(stdin().lock()),
        false => Box::new(BufReader::new(File::open(file).map_err(Failure::io(format!("open {}", file.display())))?)),
    };
    let began = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    let (mut learnt, mut session) = (0, began);
    for line in lines.split(b'\n') {
        let line = line.map_err(Failure::io(format!("read {}", file.display())))?;
        let key = line.strip_suffix(b"\r").unwrap_or(&line);
        if key.is_empty() {
            session += 1;
        } else if key.len() > LONGEST_LINE {
            return Err(Failure::Usage(format!("line {} is longer than a key can be", learnt + 1)));
        } else {
            predictor.observe(session, key)?;
            learnt += 1;
        }
    }
    Ok(learnt)
}

fn figures(predictor: &Predictor, out: &Output) -> Result<ExitCode, Failure> {
    let learnt = predictor.learnt()?;
    out.show(&learnt, || {
        let share = |part: u64, of: u64| if of == 0 { 0.0 } else { part as f64 / of as f64 * 100.0 };
        format!(
            "keys          {}\nmemory        {}\nobserved      {}\nguessed       {} ({:.1} %)\nforeseen      {} ({:.1} % of the guesses)\n",
            learnt.keys,
            show_size(learnt.bytes),
            learnt.observed,
            learnt.guessed,
            share(learnt.guessed, learnt.observed),
            learnt.foreseen,
            share(learnt.foreseen, learnt.guessed),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn queue(cache: &Cache, predictions: &[Prediction]) -> Result<(), Failure> {
    let mut wanted = Vec::new();
    for Prediction { key, probability } in predictions {
        if !cache.contains(key)? {
            wanted.push(Wanted::new(key.clone()).priority(*probability));
        }
    }
    let queued = cache.prefetches()?.push_all(wanted)?;
    tracing::info!("queued {} to be fetched, {} were queued already", queued.added, queued.merged);
    Ok(())
}
