//! The checksum of a file of weights: FNV-1a (64 bits) over words of eight bytes, in eight lanes, so that it keeps up with memory.
//!
//! A change of one word always changes it, because a step of a lane is one to one in the lane and in the word.

use super::LINE;

const PRIME: u64 = 0x0100_0000_01B3;
const BASIS: u64 = 0xCBF2_9CE4_8422_2325;

/// A checksum in the making.
#[derive(Debug, Clone, Copy)]
pub struct Sum {
    lanes: [u64; 8],
}

impl Default for Sum {
    fn default() -> Self {
        let mut lanes = [BASIS; 8];
        for (lane, k) in lanes.iter_mut().zip(0..) {
            *lane = (BASIS ^ k).wrapping_mul(PRIME);
        }
        Self { lanes }
    }
}

impl Sum {
    /// Adds whole cache lines, whose words are in this machine's byte order.
    pub fn add(&mut self, bytes: &[u8]) {
        self.add_as(bytes, cfg!(target_endian = "big"));
    }

    /// Adds whole cache lines. What is behind the last whole one is left out: there is nothing in a file of weights.
    #[inline]
    pub fn add_as(&mut self, bytes: &[u8], big_endian: bool) {
        let mut lanes = self.lanes;
        for line in bytes.as_chunks::<LINE>().0 {
            for (lane, word) in lanes.iter_mut().zip(line.as_chunks::<8>().0) {
                let word = if big_endian {
                    u64::from_be_bytes(*word)
                } else {
                    u64::from_le_bytes(*word)
                };
                *lane = (*lane ^ word).wrapping_mul(PRIME);
            }
        }
        self.lanes = lanes;
    }

    /// The checksum of what was added.
    #[must_use]
    pub fn finish(&self) -> u64 {
        self.lanes
            .iter()
            .fold(BASIS, |sum, &lane| (sum ^ lane).wrapping_mul(PRIME))
    }
}

/// The checksum of whole cache lines, whose words are in this byte order.
#[must_use]
pub fn of(bytes: &[u8], big_endian: bool) -> u64 {
    let mut sum = Sum::default();
    sum.add_as(bytes, big_endian);
    sum.finish()
}
