//! The room `uplink`.
