//! What comes in no order is written as it comes, and then sorted by its bytes as written.

use alloc::string::String;
use alloc::vec::Vec;

use crate::ascending::Ascending;

/// Where a piece lies that was written.
pub(super) struct Piece {
    /// Where it begins.
    pub(super) begin: usize,
    /// Where what it is sorted by ends: its name, or all of it.
    pub(super) name_end: usize,
    /// Where it ends.
    pub(super) end: usize,
}

/// Sorts the pieces that `out` ends with, which have `separator` between them, by their names. Those of one name stay in their
/// order; with `once` only the first of them stays. Answers whether a name came twice.
pub(super) fn sort(out: &mut String, pieces: Vec<Piece>, separator: char, once: bool) -> bool {
    let Some(begin) = pieces.first().map(|piece| piece.begin) else { return false };
    // As bytes: comparing text would look for the edges of characters every time.
    let name = |piece: &Piece| out.as_bytes().get(piece.begin..piece.name_end).unwrap_or_default();
    if pieces.is_sorted_by(|a, b| name(a) < name(b)) {
        return false;
    }
    let name_at = |at: u32| name(&pieces[at as usize]);
    let mut sorted = String::with_capacity(out.len() - begin);
    let mut last = None;
    let mut repeated = false;
    for at in Ascending::new((0..pieces.len() as u32).collect(), &|a, b| name_at(a) < name_at(b)) {
        let piece = &pieces[at as usize];
        let again = last.replace(name(piece)) == Some(name(piece));
        repeated |= again;
        if again && once {
            continue;
        }
        if !sorted.is_empty() {
            sorted.push(separator);
        }
        sorted.push_str(out.get(piece.begin..piece.end).unwrap_or_default());
    }
    out.truncate(begin);
    out.push_str(&sorted);
    repeated
}
