//! The room `provision`.
