//! CRC-32 (ISO 3309, polynomial 0xEDB88320 reflected), eight bytes at a time.

const TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut i = 0;
    while i < 256 {
        let (mut crc, mut bit) = (i as u32, 0);
        while bit < 8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
            bit += 1;
        }
        tables[0][i] = crc;
        i += 1;
    }
    let mut t = 1;
    while t < 8 {
        let mut i = 0;
        while i < 256 {
            let previous: u32 = tables[t - 1][i];
            tables[t][i] = (previous >> 8) ^ tables[0][(previous & 0xFF) as usize];
            i += 1;
        }
        t += 1;
    }
    tables
}

/// CRC-32 of `bytes`. "Slicing by 8", because build scripts run it over whole models without optimisation.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    let (blocks, tail) = bytes.as_chunks::<8>();
    for b in blocks {
        let x = u64::from_le_bytes(*b) ^ u64::from(crc);
        crc = TABLES[7][(x & 0xFF) as usize]
            ^ TABLES[6][(x >> 8 & 0xFF) as usize]
            ^ TABLES[5][(x >> 16 & 0xFF) as usize]
            ^ TABLES[4][(x >> 24 & 0xFF) as usize]
            ^ TABLES[3][(x >> 32 & 0xFF) as usize]
            ^ TABLES[2][(x >> 40 & 0xFF) as usize]
            ^ TABLES[1][(x >> 48 & 0xFF) as usize]
            ^ TABLES[0][(x >> 56) as usize];
    }
    for &b in tail {
        crc = (crc >> 8) ^ TABLES[0][((crc ^ u32::from(b)) & 0xFF) as usize];
    }
    !crc
}

#[cfg(test)]
mod tests {
    #[test]
    fn check_value() {
        assert_eq!(super::crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(super::crc32(b""), 0);
    }
}
