//! One verb, one exit code.
fn main() {}
