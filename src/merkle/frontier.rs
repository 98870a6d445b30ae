//! The right edge of a tree: all that is needed to append to it and to prove what is appended.

use super::{Hash, empty_root, node_hash};

/// The roots of the perfect subtrees that a tree of `size` entries falls into, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The edge of a tree without entries.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The edge written down earlier; `None` when the number of peaks does not fit the size.
    #[must_use]
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends one entry's leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut carry = self.size;
        while carry & 1 == 1 {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
            carry >>= 1;
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of the whole tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else {
            return empty_root();
        };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// Entries appended to a known edge. Holds what proofs about them need and nothing of what lies before the edge.
#[derive(Clone, Debug)]
pub struct Batch {
    before: Frontier,
    /// Row `h` holds the hashes of the aligned subtrees of height `h` that are complete and reach past the edge.
    rows: Vec<Vec<Hash>>,
    size: u64,
}

impl Batch {
    /// Appends `leaves` to the tree whose edge is `before`.
    #[must_use]
    pub fn new(before: Frontier, leaves: &[Hash]) -> Self {
        let size = before.size + leaves.len() as u64;
        let mut batch = Self {
            before,
            rows: vec![leaves.to_vec()],
            size,
        };
        let mut height = 0;
        while size >> (height + 1) > 0 {
            let next = batch.row_above(height);
            batch.rows.push(next);
            height += 1;
        }
        batch
    }

    /// Number of entries before the batch.
    #[must_use]
    pub fn before(&self) -> u64 {
        self.before.size
    }

    /// Number of entries with the batch.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root with the batch.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.range_root(0, self.size).unwrap_or_else(empty_root)
    }

    /// The edge after the batch.
    #[must_use]
    pub fn after(&self) -> Frontier {
        let mut edge = self.before.clone();
        for leaf in &self.rows[0] {
            edge.push(*leaf);
        }
        edge
    }

    /// Inclusion path of the entry at `index` in the tree with the batch (RFC 9162 section 2.1.3);
    /// `None` when the entry is not of this batch.
    #[must_use]
    pub fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        if index < self.before.size || index >= self.size {
            return None;
        }
        let mut path = Vec::new();
        let (mut low, mut high) = (0, self.size);
        while high - low > 1 {
            let middle = low + split(high - low);
            if index < middle {
                path.push(self.range_root(middle, high)?);
                high = middle;
            } else {
                path.push(self.range_root(low, middle)?);
                low = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// Consistency proof from the tree before the batch to the tree with it (RFC 9162 section 2.1.4).
    #[must_use]
    pub fn consistency(&self) -> Option<Vec<Hash>> {
        let old = self.before.size;
        if old == 0 || old == self.size {
            return Some(Vec::new());
        }
        let mut proof = Vec::new();
        let (mut low, mut high) = (0, self.size);
        let mut whole = true;
        while old != high {
            let middle = low + split(high - low);
            if old <= middle {
                proof.push(self.range_root(middle, high)?);
                high = middle;
            } else {
                proof.push(self.range_root(low, middle)?);
                low = middle;
                whole = false;
            }
        }
        if !whole {
            proof.push(self.range_root(low, high)?);
        }
        proof.reverse();
        Some(proof)
    }

    fn row_above(&self, height: usize) -> Vec<Hash> {
        let first = self.first_of_row(height + 1);
        let end = self.size >> (height + 1);
        (first..end)
            .filter_map(|index| {
                let left = self.node(height, 2 * index)?;
                let right = self.node(height, 2 * index + 1)?;
                Some(node_hash(&left, &right))
            })
            .collect()
    }

    /// Index of the first subtree of that height that is not complete before the edge.
    fn first_of_row(&self, height: usize) -> u64 {
        self.before.size >> height
    }

    fn node(&self, height: usize, index: u64) -> Option<Hash> {
        let first = self.first_of_row(height);
        if index >= first {
            return self
                .rows
                .get(height)?
                .get(usize::try_from(index - first).ok()?)
                .copied();
        }
        // Left of the edge only the peaks are ever asked for: the subtree that ends where its parent would pass the edge.
        let is_peak = self.before.size >> height & 1 == 1 && index + 1 == first;
        let rank = (self.before.size >> (height + 1)).count_ones() as usize;
        is_peak.then(|| self.before.peaks.get(rank).copied())?
    }

    /// Root of the entries `low..high`, where the range is one that the recursion of RFC 9162 makes.
    fn range_root(&self, low: u64, high: u64) -> Option<Hash> {
        let width = high.checked_sub(low).filter(|w| *w > 0)?;
        if width.is_power_of_two() {
            let height = width.trailing_zeros() as usize;
            if let Some(hash) = self.node(height, low >> height) {
                return Some(hash);
            }
        }
        if width == 1 {
            return None;
        }
        let middle = low + split(width);
        Some(node_hash(
            &self.range_root(low, middle)?,
            &self.range_root(middle, high)?,
        ))
    }
}

/// The largest power of two below `width`.
fn split(width: u64) -> u64 {
    1 << (63 - (width - 1).leading_zeros())
}
