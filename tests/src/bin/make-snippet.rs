//! A generator for pools of code: cuts a snippet of the language, difficulty and length that it is asked for out of real sources.
//!
//! `LARDER_SNIPPETS` names a directory with a list of files for each ending (`rs.list`), as `larder_tests::weeks` makes them. What is
//! cut depends on what is asked for and on nothing else, so that a run can be repeated. Difficulty is how deeply lines are
//! indented and how long they are: of nine places in the sources the three plainest are easy, the three densest hard.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::path::Path;

use larder_tests::weeks::ending;
use xxhash_rust::xxh3::xxh3_64;

/// Places that are looked at for one snippet.
const PLACES: u64 = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let asked = |name: &str| env::var(format!("LARDER_{name}")).map_err(|_| format!("LARDER_{name} is not set"));
    let (language, difficulty) = (asked("DIM_LANGUAGE")?, asked("DIM_DIFFICULTY")?);
    let lines: usize = asked("DIM_LINES")?.parse()?;
    let list = Path::new(&asked("SNIPPETS")?).join(format!("{}.list", ending(&language)));
    let files = fs::read_to_string(&list).map_err(|e| format!("{}: {e}", list.display()))?;
    let files: Vec<&str> = files.lines().collect();
    let seed = format!("{language}/{difficulty}/{lines}/{}/{}", asked("GENERATION")?, asked("ENTRY")?);

    let mut snippets = Vec::new();
    for place in 0..PLACES * 20 {
        if snippets.len() as u64 == PLACES {
            break;
        }
        let drawn = xxh3_64(format!("{seed}/{place}").as_bytes());
        let Some(file) = files.get((drawn % files.len().max(1) as u64) as usize) else { continue };
        let Ok(text) = fs::read_to_string(file) else { continue };
        snippets.extend(cut(&text, lines, drawn >> 32));
    }
    snippets.sort_by_key(|snippet| complexity(snippet));
    let third = match difficulty.as_str() {
        "easy" => 0,
        "medium" => 1,
        "hard" => 2,
        other => return Err(format!("there is no difficulty {other:?}").into()),
    };
    let chosen = snippets.get(third * snippets.len() / 3).ok_or("the sources have no such snippet")?;
    stdout().write_all(chosen.as_bytes())?;
    Ok(())
}

/// Lines of a text from somewhere in it, blank ones left out.
fn cut(text: &str, lines: usize, drawn: u64) -> Option<String> {
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = all.len().checked_sub(lines)?;
    let first = (drawn % (last as u64 + 1)) as usize;
    let cut = all.get(first..first + lines)?.join("\n");
    Some(cut + "\n")
}

fn complexity(snippet: &str) -> usize {
    snippet.lines().map(|line| 4 * (line.len() - line.trim_start().len()) + line.len()).sum()
}
