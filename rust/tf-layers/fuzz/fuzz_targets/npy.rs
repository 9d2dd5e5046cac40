//! Any bytes as the one `.npy` member of an archive whose checksum is right: the header of numpy's format, and its elements.
#![no_main]

mod again;

libfuzzer_sys::fuzz_target!(|member: &[u8]| {
    again::read(archive(member));
});

/// A zip archive that stores these bytes as `x.npy`: local header, content, central directory, end record.
fn archive(member: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"x.npy";
    let len = member.len() as u32;
    // versions, flags, method, time and date are 0; then checksum, both lengths, the name's length, no extra field
    let mut common = vec![20, 0];
    common.extend([0; 8]);
    common.extend(
        [crc32(member), len, len]
            .iter()
            .flat_map(|n| n.to_le_bytes()),
    );
    common.extend([NAME.len() as u8, 0, 0, 0]);
    let mut out = [b"PK\x03\x04", &common[..], NAME, member].concat();
    let directory = out.len() as u32;
    out.extend([b"PK\x01\x02", &[20, 0][..], &common, &[0; 14], NAME].concat());
    let size = out.len() as u32 - directory;
    out.extend([b"PK\x05\x06", &[0, 0, 0, 0, 1, 0, 1, 0][..]].concat());
    out.extend([size, directory].iter().flat_map(|n| n.to_le_bytes()));
    out.extend([0, 0]);
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            if c & 1 == 1 {
                c >> 1 ^ 0xEDB8_8320
            } else {
                c >> 1
            }
        })
    })
}
