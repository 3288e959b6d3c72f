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

/// Rounds, at most.
const ROUNDS: usize = 50;

/// How much rank may still move when it is good enough.
const SETTLED: f64 = 1e-4;

/// Files that define a name, from which on it tells little.
const COMMON: usize = 5;

/// What the reader is interested in.
#[derive(Debug)]
pub(super) struct Interest<'a> {
    /// Of each file, whether the reader jumps to it more often.
    pub(super) likely: &'a [bool],
    /// Of each file, whether its definitions are left out.
    pub(super) known: &'a [bool],
    /// Names that were mentioned.
    pub(super) mentioned: HashSet<&'a str>,
}

/// A definition's place: file, and place among its definitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    pub(super) file: usize,
    pub(super) definition: usize,
    score: f64,
}

/// A name that is defined.
#[derive(Debug)]
struct Name {
    /// In order.
    files: Vec<u32>,
    /// How much a reference to it counts.
    weight: f64,
}

/// Names that are defined.
#[derive(Debug, Default)]
struct Names<'a> {
    places: HashMap<&'a str, u32>,
    names: Vec<Name>,
    /// Of each file, the names that it defines.
    of_files: Vec<Vec<u32>>,
}

/// The most important definitions, in order, at most `most`.
pub(super) fn rank(files: &[&Symbols], interest: &Interest<'_>, most: usize) -> Vec<Ranked> {
    let names = Names::of(files, &interest.mentioned);
    let edges: Vec<Vec<(u32, f64)>> = files.iter().zip(0..).map(|(file, number)| names.edges(file, number)).collect();
    let start = start(interest.likely);
    let mut ranks = start.clone();
    let mut got = vec![0.0; names.names.len()];
    for _ in 0..ROUNDS {
        got.fill(0.0);
        let mut kept = 0.0;
        for (edges, rank) in edges.iter().zip(&ranks) {
            if edges.is_empty() {
                kept += rank;
            }
            edges.iter().for_each(|(name, share)| got[*name as usize] += rank * share);
        }
        let mut next: Vec<f64> = start.iter().map(|start| start * (1.0 - DAMPING + DAMPING * kept)).collect();
        for (name, got) in names.names.iter().zip(&got) {
            let share = DAMPING * got / name.files.len() as f64;
            name.files.iter().for_each(|file| next[*file as usize] += share);
        }
        let moved: f64 = next.iter().zip(&ranks).map(|(next, rank)| (next - rank).abs()).sum();
        ranks = next;
        if moved < SETTLED {
            break;
        }
    }
    names.order(interest.known, &ranks, &got, most)
}

impl<'a> Names<'a> {
    fn of(files: &[&'a Symbols], mentioned: &HashSet<&str>) -> Self {
        let mut all = Self::default();
        for (file, symbols) in files.iter().enumerate() {
            let mut defined = Vec::new();
            for (_, name) in symbols.definitions() {
                let names = &mut all.names;
                let place = *all.places.entry(name).or_insert_with(|| {
                    names.push(Name { files: Vec::new(), weight: 1.0 });
                    names.len() as u32 - 1
                });
                let known = &mut names[place as usize].files;
                if known.last() != Some(&(file as u32)) {
                    known.push(file as u32);
                }
                defined.push(place);
            }
            all.of_files.push(defined);
        }
        for (text, place) in &all.places {
            let name = &mut all.names[*place as usize];
            name.weight = weight(text, name.files.len(), mentioned.contains(text));
        }
        all
    }

    /// Where a file's rank goes, in shares that add up to 1.
    fn edges(&self, file: &Symbols, number: u32) -> Vec<(u32, f64)> {
        let mut edges: Vec<(u32, f64)> = Vec::new();
        for (text, count) in file.references() {
            let Some(place) = self.places.get(text) else { continue };
            let name = &self.names[*place as usize];
            if name.files.binary_search(&number).is_err() {
                edges.push((*place, name.weight * f64::from(count).sqrt()));
            }
        }
        let sum: f64 = edges.iter().map(|(_, weight)| weight).sum();
        edges.iter_mut().for_each(|(_, weight)| *weight /= sum);
        edges
    }

    fn order(&self, known: &[bool], ranks: &[f64], got: &[f64], most: usize) -> Vec<Ranked> {
        let mut ranked = Vec::new();
        // Of each name, lines of the file in hand that define it.
        let mut lines = vec![0_u32; self.names.len()];
        for (file, defined) in self.of_files.iter().enumerate().filter(|(file, _)| !known[*file]) {
            defined.iter().for_each(|place| lines[*place as usize] += 1);
            for (definition, place) in defined.iter().map(|place| *place as usize).enumerate() {
                let score = got[place] / self.names[place].files.len() as f64 / f64::from(lines[place]);
                ranked.push(Ranked { file, definition, score });
            }
            defined.iter().for_each(|place| lines[*place as usize] = 0);
        }
        // Of what nobody refers to, that in important files comes first.
        let order = |a: &Ranked, b: &Ranked| {
            let by_rank = || ranks[b.file].total_cmp(&ranks[a.file]);
            b.score.total_cmp(&a.score).then_with(by_rank).then((a.file, a.definition).cmp(&(b.file, b.definition)))
        };
        if most < ranked.len() {
            ranked.select_nth_unstable_by(most, order);
            ranked.truncate(most);
        }
        ranked.sort_unstable_by(order);
        ranked
    }
}

/// What a reference to a name counts.
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

/// How likely the reader is to begin at each file.
fn start(likely: &[bool]) -> Vec<f64> {
    let any = 1.0 / likely.len().max(1) as f64;
    let weight = |likely: &bool| any + if *likely { 1.0 } else { 0.0 };
    let sum: f64 = likely.iter().map(weight).sum();
    likely.iter().map(|likely| weight(likely) / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(defines: &[&str], refers: &[(&str, u32)]) -> Symbols {
        Symbols::new((1..).zip(defines.iter().copied()), refers.iter().copied())
    }

    fn first(files: &[Symbols], likely: &[usize], mentioned: &[&str]) -> (usize, usize) {
        let files: Vec<&Symbols> = files.iter().collect();
        let likely: Vec<bool> = (0..files.len()).map(|file| likely.contains(&file)).collect();
        let known = vec![false; files.len()];
        let interest = Interest { likely: &likely, known: &known, mentioned: mentioned.iter().copied().collect() };
        let all = rank(&files, &interest, usize::MAX);
        assert_eq!(all.len(), files.iter().map(|file| file.definitions().count()).sum::<usize>());
        for most in 0..all.len() {
            assert_eq!(rank(&files, &interest, most), all[..most]);
        }
        all.first().map(|first| (first.file, first.definition)).expect("a definition")
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
        let nothing = Interest { likely: &[], known: &[], mentioned: HashSet::new() };
        assert!(rank(&[], &nothing, 10).is_empty());
        let one = Interest { likely: &[true], known: &[false], mentioned: HashSet::new() };
        assert!(rank(&[&Symbols::default()], &one, 10).is_empty());
    }
}
