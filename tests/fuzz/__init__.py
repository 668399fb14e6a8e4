"""Random rules, messages and texts against what the native half promises: here from Python, in `main.rs` from Rust."""
