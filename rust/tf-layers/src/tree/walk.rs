//! From roots to leaves, several walks at once: the processor works on one while it waits for the numbers of another.

use crate::number::Float;

/// Walks at once.
pub(super) const LANES: usize = 8;
/// Steps before it is asked whether all walks have reached a leaf.
const STRIDE: usize = 4;

/// The tables of nodes.
pub(super) struct Nodes<'w, T> {
    /// Column times 8 and question, first child.
    pub branches: &'w [[u32; 2]],
    /// Thresholds.
    pub thresholds: &'w [T],
    /// Steps after which every walk has ended.
    pub depth: usize,
}

impl<T: Float> Nodes<'_, T> {
    /// The leaves that the walks from `nodes` reach; walk k reads the row of x that begins at `rows[k]`. No child is chosen by a
    /// branch: half of them would be predicted wrong.
    #[inline(always)]
    pub fn descend<const SPECIAL: bool>(
        &self,
        mut nodes: [u32; LANES],
        x: &[T],
        rows: [usize; LANES],
    ) -> [u32; LANES] {
        let mut left = self.depth;
        while left > 0 {
            let steps = left.min(STRIDE);
            left -= steps;
            let mut moved = 0;
            for _ in 0..steps {
                moved = 0;
                for (node, &row) in nodes.iter_mut().zip(&rows) {
                    let next = self.child::<SPECIAL>(*node, x, row);
                    moved |= *node ^ next;
                    *node = next;
                }
            }
            if moved == 0 {
                break;
            }
        }
        nodes
    }

    /// The child of a node that a row goes to; the node itself where it has none.
    #[inline(always)]
    fn child<const SPECIAL: bool>(&self, node: u32, x: &[T], row: usize) -> u32 {
        let place = node as usize;
        let (Some(&[branch, first]), Some(&threshold)) =
            (self.branches.get(place), self.thresholds.get(place))
        else {
            return node;
        };
        let value = x
            .get(row + (branch >> 3) as usize)
            .copied()
            .unwrap_or_default();
        let mut yes = branch & u32::from(value <= threshold);
        if SPECIAL {
            let only_equal = branch >> 2 & 1;
            yes &= only_equal ^ 1 | u32::from(value >= threshold);
            yes |= branch >> 1 & u32::from(value.is_not_a_number());
        }
        first.wrapping_add(yes)
    }
}
