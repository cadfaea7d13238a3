//! The binary: everything is in the library.

use std::process::ExitCode;

/// Small allocations, made and freed on the same worker thread, are most of what a request allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rowhouse::cli::main()
}
