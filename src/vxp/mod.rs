//! The room `vxp`.
