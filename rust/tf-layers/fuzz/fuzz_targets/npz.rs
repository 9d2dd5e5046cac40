//! Any bytes as an archive: the zip directory, deflate, checksums. An error or arrays, never a panic.
#![no_main]

mod again;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    again::read(bytes.to_vec());
});
