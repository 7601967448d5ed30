// Texts that JavaScript writes, of which there is no second source. Each is written to `at`, where there is room, and its end given.

export declare function float(value: f32, at: usize): usize
export declare function double(value: f64, at: usize): usize
/** Bytes at [from, from + length) as base64, or with `scale` as a decimal with `scale - 1` digits behind the point. */
export declare function bytes(from: usize, length: usize, scale: u32, at: usize): usize
