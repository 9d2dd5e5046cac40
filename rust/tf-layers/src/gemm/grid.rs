//! Where the rows of a product begin, and of which runs of memory they consist.

/// Most rows that a tile has at any level.
pub(super) const MAX_ROWS: usize = 8;

/// Where a row begins.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// In x.
    pub x: usize,
    /// In y.
    pub y: usize,
}

/// Rows in up to three nested regular loops (depth, height, width of an image, outermost first).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    /// Rows along each axis.
    pub size: [usize; 3],
    /// Distance of neighbours along each axis, in elements of x.
    pub x_step: [usize; 3],
    /// The same in y.
    pub y_step: [usize; 3],
}

impl Grid {
    /// `rows` rows of a matrix each, `x_step` and `y_step` apart.
    pub(crate) const fn matrix(rows: usize, x_step: usize, y_step: usize) -> Self {
        Self {
            size: [1, 1, rows],
            x_step: [0, 0, x_step],
            y_step: [0, 0, y_step],
        }
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.size.iter().product()
    }

    /// The same rows with as few axes as possible: cheaper to walk.
    pub(crate) fn collapsed(mut self) -> Self {
        // Axis 1 twice: when it has joined its inner neighbour, what was axis 0 comes in its place.
        for axis in [1, 1, 0] {
            let inner = axis + 1;
            let joined = |step: &[usize; 3]| step[axis] == self.size[inner] * step[inner];
            if self.size[axis] == 1 || (joined(&self.x_step) && joined(&self.y_step)) {
                self.size[inner] *= self.size[axis];
                if axis == 1 {
                    for values in [&mut self.size, &mut self.x_step, &mut self.y_step] {
                        values[1] = values[0];
                    }
                }
                self.size[0] = 1;
            }
        }
        self
    }

    /// The cursor at row 0.
    pub(super) fn begin(&self) -> Cursor {
        Cursor::default()
    }

    /// Rows of tile `t` of `tiles`: as even as possible, because a tile of two rows takes nearly as long as one of six.
    pub(super) fn tile_rows(rows: usize, tiles: usize, t: usize) -> usize {
        rows / tiles + usize::from(t < rows % tiles)
    }
}

/// Walks the rows of a [`Grid`] in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Cursor {
    at: [usize; 3],
    /// Begin of the plane, of the line, and of the row.
    place: [Place; 3],
    row: usize,
}

impl Cursor {
    /// The row's number.
    pub(super) fn row(&self) -> usize {
        self.row
    }

    /// The next `places.len()` rows.
    #[inline(always)]
    pub(super) fn take(&mut self, grid: &Grid, places: &mut [Place]) {
        self.row += places.len();
        for place in places {
            *place = self.place[2];
            self.at[2] += 1;
            self.step(grid, 2);
            if self.at[2] == grid.size[2] {
                self.at[2] = 0;
                self.at[1] += 1;
                self.step(grid, 1);
                if self.at[1] == grid.size[1] {
                    self.at[1] = 0;
                    self.step(grid, 0);
                    self.place[1] = self.place[0];
                }
                self.place[2] = self.place[1];
            }
        }
    }

    #[inline(always)]
    fn step(&mut self, grid: &Grid, axis: usize) {
        self.place[axis].x += grid.x_step[axis];
        self.place[axis].y += grid.y_step[axis];
    }
}

/// A row of x: `count()` runs of `len` elements, in up to three nested regular loops (kernel depth, height, width).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segments {
    /// Runs along each kernel axis.
    pub size: [usize; 3],
    /// Distance of neighbouring runs along each axis.
    pub step: [usize; 3],
    /// Elements of a run.
    pub len: usize,
}

impl Segments {
    /// One run: a row of a matrix.
    pub(crate) const fn one(len: usize) -> Self {
        Self {
            size: [1; 3],
            step: [0; 3],
            len,
        }
    }

    /// Number of runs.
    pub(crate) fn count(&self) -> usize {
        self.size.iter().product()
    }

    /// Elements of a row.
    pub(crate) fn total(&self) -> usize {
        self.count() * self.len
    }

    /// Begin of run `i`, from the row's begin.
    pub(crate) fn offset(&self, i: usize) -> usize {
        let [_, height, width] = self.size;
        let (plane, line) = (i / (height * width), i / width % height);
        plane * self.step[0] + line * self.step[1] + i % width * self.step[2]
    }
}
