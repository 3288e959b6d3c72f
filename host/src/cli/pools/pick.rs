//! `pick`: one variant of a combination, byte for byte. Where there is none, the plan's generator makes one, if a plan was named: what
//! the store says is never run.

use std::process::ExitCode;

use clap::Args;
use larder::Cache;
use larder::generate::Stop;
use larder::pools::{PickError, Picked, Pool};
use serde_json::json;

use super::super::signals;
use super::plan_file::PlanFile;
use super::{Failure, Values, document, existing, moment};
use crate::cli::output::{Output, put_bytes};
use crate::cli::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct PickArgs {
    /// The pool
    pool: String,
    #[command(flatten)]
    values: Values,
}

pub(crate) fn pick(cache: &Cache, settings: &Settings, args: &PickArgs, out: &Output) -> Result<ExitCode, Failure> {
    let plan = settings.plan().map(|path| PlanFile::read(&path)).transpose()?;
    let plan = plan.filter(|plan| plan.names().contains(&args.pool.as_str()));
    let pool = match (&plan, cache.pool(&args.pool)?) {
        (_, Some(pool)) => pool,
        (Some(plan), None) => cache.define_pool(&args.pool, &plan.plan(&args.pool)?)?,
        (None, None) => existing(cache, &args.pool)?,
    };
    let combination = pool.combination(args.values.values.iter().map(|(name, value)| (name, value)))?;
    let live = plan.as_ref().filter(|plan| plan.is_live(&args.pool));
    let generator = match live {
        Some(plan) => plan.generator(&args.pool)?.map(|generator| (plan, generator)),
        None => None,
    };
    let picked = match generator {
        None => pool.pick(&combination)?,
        Some((plan, generator)) => match pool.pick(&combination)? {
            Some(picked) => Some(picked),
            None => {
                let stop = Stop::new().map_err(Failure::io("make a pipe"))?;
                signals::listen(&stop)?;
                let options = plan.accumulate(&args.pool)?.stop(&stop);
                Some(pool.pick_or_generate_with(&combination, &*generator, &options).map_err(refused)?)
            }
        },
    };
    let Some(picked) = picked else {
        if out.is_json() {
            out.show(&json!({"pool": args.pool, "found": false}), String::new)?;
        }
        return Ok(ExitCode::from(1));
    };
    if picked.is_new {
        eprintln!("larder: {} had no variant of {combination}; this one was made just now", pool.name());
    }
    show(&pool, combination.values(), &picked, out)?;
    Ok(ExitCode::SUCCESS)
}

fn refused(e: PickError) -> Failure {
    match e {
        PickError::Cache(e) => Failure::Larder(e),
        e => Failure::Refused(e.to_string()),
    }
}

fn show(
    pool: &Pool,
    values: &[(String, larder::generate::Value)],
    picked: &Picked,
    out: &Output,
) -> Result<(), Failure> {
    if !out.is_json() {
        return out.raw(&picked.value);
    }
    let mut shown = document(values);
    shown.insert("pool".into(), json!(pool.name()));
    shown.insert("found".into(), json!(true));
    shown.insert("generation_id".into(), json!(picked.generation));
    shown.insert("entry_id".into(), json!(picked.entry));
    shown.insert("cached_at".into(), json!(moment(picked.cached_at)));
    shown.insert("variants".into(), json!(picked.variants));
    shown.insert("live".into(), json!(picked.is_new));
    shown.insert("content_type".into(), json!(picked.content_type));
    put_bytes(&mut shown, "value", &picked.value);
    out.show(&shown, String::new)
}
