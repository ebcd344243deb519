//! The examples do what they say.

#[path = "../../examples/in_code.rs"]
mod in_code;
#[path = "../../examples/sans_io.rs"]
mod sans_io;

#[test]
fn a_cascade_in_code_is_asked_and_streamed() {
    in_code::main().unwrap();
}

#[test]
fn the_fold_needs_no_runtime() {
    sans_io::main().unwrap();
}
