//! Which file of a crate imports from which, by where the named item is defined.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, Meta, UseTree, Visibility};

/// One file's mention of an item that another file defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) line: usize,
    pub(super) name: String,
}

/// From a file to a file: the imports. Paths are relative to the folder that the crates were looked for in.
pub(super) type Graph = BTreeMap<String, BTreeMap<String, BTreeSet<Import>>>;

/// A module's path from the root of its crate.
type Place = Vec<String>;

/// What a name stands for in a module.
#[derive(Debug, Clone)]
enum Meaning {
    /// An item of this module.
    Item,
    Module,
    /// What a `use` brings in, re-exported or not.
    Used(Vec<String>),
}

/// Where a path leads.
enum End {
    Module(Place),
    /// An item of the module, and its name there.
    Item(Place, String),
}

#[derive(Default)]
struct Module {
    file: String,
    names: BTreeMap<String, Vec<Meaning>>,
    globs: Vec<Vec<String>>,
}

struct Mention {
    from: Place,
    path: Vec<String>,
    line: usize,
}

/// The modules of a crate, without its tests, and what they mention.
#[derive(Default)]
struct Crate {
    modules: BTreeMap<Place, Module>,
    mentions: Vec<Mention>,
    /// By file, the names of its variables: as a path of one segment, such a name is the variable.
    variables: BTreeMap<String, BTreeSet<String>>,
}

/// The imports inside the crate whose `lib.rs` or `main.rs` this is.
pub(super) fn imports(root: &Path, top: &Path) -> Graph {
    let mut found = Crate::default();
    read(&mut found, root, top, Vec::new(), root.parent().unwrap());
    found.graph()
}

/// Reads a module's file, whose children stand in `folder`.
fn read(found: &mut Crate, file: &Path, top: &Path, place: Place, folder: &Path) {
    let text = fs_err::read_to_string(file).unwrap();
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let name = file.strip_prefix(top).unwrap().to_string_lossy().into_owned();
    found.modules.insert(place.clone(), Module { file: name.clone(), ..Module::default() });
    let mut reader = Reader { found, top, file: name, place, folder: folder.to_path_buf(), inside: false };
    reader.visit_file(&parsed);
}

struct Reader<'a> {
    found: &'a mut Crate,
    top: &'a Path,
    file: String,
    place: Place,
    folder: PathBuf,
    /// Inside an item's body: what is declared there is no name of the module.
    inside: bool,
}

