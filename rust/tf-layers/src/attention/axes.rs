//! Where the elements of attention's operands lie.

/// The order of an operand's axes in memory, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axes {
    /// `[batch, tokens, heads, size]`: what a dense layer computes.
    TokensHeads,
    /// `[batch, heads, tokens, size]`
    HeadsTokens,
    /// `[batch, heads, size, tokens]`
    HeadsSize,
}

/// The axes of a mask, outermost first. In front of them stands one for samples: of 1, of the batch, or of a number of samples after which
/// the mask repeats itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaskAxes {
    /// `[.., keys]`
    Keys,
    /// `[.., queries, keys]`
    QueriesKeys,
    /// `[.., heads, keys]`
    HeadsKeys,
    /// `[.., heads, queries, keys]`
    HeadsQueriesKeys,
}

/// Where the heads of one operand lie: steps in elements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub sample: usize,
    pub head: usize,
    pub token: usize,
    pub element: usize,
}

impl Axes {
    pub(super) fn place(self, heads: usize, tokens: usize, size: usize) -> Place {
        let (head, token, element) = match self {
            Self::TokensHeads => (size, heads * size, 1),
            Self::HeadsTokens => (tokens * size, size, 1),
            Self::HeadsSize => (tokens * size, 1, tokens),
        };
        let sample = heads * tokens * size;
        Place {
            sample,
            head,
            token,
            element,
        }
    }
}

impl MaskAxes {
    /// The elements for the keys of one query; `sizes` are heads, queries and keys, `at` is sample, head and query.
    pub(super) fn row<T>(
        self,
        mask: &[T],
        [heads, queries, keys]: [usize; 3],
        at: [usize; 3],
    ) -> &[T] {
        let [sample, head, query] = at;
        let ((heads, head), (queries, query)) = match self {
            Self::Keys => ((1, 0), (1, 0)),
            Self::QueriesKeys => ((1, 0), (queries, query)),
            Self::HeadsKeys => ((heads, head), (1, 0)),
            Self::HeadsQueriesKeys => ((heads, head), (queries, query)),
        };
        let samples = (mask.len() / (heads * queries * keys).max(1)).max(1);
        let start = ((sample % samples * heads + head) * queries + query) * keys;
        &mask[start..start + keys]
    }
}
