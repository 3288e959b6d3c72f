//! Commands on the whole cache, and on larder itself.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, IsTerminal, Read, Write, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use larder::{COMPONENT, Cache, ErrorKind, WIT};
use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::settings::Settings;

#[derive(Debug, Args)]
pub(super) struct FileArgs {
    /// The snapshot
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// Print completions for a shell instead
    #[arg(long, value_name = "SHELL")]
    pub(super) completions: Option<clap_complete::Shell>,
    /// Print the manual page instead
    #[arg(long)]
    pub(super) man: bool,
}

#[derive(Debug, Args)]
#[group(required = true)]
pub(super) struct ComponentArgs {
    /// Write the component to a file
    #[arg(long, value_name = "F")]
    out: Option<PathBuf>,
    /// Print its interface
    #[arg(long)]
    wit: bool,
}

pub(super) fn cleanup(cache: &Cache, out: &Output) -> Result<ExitCode, Failure> {
    let removed = cache.cleanup()?;
    out.show(&json!({"removed": removed}), || format!("removed {removed} expired entries\n"))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn clear(settings: &Settings, out: &Output) -> Result<ExitCode, Failure> {
    let one_namespace = settings.names_a_namespace();
    let cleared = settings.builder()?.open().and_then(|cache| match one_namespace {
        true => cache.clear(),
        false => cache.clear_all(),
    });
    let removed = match cleared {
        Ok(removed) => Some(removed),
        // What cannot be opened or written to can still be made anew; what is not ours, or newer than us, is refused there.
        Err(e) if !one_namespace && !matches!(e.kind(), ErrorKind::InvalidArgument | ErrorKind::NewerFormat) => {
            tracing::info!("{e}");
            settings.builder()?.wipe()?;
            None
        }
        Err(e) => return Err(e.into()),
    };
    out.show(&json!({"removed": removed}), || match removed {
        Some(removed) => format!("removed {removed} entries\n"),
        None => "the damaged store was replaced by an empty one\n".into(),
    })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Mend what is damaged; entries that cannot be saved are deleted
    #[arg(long)]
    repair: bool,
}

pub(super) fn verify(cache: &Cache, args: &VerifyArgs, out: &Output) -> Result<ExitCode, Failure> {
    let mut bar = None;
    let progress = |bytes, total| bar.get_or_insert_with(|| progress(total)).inc(bytes);
    let found = if args.repair { cache.repair(progress)? } else { cache.verify(progress)? };
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    out.show(&found, || {
        let verdict = match (found.is_sound(), args.repair) {
            (true, _) => "sound",
            (false, true) => "repaired",
            (false, false) => "damaged",
        };
        let lost = match found.lost_entries {
            0 => String::new(),
            lost => format!("; {lost} entries could not be saved"),
        };
        format!(
            "{verdict}: {} segments, {} records, {} damaged records, {} damaged frames, {} damaged indexes{lost}\n",
            found.segments, found.records, found.damaged_records, found.damaged_frames, found.damaged_indexes
        )
    })?;
    Ok(ExitCode::from(if found.is_sound() || args.repair { 0 } else { 3 }))
}

pub(super) fn export(cache: &Cache, args: &FileArgs, out: &Output) -> Result<ExitCode, Failure> {
    if args.file == Path::new("-") {
        cache.export(BufWriter::new(stdout().lock()))?;
        return Ok(ExitCode::SUCCESS);
    }
    // Whole or not at all: a snapshot that was there before survives a failure.
    let shown = args.file.display().to_string();
    let dir = args.file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(dir).map_err(Failure::io(format!("create a file beside {shown}")))?;
    let bar = progress(cache.stats_all()?.store.map_or(0, |store| store.live_bytes));
    let exported = cache.export(bar.wrap_write(BufWriter::new(&file)))?;
    bar.finish_and_clear();
    file.as_file().sync_all().map_err(Failure::io(format!("write {shown}")))?;
    file.persist(&args.file).map_err(|e| Failure::Io(format!("write {shown}"), e.error))?;
    out.show(&exported, || format!("exported {} entries\n", exported.entries))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn import(cache: &Cache, args: &FileArgs, out: &Output) -> Result<ExitCode, Failure> {
    let failed = || Failure::io(format!("open {}", args.file.display()));
    let (from, len): (Box<dyn Read>, u64) = if args.file == Path::new("-") {
        (Box::new(stdin().lock()), 0)
    } else {
        let file = File::open(&args.file).map_err(failed())?;
        let len = file.metadata().map_err(failed())?.len();
        (Box::new(file), len)
    };
    let bar = progress(len);
    let imported = cache.import(bar.wrap_read(BufReader::new(from)))?;
    bar.finish_and_clear();
    out.show(&imported, || {
        let mut text = format!("imported {} entries", imported.entries);
        for (count, what) in [(imported.expired, "expired"), (imported.damaged, "damaged")] {
            if count > 0 {
                text += &format!(", left out {count} {what}");
            }
        }
        text + "\n"
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A bar over so many bytes, for people only, and only when there is something to wait for.
fn progress(bytes: u64) -> ProgressBar {
    const WORTH_A_BAR: u64 = 32 << 20;
    if bytes < WORTH_A_BAR || !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

pub(super) fn config(settings: &Settings, out: &Output) -> Result<ExitCode, Failure> {
    out.show(&settings.all(), || {
        let line = |setting: &larder::config::Setting| {
            let origin = match &setting.source {
                Some(source) => format!("{} {source}", setting.origin.name()),
                None => setting.origin.name().to_owned(),
            };
            format!("{:<22} {:<40} # {origin}\n", setting.name, setting.value.as_deref().unwrap_or("(none)"))
        };
        settings.all().iter().map(line).collect()
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn completions(shell: clap_complete::Shell, mut command: clap::Command) -> Result<ExitCode, Failure> {
    clap_complete::generate(shell, &mut command, "larder", &mut stdout().lock());
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(command: clap::Command) -> Result<ExitCode, Failure> {
    clap_mangen::Man::new(command).render(&mut stdout().lock()).map_err(Failure::io("write to stdout"))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn component(args: &ComponentArgs, out: &Output) -> Result<ExitCode, Failure> {
    if let Some(file) = &args.out {
        fs::write(file, COMPONENT).map_err(Failure::io(format!("write {}", file.display())))?;
        out.show(&json!({"file": file, "bytes": COMPONENT.len()}), String::new)?;
    } else if out.is_json() {
        out.show(&json!({"wit": WIT}), String::new)?;
    } else {
        stdout().write_all(WIT.as_bytes()).map_err(Failure::io("write to stdout"))?;
    }
    Ok(ExitCode::SUCCESS)
}