impl Reader<'_> {
    fn mention(&mut self, path: Vec<String>, line: usize) {
        self.found.mentions.push(Mention { from: self.place.clone(), path, line });
    }

    fn means(&mut self, name: String, meaning: Meaning) {
        self.found.modules.get_mut(&self.place).unwrap().names.entry(name).or_default().push(meaning);
    }

    fn used(&mut self, tree: &UseTree, mut path: Vec<String>, re_exported: bool) {
        let (name, line) = match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                return self.used(&tree.tree, path, re_exported);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.used(tree, path.clone(), re_exported));
            }
            UseTree::Glob(_) => return self.found.modules.get_mut(&self.place).unwrap().globs.push(path),
            UseTree::Name(tree) => {
                if tree.ident != "self" {
                    path.push(tree.ident.to_string());
                }
                (path.last().cloned(), tree.ident.span().start().line)
            }
            UseTree::Rename(tree) => {
                if tree.ident != "self" {
                    path.push(tree.ident.to_string());
                }
                (Some(tree.rename.to_string()), tree.ident.span().start().line)
            }
        };
        if let Some(name) = name {
            self.means(name, Meaning::Used(path.clone()));
        }
        if !re_exported {
            self.mention(path, line);
        }
    }

    /// Paths in what `syn` leaves as tokens: the arguments of macros and of attributes.
    fn tokens(&mut self, tokens: TokenStream, in_attribute: bool) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let is = |at: usize, wanted: char| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream(), in_attribute),
                // serde's `with = "a::path"`.
                TokenTree::Literal(literal) if in_attribute => {
                    if let Ok(path) =
                        syn::parse_str::<syn::LitStr>(&literal.to_string()).and_then(|text| text.parse::<syn::Path>())
                    {
                        self.mention(segments(&path), literal.span().start().line);
                    }
                }
                TokenTree::Ident(first) => {
                    let line = first.span().start().line;
                    let of_a_value = at > 0 && is(at - 1, '.') && !(at > 1 && is(at - 2, '.'));
                    let mut path = vec![first.to_string()];
                    while is(at + 1, ':') && is(at + 2, ':') {
                        let Some(TokenTree::Ident(next)) = tokens.get(at + 3) else { break };
                        path.push(next.to_string());
                        at += 3;
                    }
                    let called = matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    let alone = path.len() == 1 && !called && path[0].starts_with(char::is_lowercase);
                    if !of_a_value && !alone {
                        self.mention(path, line);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

fn segments(path: &syn::Path) -> Vec<String> {
    if path.leading_colon.is_some() {
        return Vec::new();
    }
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        Meta::NameValue(_) => false,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if for_tests(attributes(item)) {
            return;
        }
        if let (Some(name), false) = (name(item), self.inside) {
            self.means(name, Meaning::Item);
        }
        let inside = std::mem::replace(&mut self.inside, true);
        visit::visit_item(self, item);
        self.inside = inside;
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Const(item) => &item.attrs,
            _ => &[],
        };
        if !for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let name = module.ident.to_string();
        self.means(name.clone(), Meaning::Module);
        let mut place = self.place.clone();
        place.push(name.clone());
        let folder = self.folder.join(&name);
        if let Some((_, items)) = &module.content {
            self.found.modules.insert(place.clone(), Module { file: self.file.clone(), ..Module::default() });
            let outer = (std::mem::replace(&mut self.place, place), std::mem::replace(&mut self.folder, folder));
            self.inside = false;
            for item in items {
                self.visit_item(item);
            }
            (self.place, self.folder) = outer;
        } else {
            let [file, facade] = [self.folder.join(format!("{name}.rs")), folder.join("mod.rs")];
            read(self.found, if file.exists() { &file } else { &facade }, self.top, place, &folder);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() {
            self.used(&item.tree, Vec::new(), !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone(), true);
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.visit_path(&called.path);
        self.tokens(called.tokens.clone(), false);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.found.variables.entry(self.file.clone()).or_default().insert(pattern.ident.to_string());
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.mention(segments(path), path.span().start().line);
        visit::visit_path(self, path);
    }
}

impl Crate {
    /// Where a path that stands in a module leads; nowhere, if it leads out of the crate.
    fn follow(&self, from: &Place, path: &[String], asked: &mut BTreeSet<(Place, String)>) -> Option<End> {
        let mut at = End::Module(from.clone());
        for (index, segment) in path.iter().enumerate() {
            let End::Module(place) = &at else { break };
            at = match segment.as_str() {
                "crate" => End::Module(Vec::new()),
                "self" => continue,
                "super" => End::Module(place.split_last()?.1.to_vec()),
                name => self.look_up(place, name, index + 1 < path.len(), asked)?,
            };
        }
        Some(at)
    }

    fn look_up(&self, place: &Place, name: &str, leads_on: bool, asked: &mut BTreeSet<(Place, String)>) -> Option<End> {
        if !asked.insert((place.clone(), name.to_owned())) {
            return self.declared(place, name, leads_on);
        }
        let module = &self.modules[place];
        let used = |asked: &mut BTreeSet<_>| {
            module.names.get(name).into_iter().flatten().find_map(|meaning| match meaning {
                Meaning::Used(path) => self.follow(place, path, asked),
                _ => None,
            })
        };
        let by_glob = |asked: &mut BTreeSet<_>| {
            module.globs.iter().find_map(|path| match self.follow(place, path, asked)? {
                End::Module(place) => self.look_up(&place, name, leads_on, asked),
                End::Item(..) => None,
            })
        };
        // A module and a function may have one name: what goes on is the module.
        let declared = self.declared(place, name, leads_on);
        match declared {
            Some(End::Module(_)) if !leads_on => used(asked).or(declared),
            None => used(asked).or_else(|| by_glob(asked)),
            some => some,
        }
    }

    fn declared(&self, place: &Place, name: &str, leads_on: bool) -> Option<End> {
        let meanings = self.modules[place].names.get(name)?;
        let module = meanings.iter().any(|meaning| matches!(meaning, Meaning::Module));
        let item = meanings.iter().any(|meaning| matches!(meaning, Meaning::Item));
        match (module, item) {
            (true, false) => Some(End::Module([place.as_slice(), &[name.to_owned()]].concat())),
            (true, true) if leads_on => Some(End::Module([place.as_slice(), &[name.to_owned()]].concat())),
            (_, true) => Some(End::Item(place.clone(), name.to_owned())),
            (false, false) => None,
        }
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for Mention { from, path, line } in &self.mentions {
            let file = &self.modules[from].file;
            if let [name] = path.as_slice()
                && self.variables.get(file).is_some_and(|names| names.contains(name))
            {
                continue;
            }
            let Some(End::Item(place, name)) = self.follow(from, path, &mut BTreeSet::new()) else { continue };
            let target = &self.modules[&place].file;
            if target != file {
                let import = Import { line: *line, name };
                graph.entry(file.clone()).or_default().entry(target.clone()).or_default().insert(import);
            }
        }
        graph
    }
}

/// The sets of more than one file in which every file reaches every other.
pub(super) fn circles(graph: &Graph) -> BTreeSet<BTreeSet<String>> {
    let reached = |from| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            open.extend(graph.get(file).into_iter().flat_map(BTreeMap::keys).filter(|next| reached.insert(*next)));
        }
        reached
    };
    let reached: BTreeMap<_, _> = graph.keys().map(|file| (file, reached(file))).collect();
    let with_itself = |file: &&String| reached[file].contains(file);
    let circle = |file: &String| {
        let back = |other: &&&String| reached.get(*other).is_some_and(|back| back.contains(file));
        reached[file].iter().filter(back).map(|other| (*other).clone()).collect()
    };
    graph.keys().filter(with_itself).map(circle).collect()
}
