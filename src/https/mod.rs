//! The room `https`.
