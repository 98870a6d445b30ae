//! Counts base64 text at the speed of memory, without decoding or holding it.

/// What has been seen of one ContentTransferEncoded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Base64 {
    data: u64,
    padding: u64,
}

/// How far a run of base64 text and white space went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Bytes taken.
    pub(super) taken: usize,
    /// Line feeds among them.
    pub(super) lines: u64,
    /// The next byte is base64 but can't stand there: data behind padding, or a third `=`.
    pub(super) broken: bool,
}

const BLOCK: usize = 64;

impl Base64 {
    /// Takes bytes up to the first one that is neither base64 nor white space.
    ///
    /// None of the bytes taken can begin or end anything in XML, which is why the tokenizer need not see them.
    pub(super) fn run(&mut self, bytes: &[u8]) -> Run {
        let mut run = Run {
            taken: 0,
            lines: 0,
            broken: false,
        };
        if self.padding == 0 {
            let (blocks, _) = bytes.as_chunks::<BLOCK>();
            for block in blocks {
                let Some((spaces, lines)) = plain_block(block) else {
                    break;
                };
                self.data += (BLOCK - usize::from(spaces)) as u64;
                run.lines += u64::from(lines);
                run.taken += BLOCK;
            }
        }
        for &byte in &bytes[run.taken..] {
            match byte {
                b'\n' => run.lines += 1,
                b' ' | b'\t' | b'\r' => {}
                b'=' if self.padding < 2 => self.padding += 1,
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if self.padding == 0 => {
                    self.data += 1;
                }
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => {
                    run.broken = true;
                    return run;
                }
                _ => return run,
            }
            run.taken += 1;
        }
        run
    }

    /// Base64 characters so far, padding included.
    pub(super) fn length(self) -> u64 {
        self.data + self.padding
    }

    /// Whether the text may end here.
    pub(super) fn is_whole(self) -> bool {
        self.length().is_multiple_of(4)
    }
}

/// White space and line feeds of a block without padding and without foreign bytes; branch-free so that it vectorizes.
fn plain_block(block: &[u8; BLOCK]) -> Option<(u8, u8)> {
    let (mut foreign, mut spaces, mut lines) = (0u8, 0u8, 0u8);
    for &byte in block {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit_or_slash = byte.wrapping_sub(b'/') < 11;
        let line = byte == b'\n';
        let space = line | (byte == b' ') | (byte == b'\t') | (byte == b'\r');
        spaces += u8::from(space);
        lines += u8::from(line);
        foreign |= u8::from(!(letter | digit_or_slash | (byte == b'+') | space));
    }
    (foreign == 0).then_some((spaces, lines))
}
