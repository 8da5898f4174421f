//! JSON text.

use super::Malformed;

/// Checks that arrays and objects are nested at most `depth` levels. Everything else is left to the decoder.
///
/// # Errors
///
/// [`Malformed::TooDeep`].
pub fn check_depth(text: &[u8], depth: usize) -> Result<(), Malformed> {
    let (mut level, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                level += 1;
                if level > depth {
                    return Err(Malformed::TooDeep);
                }
            }
            b']' | b'}' => level = level.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}
