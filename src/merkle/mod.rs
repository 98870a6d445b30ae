//! The room `merkle`.
