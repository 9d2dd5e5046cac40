//! Where time goes: marks between steps, the time up to the next mark belonging to the step that was named.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

type Times = HashMap<&'static str, (usize, Vec<u64>)>;

thread_local! {
    static STATE: RefCell<(Option<(&'static str, Instant)>, Times)> = RefCell::default();
}

/// A step begins.
pub fn mark(name: &'static str) {
    STATE.with_borrow_mut(|(last, times)| {
        if let Some((before, start)) = last.take() {
            let spent = start.elapsed().as_nanos() as u64;
            let order = times.len();
            times.entry(before).or_insert_with(|| (order, Vec::new())).1.push(spent);
        }
        *last = Some((name, Instant::now()));
    });
}

/// Prints `median nanoseconds, tab, step` for each step, in order of first execution.
pub fn print() {
    mark("");
    STATE.with_borrow_mut(|(_, times)| {
        let mut rows: Vec<_> = times.drain().collect();
        rows.sort_by_key(|(_, (order, _))| *order);
        for (name, (_, mut spent)) in rows {
            spent.sort_unstable();
            println!("{}\t{name}", spent[spent.len() / 4]);
        }
    });
}
