//! The benchmark's firmware: the model once, how many instructions and how much stack that took, and what it computed.
//!
//! `embedded.py` writes names in the place of what stands between `@`. It is the shell's own program (`templates/hosts/embedded`), and
//! what reads the stack, which needs unsafe code.

use core::panic::PanicInfo;
use cortex_m::peripheral::{Peripherals, syst::SystClkSource};
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use model::{@model@, Inputs, Workspace};

static INPUT: [f32; @length@] = model::tf_layers::bytemuck::must_cast(*include_bytes!("../@file@"));

/// Ticks of the timer that counts down 24 bits.
const TICKS: u32 = 0x00ff_ffff;

#[entry]
fn main() -> ! {
    static mut WORKSPACE: Workspace = Workspace::new();
    let mut timer = Peripherals::take().expect("nobody else has them").SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(TICKS);
    timer.clear_current();
    timer.enable_counter();
    let free = paint();
    let begin = cortex_m::peripheral::SYST::get_current();
    let answer = @model@::new().predict(Inputs { @input@: core::hint::black_box(&INPUT) }, WORKSPACE);
    let ticks = begin.wrapping_sub(cortex_m::peripheral::SYST::get_current()) & TICKS;
    let used = used(free);
    match answer {
        Ok(outputs) => {
            hprintln!("ticks {} stack {}", ticks, used);
            hprintln!("{:?}", outputs.@output@.data);
            debug::exit(debug::EXIT_SUCCESS);
        }
        Err(error) => {
            hprintln!("error: {}", error);
            debug::exit(debug::EXIT_FAILURE);
        }
    }
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    debug::exit(debug::EXIT_FAILURE);
    loop {
        cortex_m::asm::bkpt();
    }
}

const PAINT: u32 = 0x5afe_57ac;
/// Bytes below the caller's frame that are left alone while painting.
const MARGIN: usize = 256;

/// Paints what is free below the stack pointer; returns where that ends.
#[inline(never)]
fn paint() -> usize {
    let top = cortex_m::register::msp::read() as usize - MARGIN;
    for place in (bottom()..top).step_by(4) {
        // SAFETY: cortex-m-rt lays nothing between the end of the statics and the stack, and no interrupt runs.
        unsafe { (place as *mut u32).write_volatile(PAINT) }
    }
    top
}

/// Bytes below `top` that are painted no longer, and the margin.
fn used(top: usize) -> usize {
    // SAFETY: as above; every word was written by `paint`.
    let painted = |place: &usize| unsafe { (*place as *const u32).read_volatile() } == PAINT;
    let first = (bottom()..top).step_by(4).find(|place| !painted(place));
    top + MARGIN - first.unwrap_or(top)
}

/// Where the statics end.
fn bottom() -> usize {
    (cortex_m_rt::heap_start() as usize).next_multiple_of(4)
}
