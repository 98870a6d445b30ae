//! The room `signer`.
