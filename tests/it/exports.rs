//! What a public signature at the library's root names can be named by whoever uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{FnArg, ImplItem, Item, ReturnType, Signature, TraitItem, UseTree, Visibility};

/// What is at the root to be passed on, and whose parts are where it is made.
const PASSED_ON: &[(&str, &str)] = &[
    ("Cascade", "tierfall_core::cascade, for programs that put fits in force themselves"),
    ("Dialect", "tierfall_wire::dialect, for who writes one"),
    ("Estimate", "tierfall_core::estimate"),
    ("Gate", "tierfall_core::fusion and map, which a fit fills in"),
    ("Nominal", "tierfall_core::signal"),
    ("Plan", "tierfall_core::permit and constraints"),
    ("SimulatedSpec", "tierfall_providers::simulated"),
    ("TierFit", "tierfall_core::fusion and map"),
    ("TooManyToolCalls", "an error that no program makes"),
];

/// Names that two types have: those that are meant in these signatures are at the root, or are of another crate.
const TWICE: &[&str] = &["Failure", "NoRating", "Rating", "Rest", "Value"];

fn files(under: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(under).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// The names that a `use` brings in.
fn used(tree: &UseTree, names: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => used(&path.tree, names),
        UseTree::Name(name) => _ = names.insert(name.ident.to_string()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| used(tree, names)),
        _ => {}
    }
}

/// The names in types.
#[derive(Default)]
struct Named(BTreeSet<String>);

impl<'ast> Visit<'ast> for Named {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.extend(path.segments.iter().map(|segment| segment.ident.to_string()));
        visit::visit_path(self, path);
    }
}

impl Named {
    fn signature(&mut self, signature: &Signature) {
        for input in &signature.inputs {
            if let FnArg::Typed(argument) = input {
                self.visit_type(&argument.ty);
            }
        }
        if let ReturnType::Type(_, ty) = &signature.output {
            self.visit_type(ty);
        }
    }

    fn fields<'a>(&mut self, fields: impl IntoIterator<Item = &'a syn::Field>, all: bool) {
        let public = fields.into_iter().filter(|field| all || matches!(field.vis, Visibility::Public(_)));
        public.for_each(|field| self.visit_type(&field.ty));
    }
}

/// By public type: the names in its public fields, methods and variants.
fn said(items: &[Item], types: &mut BTreeMap<String, Named>) {
    for item in items {
        match item {
            Item::Struct(item) if matches!(item.vis, Visibility::Public(_)) => {
                types.entry(item.ident.to_string()).or_default().fields(&item.fields, false);
            }
            Item::Enum(item) if matches!(item.vis, Visibility::Public(_)) => {
                let named = types.entry(item.ident.to_string()).or_default();
                item.variants.iter().for_each(|variant| named.fields(&variant.fields, true));
            }
            Item::Trait(item) if matches!(item.vis, Visibility::Public(_)) => {
                let named = types.entry(item.ident.to_string()).or_default();
                for item in &item.items {
                    if let TraitItem::Fn(item) = item {
                        named.signature(&item.sig);
                    }
                }
            }
            Item::Impl(item) if item.trait_.is_none() => {
                let syn::Type::Path(of) = &*item.self_ty else { continue };
                let Some(of) = of.path.segments.last() else { continue };
                let named = types.entry(of.ident.to_string()).or_default();
                for item in &item.items {
                    if let ImplItem::Fn(item) = item
                        && matches!(item.vis, Visibility::Public(_))
                    {
                        named.signature(&item.sig);
                    }
                }
            }
            _ => {}
        }
    }
}

#[test]
fn what_signatures_at_the_root_name_is_in_reach() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let (mut types, mut root, mut public) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    let mut sources = Vec::new();
    for of in ["core", "wire", "providers", "engine"] {
        files(&crates.join(of).join("src"), &mut sources);
    }
    for path in sources {
        let file = syn::parse_file(&fs_err::read_to_string(&path).unwrap()).unwrap();
        // What modules of the library pass on, or declare, is in reach under their names.
        let in_reach = path.starts_with(crates.join("engine/src"));
        for item in &file.items {
            match item {
                Item::Use(item) if in_reach && matches!(item.vis, Visibility::Public(_)) => used(&item.tree, &mut root),
                Item::Struct(item) if in_reach && matches!(item.vis, Visibility::Public(_)) => {
                    root.insert(item.ident.to_string());
                }
                // The enums of words.
                Item::Macro(item) => {
                    let text = item.mac.tokens.to_string();
                    let name = text.split_once("pub enum ").and_then(|(_, rest)| rest.split([' ', ':']).next());
                    public.extend(name.map(str::to_owned));
                }
                _ => {}
            }
        }
        said(&file.items, &mut types);
    }
    public.extend(types.keys().cloned());
    assert!(root.contains("HttpProvider") && public.contains("Settles"), "the crates were not read");
    let passed_on = |name: &str| PASSED_ON.iter().any(|(passed, _)| *passed == name);
    let missing: Vec<String> = types
        .iter()
        .filter(|(name, _)| root.contains(*name) && !passed_on(name))
        .flat_map(|(name, named)| named.0.iter().map(move |other| (name, other)))
        .filter(|(_, other)| public.contains(*other) && !root.contains(*other) && !TWICE.contains(&other.as_str()))
        .map(|(name, other)| format!("{other}, named by {name}"))
        .collect();
    assert!(missing.is_empty(), "not in reach at the root of `tierfall`:\n{}", missing.join("\n"));
}
