//! Which definitions matter most: PageRank over references, as in Page, Brin, Motwani and Winograd (1999).
//!
//! A file passes its rank on to the names it refers to, by the square root of how often it does; a name passes what it got on to
//! the files that define it, in equal parts. So the work is proportional to names and references, and a name that many files
//! define does not outweigh others. References to what a file defines itself count for nothing. With the rest of its
//! attention the reader jumps to any file, and more often to those in chat and those mentioned. A definition is worth what its
//! name got, shared among the files and lines that define it.

use std::collections::{HashMap, HashSet};

use super::extract::Symbols;

/// The share of rank that follows references.
const DAMPING: f64 = 0.85;

/// Rounds; what is left of the first guess is then below a hundredth.
const ROUNDS: usize = 30;

/// Files that define a name, from which on it tells little.
const COMMON: usize = 5;

/// A definition's place: file, and place among its definitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    pub(super) file: usize,
    pub(super) definition: usize,
    score: f64,
}

/// A name that is defined.
#[derive(Debug, Default)]
struct Name {
    files: Vec<u32>,
    /// Of all references, how much they count.
    weight: f64,
}

/// Definitions, the most important first. `likely` are files that the reader jumps to more often; `mentioned` are names.
pub(super) fn rank(files: &[&Symbols], likely: &HashSet<usize>, mentioned: &HashSet<&str>) -> Vec<Ranked> {
    let (places, names) = names(files, mentioned);
    let edges: Vec<Vec<(u32, f64)>> = files.iter().map(|file| edges(file, &places, &names)).collect();
    let start = start(files.len(), likely);
    let mut ranks = start.clone();
    let mut got = vec![0.0; names.len()];
    for _ in 0..ROUNDS {
        got.fill(0.0);
        let mut kept = 0.0;
        for (edges, rank) in edges.iter().zip(&ranks) {
            if edges.is_empty() {
                kept += rank;
            }
            edges.iter().for_each(|(name, share)| got[*name as usize] += rank * share);
        }
        for (rank, start) in ranks.iter_mut().zip(&start) {
            *rank = start * (1.0 - DAMPING + DAMPING * kept);
        }
        for (name, got) in names.iter().zip(&got) {
            let share = DAMPING * got / name.files.len() as f64;
            name.files.iter().for_each(|file| ranks[*file as usize] += share);
        }
    }
    order(files, &places, &names, &ranks, &got)
}

/// Names that are defined, and where.
fn names<'a>(files: &[&'a Symbols], mentioned: &HashSet<&str>) -> (HashMap<&'a str, u32>, Vec<Name>) {
    let (mut places, mut names) = (HashMap::new(), Vec::<Name>::new());
    for (file, symbols) in files.iter().enumerate() {
        for definition in &symbols.definitions {
            let place = *places.entry(definition.name.as_str()).or_insert_with(|| {
                names.push(Name::default());
                names.len() as u32 - 1
            });
            let name = &mut names[place as usize];
            if name.files.last() != Some(&(file as u32)) {
                name.files.push(file as u32);
            }
        }
    }
    for (text, place) in &places {
        let name = &mut names[*place as usize];
        name.weight = weight(text, name.files.len(), mentioned.contains(text));
    }
    (places, names)
}

/// What references to a name count.
fn weight(name: &str, files: usize, is_mentioned: bool) -> f64 {
    let is_compound = name.contains('_') || name.chars().skip(1).any(char::is_uppercase);
    let mut weight = 1.0;
    for (holds, factor) in [
        (is_mentioned, 10.0),
        (is_compound && name.len() >= 8, 10.0),
        (name.starts_with('_'), 0.1),
        (files > COMMON, 0.1),
    ] {
        weight *= if holds { factor } else { 1.0 };
    }
    weight
}

/// Where a file's rank goes, in shares that add up to 1.
fn edges(file: &Symbols, places: &HashMap<&str, u32>, names: &[Name]) -> Vec<(u32, f64)> {
    let own: HashSet<&str> = file.definitions.iter().map(|definition| definition.name.as_str()).collect();
    let mut edges: Vec<(u32, f64)> = Vec::new();
    for (text, count) in &file.references {
        let Some(place) = places.get(text.as_str()).filter(|_| !own.contains(text.as_str())) else { continue };
        edges.push((*place, names[*place as usize].weight * f64::from(*count).sqrt()));
    }
    let sum: f64 = edges.iter().map(|(_, weight)| weight).sum();
    edges.iter_mut().for_each(|(_, weight)| *weight /= sum);
    edges
}

