//! No import circles between the files of one crate.
//!
//! An import is a `use` or a path, and leads to the file that defines what it names: not to a module that only passes the name
//! on, and passing on is no import. Methods are not followed; they come with the type that they are called on.

mod graph;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use self::graph::{Graph, circles, imports};

/// Circles that may be there: those whose every file stands under one of these paths, or is it. The number of files is exact, so that
/// the list can only get shorter.
struct Exception {
    within: &'static [&'static str],
    files: usize,
    why: &'static str,
}

const EXCEPTIONS: &[Exception] = &[];

/// The `lib.rs` and `main.rs` of all crates under this folder, and the imports inside each.
fn graphs(top: &Path) -> Vec<Graph> {
    let mut crates: Vec<_> = fs_err::read_dir(top.join("crates")).unwrap().map(|entry| entry.unwrap().path()).collect();
    crates.sort();
    let roots = crates.iter().flat_map(|path| ["src/lib.rs", "src/main.rs"].map(|root| path.join(root)));
    roots.filter(|root| root.exists()).map(|root| imports(&root, top)).collect()
}

/// A circle with the imports that make it, an edge a line.
fn told(circle: &BTreeSet<String>, graph: &Graph) -> String {
    let mut text = format!("{} files import each other in a circle:\n", circle.len());
    for (from, to, imports) in circle.iter().flat_map(|from| graph[from].iter().map(move |(to, imports)| (from, to, imports))) {
        if circle.contains(to) {
            let first = imports.first().unwrap();
            let names: BTreeSet<_> = imports.iter().map(|import| import.name.as_str()).collect();
            let names: Vec<_> = names.into_iter().collect();
            writeln!(text, "  {from}:{} → {to}: {}", first.line, names.join(", ")).unwrap();
        }
    }
    text
}

#[test]
fn files_of_a_crate_import_each_other_one_way() {
    let graphs = graphs(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    assert!(graphs.len() > 8 && graphs.iter().map(Graph::len).sum::<usize>() > 300, "the crates were not read");
    let mut wrong = String::new();
    let mut excepted = vec![0; EXCEPTIONS.len()];
    for (circle, graph) in graphs.iter().flat_map(|graph| circles(graph).into_iter().map(move |circle| (circle, graph))) {
        let within = |exception: &Exception| circle.iter().all(|file| exception.within.iter().any(|path| file.starts_with(path)));
        match EXCEPTIONS.iter().position(within) {
            Some(at) => excepted[at] += circle.len(),
            None => wrong += &told(&circle, graph),
        }
    }
    for (exception, found) in EXCEPTIONS.iter().zip(excepted) {
        if found != exception.files {
            let Exception { within, files, why } = exception;
            writeln!(wrong, "excepted (\"{why}\"): {files} files in circles within {within:?}, and there are {found}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}Move what both sides need to a file of its own, or to the side where it belongs.");
}

/// A crate with these files.
fn planted(files: &[(&str, &str)]) -> (tempfile::TempDir, Graph) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    let graph = imports(&folder.path().join("lib.rs"), folder.path());
    (folder, graph)
}

fn names(circle: &BTreeSet<String>) -> Vec<&str> {
    circle.iter().map(String::as_str).collect()
}

#[test]
fn a_circle_is_found_and_told_with_what_makes_it() {
    // A `use`, a path, a re-exported name, a glob, the tokens of a macro and the name in an attribute: each is an import.
    for back in [
        "use crate::cut::Cut; fn f(_: Cut) {}",
        "fn f(_: super::cut::Cut) {}",
        "use super::{cut}; fn f(_: cut::Cut) {}",
        "use crate::Cut as Other;",
        "use crate::*; fn f(_: Cut) {}",
        "fn f() -> String { format!(\"{}\", crate::cut::Cut::new()) }",
        "struct S { #[serde(with = \"crate::cut::text\")] a: u8 }",
        "fn f() { use super::cut::Cut; }",
        "mod inside { use crate::cut::Cut; }",
    ] {
        let cut = "//! Cuts.\nuse crate::tier::Tier;\npub struct Cut(Tier);\npub mod text {}\npub fn text() {}";
        let lib = "mod cut; mod tier; mod other; pub use cut::Cut;";
        let (_folder, graph) = planted(&[
            ("lib.rs", lib),
            ("cut.rs", cut),
            ("other.rs", "use crate::cut::Cut;"),
            ("tier.rs", &format!("pub struct Tier; {back}")),
        ]);
        let circles = circles(&graph);
        assert_eq!(circles.iter().map(names).collect::<Vec<_>>(), [["cut.rs", "tier.rs"]], "{back}: {graph:?}");
        let told = told(circles.first().unwrap(), &graph);
        assert!(told.contains("cut.rs:2 → tier.rs: Tier\n"), "{told}");
    }
}

#[test]
fn a_circle_of_three_is_one_with_its_facade_in_it_only_where_that_defines_something() {
    let files = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod x; mod y; pub use x::X; pub struct A(Y); use y::Y;"),
        ("a/x.rs", "use super::A; pub struct X(A);"),
        ("a/y.rs", "use super::X; pub struct Y(X);"),
    ];
    let (_folder, graph) = planted(&files);
    assert_eq!(circles(&graph).iter().map(names).collect::<Vec<_>>(), [["a/mod.rs", "a/x.rs", "a/y.rs"]], "{graph:?}");
}

#[test]
fn facades_are_no_circles() {
    let files = [
        ("lib.rs", "pub mod a; pub use a::X;"),
        // Names of tests and of variables lead nowhere, and neither do those of other crates.
        (
            "a/mod.rs",
            "mod x; mod y; pub use x::{X, price}; pub(crate) use y::Y; pub use y::*;\n#[cfg(test)] mod tests { use super::*; }",
        ),
        ("a/x.rs", "use super::Y; use std::fmt::Debug; pub struct X(Y); pub fn price() {}"),
        (
            "a/y.rs",
            "pub struct Y; pub fn f(price: u8) -> u8 { price }\n#[cfg(test)] mod tests { use crate::a::X; }\n#[cfg(test)] fn t(_: super::X) {}",
        ),
    ];
    let (_folder, graph) = planted(&files);
    assert_eq!(circles(&graph), BTreeSet::new(), "{graph:?}");
    assert_eq!(graph["a/x.rs"]["a/y.rs"].len(), 1);
}
