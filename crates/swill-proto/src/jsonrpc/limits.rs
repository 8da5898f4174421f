/// What a peer may make a [`Machine`](super::Machine) keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Elements of a batch. 1,024 by default; a longer one is answered by one Invalid Request.
    pub batch: usize,
    /// Bytes of answers that are held back until those of their batch are complete, of all batches together, and 64 for each
    /// of them. 16 MiB by default; an answer beyond is replaced by an error with code 413, and so is the next batch as a
    /// whole.
    pub held: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { batch: 1024, held: 16 << 20 }
    }
}
