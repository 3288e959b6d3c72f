//! `invalidate`: entries that have something in common.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use larder::{Cache, Rule};
use serde_json::json;

use super::failure::Failure;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct InvalidateArgs {
    #[command(flatten)]
    rule: RuleArgs,
    /// With several tags: only entries that have all of them
    #[arg(long, requires = "tag", conflicts_with_all = ["prefix", "glob", "operation", "file"])]
    all_tags: bool,
    /// In all namespaces
    #[arg(long)]
    everywhere: bool,
    /// Look at every entry first and say how many it concerns
    #[arg(long)]
    count: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct RuleArgs {
    /// Entries with this tag; given more than once, with any of them
    #[arg(long, value_name = "T")]
    tag: Vec<String>,
    /// Entries whose key begins so
    #[arg(long, value_name = "P")]
    prefix: Option<String>,
    /// Entries whose key matches: * any text, ? one byte, [a-z] one of a set
    #[arg(long, value_name = "G")]
    glob: Option<String>,
    /// Entries whose key was made for this operation, as larder key text makes them
    #[arg(long, value_name = "OP")]
    operation: Option<String>,
    /// Entries that depend on this file, in all namespaces
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
}

impl InvalidateArgs {
    fn rule(&self) -> Rule {
        let RuleArgs { tag, prefix, glob, operation, file } = &self.rule;
        let one = None
            .or_else(|| prefix.clone().map(|prefix| Rule::Prefix(prefix.into_bytes())))
            .or_else(|| glob.clone().map(|glob| Rule::Glob(glob.into_bytes())))
            .or_else(|| operation.clone().map(Rule::Operation))
            .or_else(|| file.clone().map(Rule::File));
        one.unwrap_or_else(|| match tag.as_slice() {
            [tag] => Rule::Tag(tag.clone()),
            tags if self.all_tags => Rule::AllTags(tags.to_vec()),
            tags => Rule::AnyTag(tags.to_vec()),
        })
    }
}

pub(super) fn invalidate(cache: &Cache, args: &InvalidateArgs, out: &Output) -> Result<ExitCode, Failure> {
    let rule = args.rule();
    let concerned = match (args.count, args.everywhere) {
        (false, _) => None,
        (true, false) => Some(cache.count_matching(&rule)?),
        (true, true) => Some(cache.count_matching_everywhere(&rule)?),
    };
    let done = if args.everywhere { cache.invalidate_everywhere(&rule)? } else { cache.invalidate(&rule)? };
    out.show(&json!({"count": concerned, "in_memory": done.in_memory}), || match concerned {
        Some(1) => "1 entry is invalid from now on\n".into(),
        Some(count) => format!("{count} entries are invalid from now on\n"),
        None => "what it concerns is invalid from now on, and goes when it is next asked for\n".into(),
    })?;
    Ok(ExitCode::SUCCESS)
}
