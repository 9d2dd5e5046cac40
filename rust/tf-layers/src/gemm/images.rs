//! Images as rows of a product.

use super::{Grid, Segments};
use crate::image::Window;

/// The rows of `images` images one behind the other, for the first of `group` groups of channels: a row is what lies under the kernel at one
/// place. `inputs` and `outputs` are the channels of x (with its padding) and of y.
pub(crate) fn images(
    window: &Window,
    [inputs, outputs]: [usize; 2],
    group: usize,
    images: usize,
) -> (Grid, Segments) {
    let output = window.output();
    let [_, height, width] = window.padded();
    let (line, plane) = (width * inputs, height * width * inputs);
    let [d, h, w] = window.strides;
    let (y_line, y_plane) = (output[2] * outputs, output[1] * output[2] * outputs);
    let mut grid = Grid {
        size: output,
        x_step: [d * plane, h * line, w * inputs],
        y_step: [y_plane, y_line, outputs],
    };
    if images > 1 {
        (grid.size[0], grid.x_step[0]) = (images, plane);
    }
    let [kernel_d, kernel_h, kernel_w] = window.kernel;
    let [d, h, w] = window.dilations;
    let segments = if group == 1 && (w == 1 || kernel_w == 1) {
        Segments {
            size: [kernel_d, kernel_h, 1],
            step: [d * plane, h * line, 0],
            len: kernel_w * inputs,
        }
    } else {
        Segments {
            size: window.kernel,
            step: [d * plane, h * line, w * inputs],
            len: inputs / group,
        }
    };
    (grid.collapsed(), segments)
}
