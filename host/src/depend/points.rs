//! Which dependencies a change concerns.
//!
//! Each watched dependency stands at some paths. A change at a path concerns what stands there and everything below: a directory
//! that is renamed takes its files along. Who stands at a directory with its children is concerned by a change of any of those.
//! Paths are ordered, so that what is below one is a range.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// A path that a dependency stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) path: PathBuf,
    /// Whether it is a directory whose children count.
    pub(super) children: bool,
}

/// Numbers of dependencies by the paths that they stand at.
#[derive(Debug, Default)]
pub(super) struct Points {
    at: BTreeMap<PathBuf, Vec<(u64, bool)>>,
    len: usize,
}

impl Points {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn add(&mut self, number: u64, point: &Point) {
        self.at.entry(point.path.clone()).or_default().push((number, point.children));
        self.len += 1;
    }

    pub(super) fn remove(&mut self, number: u64, point: &Point) {
        let Some(numbers) = self.at.get_mut(&point.path) else { return };
        if let Some(place) = numbers.iter().position(|found| *found == (number, point.children)) {
            numbers.swap_remove(place);
            self.len -= 1;
        }
        if numbers.is_empty() {
            self.at.remove(&point.path);
        }
    }

    /// The numbers that a change at a path concerns.
    pub(super) fn concerned(&self, path: &Path) -> Vec<u64> {
        let below = self.at.range::<Path, _>((Bound::Included(path), Bound::Unbounded));
        let below = below.take_while(|(at, _)| at.starts_with(path)).flat_map(|(_, numbers)| numbers);
        let beside = path.parent().and_then(|parent| self.at.get(parent)).into_iter().flatten();
        below.chain(beside.filter(|(_, children)| *children)).map(|(number, _)| *number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_concerns_what_is_at_and_below_it_and_nothing_beside() {
        let mut points = Points::default();
        let point = |path: &str, children| Point { path: path.into(), children };
        let all = [
            (1, point("/a/b", false)),
            (2, point("/a/b/c", false)),
            (3, point("/a/b-c", false)),
            (4, point("/a", true)),
            (5, point("/a/b.d/x", false)),
        ];
        all.iter().for_each(|(number, point)| points.add(*number, point));
        let concerned = |points: &Points, path: &str| {
            let mut numbers = points.concerned(Path::new(path));
            numbers.sort_unstable();
            numbers
        };
        assert_eq!(concerned(&points, "/a/b"), [1, 2, 4]);
        assert_eq!(concerned(&points, "/a/b/c"), [2]);
        assert_eq!(concerned(&points, "/a/b/x"), [0u64; 0]);
        assert_eq!(concerned(&points, "/a/new"), [4]);
        assert_eq!(concerned(&points, "/a"), [1, 2, 3, 4, 5]);
        assert_eq!(concerned(&points, "/"), [1, 2, 3, 4, 5]);
        all.iter().for_each(|(number, point)| points.remove(*number, point));
        assert_eq!((points.len(), concerned(&points, "/")), (0, vec![]));
    }
}
