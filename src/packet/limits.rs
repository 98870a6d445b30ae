//! How much a packet may ask of us before it is refused.

/// Bounds of the reader; each is checked before memory is taken. The base64 text of attachments has no bound here:
/// it is walked, not held, and the door that feeds the reader bounds the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open elements, one inside the other.
    pub depth: usize,
    /// Elements of the whole document.
    pub elements: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Bytes of text of one element outside signatures and attachments' content.
    pub text: usize,
    /// To elements, and documents named by ResponseFor and ReplacementInfo.
    pub recipients: usize,
    /// Attachments, and references of the manifest.
    pub attachments: usize,
    /// Bytes of the document outside the attachments' content.
    pub header: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 32,
            elements: 200_000,
            attributes: 32,
            text: 64 * 1024,
            recipients: 1_000,
            attachments: 10_000,
            header: 12 * 1024 * 1024,
        }
    }
}