/// How likely the reader is to begin at each file.
fn start(files: usize, likely: &HashSet<usize>) -> Vec<f64> {
    let any = 1.0 / files.max(1) as f64;
    let weight = |file| any + if likely.contains(&file) { 1.0 } else { 0.0 };
    let sum: f64 = (0..files).map(weight).sum();
    (0..files).map(|file| weight(file) / sum).collect()
}

fn order(files: &[&Symbols], places: &HashMap<&str, u32>, names: &[Name], ranks: &[f64], got: &[f64]) -> Vec<Ranked> {
    let mut ranked = Vec::new();
    for (file, symbols) in files.iter().enumerate() {
        let mut lines = HashMap::<&str, f64>::new();
        symbols.definitions.iter().for_each(|found| *lines.entry(&found.name).or_default() += 1.0);
        for (definition, found) in symbols.definitions.iter().enumerate() {
            let Some(place) = places.get(found.name.as_str()) else { continue };
            let (name, got) = (&names[*place as usize], got[*place as usize]);
            let score = got / name.files.len() as f64 / lines.get(found.name.as_str()).copied().unwrap_or(1.0);
            ranked.push(Ranked { file, definition, score });
        }
    }
    // Of what nobody refers to, that in important files comes first.
    ranked.sort_unstable_by(|a, b| {
        let by_rank = || ranks[b.file].total_cmp(&ranks[a.file]);
        b.score.total_cmp(&a.score).then_with(by_rank).then((a.file, a.definition).cmp(&(b.file, b.definition)))
    });
    ranked
}

#[cfg(test)]
mod tests {
    use super::super::extract::Definition;
    use super::*;

    fn file(defines: &[&str], refers: &[(&str, u32)]) -> Symbols {
        let definition = |(line, name): (usize, &&str)| Definition { line: line as u32 + 1, name: (*name).to_owned() };
        Symbols {
            definitions: defines.iter().enumerate().map(definition).collect(),
            references: refers.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
        }
    }

    fn first(files: &[Symbols], likely: &[usize], mentioned: &[&str]) -> (usize, usize) {
        let files: Vec<&Symbols> = files.iter().collect();
        let ranked = rank(&files, &likely.iter().copied().collect(), &mentioned.iter().copied().collect());
        assert_eq!(ranked.len(), files.iter().map(|file| file.definitions.len()).sum::<usize>());
        ranked.first().map(|first| (first.file, first.definition)).expect("a definition")
    }

    #[test]
    fn what_many_refer_to_comes_first_and_not_what_refers_to_itself() {
        let files = [
            file(&["lonely"], &[("lonely", 1000)]),
            file(&["core"], &[]),
            file(&["a"], &[("core", 1)]),
            file(&["b"], &[("core", 1), ("lonely", 1)]),
        ];
        assert_eq!(first(&files, &[], &[]), (1, 0));
    }

    #[test]
    fn files_in_chat_and_mentioned_names_change_the_order() {
        let files = [
            file(&["left"], &[]),
            file(&["right"], &[]),
            file(&["x"], &[("left", 4), ("right", 4)]),
            file(&["y"], &[("right", 1)]),
            file(&["z"], &[("left", 1)]),
        ];
        assert_eq!(first(&files, &[3], &[]), (1, 0));
        assert_eq!(first(&files, &[4], &[]), (0, 0));
        assert_eq!(first(&files, &[], &["right"]), (1, 0));
        assert_eq!(first(&files, &[], &["left"]), (0, 0));
    }

    #[test]
    fn nothing_and_files_without_anything_are_ranked() {
        assert!(rank(&[], &HashSet::new(), &HashSet::new()).is_empty());
        assert!(rank(&[&Symbols::default()], &HashSet::from([0]), &HashSet::new()).is_empty());
    }
}
