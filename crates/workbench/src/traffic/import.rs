//! Captured traces as a fixture set: questions with the weights that undo the sampling, and the answers that were given.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Stratum;
use super::line::{Content, Read, Sample};
use super::place::{self, example};
pub use super::place::{Repeats, Splits};
use crate::fixture::grade::{GraderSpec, Graders};
use crate::fixture::lines::{Lines, json_error, utf8};
use crate::fixture::recording::{Header, Record, RecordingLine};
use crate::fixture::recording_file::{Opened, Writer, path_of};
use crate::fixture::set::{self, SetFile};
use crate::fixture::{Example, FixtureError, FixtureSet};
use crate::observations::{BadRow, Summary};
use crate::{Error, locked, whole};
use tierfall::config::Loaded;
use tierfall::{TierBinding, files};
use tierfall_core::provider::CallErrorKind;

/// How to import.
#[derive(Clone, Debug)]
pub struct TrafficOptions {
    /// Where examples go.
    pub splits: Splits,
    /// What requests are that ask the same.
    pub repeats: Repeats,
    /// The grader of a new set; whoever grades by it must need no expectation, since production knows of none.
    pub grader: GraderSpec,
    /// The graders that the set may name.
    pub graders: Graders,
    /// Add to a set that is there.
    pub append: bool,
    /// The first line that cannot be used is an error.
    pub strict: bool,
}

/// What became of the lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportedTraffic {
    /// Lines that are not blank.
    pub read: u64,
    /// Examples written.
    pub written: u64,
    /// Lines without content: their requests are not in the sample.
    pub without_content: u64,
    /// Lines of other cascades.
    pub of_others: u64,
    /// Lines whose request is on a later line again: how it ended last counts.
    pub repeated: u64,
    /// Lines of a replay that lacked an answer: nobody was asked.
    pub not_recorded: u64,
    /// Lines whose request the set had already.
    pub there: u64,
    /// Lines that cannot be used.
    pub bad: u64,
    /// The first of them, at most [`Summary::SHOWN`].
    pub first_bad: Vec<BadRow>,
    /// Answers written, by tier.
    pub answers: BTreeMap<Arc<str>, u64>,
    /// Examples written that ask what another one asks.
    pub repeats: u64,
    /// By stratum, examples written and the requests that they stand for.
    pub strata: BTreeMap<Stratum, (u64, f64)>,
    /// Examples by split.
    pub splits: BTreeMap<String, u64>,
    /// The greatest weight that the sampling allows.
    pub heaviest: f64,
}

/// One request that is taken.
struct Taken {
    example: Example,
    line: Vec<u8>,
    answers: BTreeMap<Arc<str>, Record>,
    sample: Sample,
}

type Fault = (String, String);

/// Makes a fixture set in the folder `into` of what trace logs captured of a cascade, or adds to one.
///
/// Every file is written beside its place and put there in one step, a new set as a whole. Lines that cannot be used are left out and
/// counted: torn ones, and answers of another model, prompt or parameters than the cascade declares now.
pub fn import(files: &[PathBuf], into: &Path, loaded: &Loaded, options: &TrafficOptions) -> Result<ImportedTraffic, Error> {
    let is_there = into.join("set.toml").exists() || into.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if is_there && !options.append {
        return Err(Error::refused(format!("{} exists already", into.display()))
            .with_hint("--append adds to it; nothing is ever overwritten"));
    }
    // Held until the set has grown: of two imports at once the later one adds to what the earlier one wrote.
    let examples = into.join("examples.jsonl");
    let _held = examples.exists().then(|| locked::wait(&examples)).transpose()?;
    let there = is_there.then(|| FixtureSet::load_with(into, &options.graders)).transpose()?;
    let bindings: BTreeMap<&Arc<str>, &TierBinding> = loaded.tiers.iter().flatten().map(|tier| (&tier.tier, tier)).collect();
    let mut reading = Reading {
        loaded,
        options,
        about: match &there {
            // What the sampling allows is held against the set once, when all lines are read.
            Some(set) => SetFile { heaviest_weight: None, ..set.about().clone() },
            None => toml::from_str(&set_toml(into, loaded, options, None))
                .map_err(|error| FixtureError::Unusable(format!("{}: {error}", into.join("set.toml").display())))?,
        },
        there: there.as_ref(),
        bound: bindings.iter().map(|(tier, binding)| (*tier, Header::new(binding).digest())).collect(),
        met: BTreeMap::new(),
        taken: Vec::new(),
        report: ImportedTraffic { heaviest: 1.0, ..ImportedTraffic::default() },
    };
    for file in files {
        reading.file(file)?;
    }
    let Reading { taken, mut report, .. } = reading;
    let taken: Vec<Taken> = taken.into_iter().flatten().collect();
    // Of a request that ended again without content, the line that has some does not count.
    report.heaviest = taken.iter().map(|taken| 1.0 / taken.sample.least).fold(1.0, f64::max);
    if taken.is_empty() {
        return if report.there > 0 { Ok(report) } else { Err(nothing(&report)) };
    }
    let heaviest = there.as_ref().and_then(|set| set.about().heaviest_weight).unwrap_or(1.0).max(report.heaviest);
    if options.repeats == Repeats::Once && heaviest > 1.0 {
        return Err(Error::refused(format!(
            "requests were kept with probabilities down to 1/{heaviest}, so how often a question was asked is not known, nor how likely it was \
             to be kept"
        ))
        .with_hint("--repeats each counts requests, which were drawn; --repeats once is for logs that kept every one"));
    }
    // Otherwise a question would be an item in one place and many in another.
    if let Some(set) = there.as_ref().filter(|set| place::repeats_of(set).is_some_and(|so_far| so_far != options.repeats)) {
        let set = set.dir().display();
        return Err(Error::refused(format!("{set}: its requests that ask the same were counted otherwise"))
            .with_hint("say how it was made: --repeats once where its examples have groups, else --repeats each"));
    }
    count(&mut report, &taken, there.as_ref());
    match &there {
        Some(set) => grow(set, &taken, &bindings, report.heaviest)?,
        None => make(into, &set_toml(into, loaded, options, Some(report.heaviest)), &taken, &bindings, &options.graders)?,
    }
    Ok(report)
}

fn nothing(report: &ImportedTraffic) -> Error {
    let mut why = Vec::new();
    let mut say = |n: u64, what: &str| {
        if n > 0 {
            why.push(format!("{n} {what}"));
        }
    };
    say(report.without_content, "hold no content (capture it with --capture content)");
    say(report.of_others, "are of other cascades");
    say(report.not_recorded, "are of a replay that lacked the answer");
    say(report.repeated, "are of requests that ended otherwise on a later line");
    if let Some(first) = report.first_bad.first() {
        say(report.bad, &format!("cannot be used, the first of them {first}"));
    }
    let why = if why.is_empty() { "the files are empty".to_owned() } else { why.join("; ") };
    Error::refused(format!("none of the {} lines can be imported: {why}", report.read))
}

/// Lines as they are read.
struct Reading<'o> {
    loaded: &'o Loaded,
    options: &'o TrafficOptions,
    about: SetFile,
    there: Option<&'o FixtureSet>,
    /// By tier, what its answers must be bound to.
    bound: BTreeMap<&'o Arc<str>, String>,
    /// By request that was met, the place in `taken` of the line that counts, unless that is one without content or of no use.
    met: BTreeMap<Arc<str>, Option<usize>>,
    taken: Vec<Option<Taken>>,
    report: ImportedTraffic,
}

impl Reading<'_> {
    fn file(&mut self, path: &Path) -> Result<(), Error> {
        let mut lines = Lines::open(path)?;
        while let Some(line) = lines.next()? {
            self.report.read += 1;
            let read = utf8(&line.bytes).and_then(|text| {
                serde_json::from_str::<Read>(text).map_err(|error| {
                    let why = json_error(&error);
                    if line.ended { why } else { format!("cut in the middle of a write: {why}") }
                })
            });
            if let Err((field, reason)) = read.map_err(|why| (String::new(), why)).and_then(|read| self.take(read)) {
                self.report.bad += 1;
                let bad = BadRow { path: path.to_owned(), line: line.number as u64, field, reason };
                if self.options.strict {
                    return Err(Error::refused(format!("{bad}; without --strict such lines are left out and counted")));
                }
                if self.report.first_bad.len() < Summary::SHOWN {
                    self.report.first_bad.push(bad);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, mut read: Read) -> Result<(), Fault> {
        if *read.cascade != **self.loaded.cascade.name() {
            self.report.of_others += 1;
            return Ok(());
        }
        if read.steps.iter().any(|step| step.detail.as_deref() == Some(CallErrorKind::NotRecorded.as_str())) {
            self.report.not_recorded += 1;
            return Ok(());
        }
        if self.there.is_some_and(|set| set.get(&read.request_id).is_some()) {
            self.report.there += 1;
            return Ok(());
        }
        // A request that failed and was asked again is one request, and the answer that its caller got is the last one.
        let before = self.met.insert(read.request_id.clone(), None);
        if let Some(at) = before.flatten() {
            self.taken[at] = None;
            self.report.repeated += 1;
        }
        let Some(content) = read.content.take() else {
            self.report.without_content += 1;
            return Ok(());
        };
        let sample = checked(read.sample)?;
        let line = example(&read, &content, 1.0 / sample.propensity, &self.options.splits, self.options.repeats);
        let example = set::example(&self.about, &self.options.graders, &line)?;
        let answers = self.answers(&example, content)?;
        self.met.insert(read.request_id, Some(self.taken.len()));
        self.taken.push(Some(Taken { example, line, answers, sample }));
        Ok(())
    }

    /// What tiers of the cascade answered, if it is what they would be asked now.
    fn answers(&self, example: &Example, content: Content) -> Result<BTreeMap<Arc<str>, Record>, Fault> {
        if !content.beyond.is_empty() {
            let brought = content.beyond.join(" and ");
            let why = format!("the request brought {brought} of its own, and an example has messages and tags alone");
            return Err(("/content/beyond".to_owned(), why));
        }
        let asked = example.digest();
        for (tier, record) in &content.answers {
            let fault = |why: String| Err((format!("/content/answers/{tier}"), why));
            let Some(bound) = self.bound.get(tier) else {
                return fault("the cascade declares no such tier with a model".to_owned());
            };
            match content.bindings.get(tier) {
                Some(binding) if binding == bound => {}
                Some(_) => {
                    return fault("answered with another model, prompt or parameters than the cascade declares".to_owned());
                }
                None => return fault("nothing says with which model, prompt and parameters it was answered".to_owned()),
            }
            if record.id != example.id || !record.answer.answers(&asked) {
                return fault("answers another question than the line's".to_owned());
            }
        }
        Ok(content.answers)
    }
}

fn checked(sample: Option<Sample>) -> Result<Sample, Fault> {
    let missing = || ("/sample".to_owned(), "is missing: nobody knows how likely the line was to be written".to_owned());
    let sample = sample.ok_or_else(missing)?;
    let is_probability = |p: f64| p > 0.0 && p <= 1.0;
    if !is_probability(sample.propensity) {
        return Err(("/sample/propensity".to_owned(), "must be above 0 and at most 1".to_owned()));
    }
    if !is_probability(sample.least) || sample.least > sample.propensity {
        return Err(("/sample/least".to_owned(), "must be above 0 and at most the propensity".to_owned()));
    }
    Ok(sample)
}

fn count(report: &mut ImportedTraffic, taken: &[Taken], there: Option<&FixtureSet>) {
    let mut questions: BTreeSet<String> =
        there.map(FixtureSet::examples).unwrap_or_default().iter().map(Example::digest).collect();
    report.written = taken.len() as u64;
    for Taken { example, answers, sample, .. } in taken {
        report.repeats += u64::from(!questions.insert(example.digest()));
        let (n, stand_for) = report.strata.entry(sample.stratum).or_default();
        *n += 1;
        *stand_for += example.weight;
        *report.splits.entry(example.split.to_string()).or_default() += 1;
        for tier in answers.keys() {
            *report.answers.entry(tier.clone()).or_default() += 1;
        }
    }
}

/// The file `set.toml` of a new set.
fn set_toml(into: &Path, loaded: &Loaded, options: &TrafficOptions, heaviest: Option<f64>) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let list = |names: Vec<String>| names.join(", ");
    let name = into.file_name().map_or_else(|| "traffic".into(), |name| name.to_string_lossy());
    let tiers = loaded.tiers.iter().flatten().map(|tier| quoted(&tier.tier)).collect();
    let grader = serde_json::to_value(&options.grader).ok().and_then(|grader| toml::Value::try_from(grader).ok());
    let mut text = format!(
        "name = {}\ndescription = {}\nmade-by = \"tierfall import traces\"\n\
         splits = [{}]\ntiers = [{}]\ngrader = {}\n",
        quoted(&name),
        quoted(&format!("Requests to the cascade {}, sampled from its traffic.", loaded.cascade.name())),
        list(options.splits.names().map(quoted).collect()),
        list(tiers),
        grader.map_or_else(|| quoted(&options.grader.name), |grader| grader.to_string()),
    );
    if let Some(heaviest) = heaviest {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "# How many requests one example can stand for at most, by the rates of the sampling; certificates rest on it.\n\
             heaviest-weight = {heaviest:?}\n"
        );
    }
    text
}

type Bindings<'l> = BTreeMap<&'l Arc<str>, &'l TierBinding>;

/// A new set, put in its place as a whole.
fn make(into: &Path, set_toml: &str, taken: &[Taken], bindings: &Bindings<'_>, graders: &Graders) -> Result<(), Error> {
    let folder = into.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    let beside = tempfile::Builder::new().prefix(".importing-").tempdir_in(folder)?;
    fs_err::write(beside.path().join("set.toml"), set_toml)?;
    fs_err::write(beside.path().join("examples.jsonl"), lines(taken))?;
    write_answers(open_all(beside.path(), taken, bindings)?, taken, |_| None)?;
    // What is read back is what everybody will read.
    FixtureSet::load_with(beside.path(), graders)?;
    fs_err::rename(beside.path(), into)?;
    // It is no longer there to be removed.
    let _ = beside.keep();
    Ok(())
}

/// More examples for a set that is there. Recordings come first: without their examples they are passed over.
fn grow(set: &FixtureSet, taken: &[Taken], bindings: &Bindings<'_>, heaviest: f64) -> Result<(), Error> {
    let declared = set.about().heaviest_weight;
    let enough = declared.is_some_and(|declared| heaviest <= declared * (1.0 + 1e-9));
    if !enough && heaviest > 1.0 {
        let path = set.dir().join("set.toml");
        let path = path.display();
        let declared = declared.map_or_else(
            || "and the set declares no heaviest-weight".to_owned(),
            |declared| format!("and the set declares heaviest-weight = {declared}"),
        );
        return Err(Error::refused(format!("{path}: requests were kept with probabilities down to 1/{heaviest}, {declared}"))
            .with_hint(format!("say so in {path}: heaviest-weight = {heaviest:?}")));
    }
    write_answers(open_all(set.dir(), taken, bindings)?, taken, |id| set.position(id))?;
    let path = set.dir().join("examples.jsonl");
    let mut whole = files::read(&path, files::LONGEST)?;
    if !whole.ends_with(b"\n") {
        whole.push(b'\n');
    }
    whole.extend(lines(taken));
    Ok(whole::write_named(&path, &whole)?)
}

fn lines(taken: &[Taken]) -> Vec<u8> {
    taken.iter().flat_map(|taken| taken.line.iter().copied().chain([b'\n'])).collect()
}

/// Every recording that gets answers, opened before any is changed.
fn open_all(set: &Path, taken: &[Taken], bindings: &Bindings<'_>) -> Result<Vec<(Arc<str>, PathBuf, Opened)>, Error> {
    let with_answers: BTreeSet<&Arc<str>> = taken.iter().flat_map(|taken| taken.answers.keys()).collect();
    let mut opened = Vec::new();
    for tier in with_answers {
        let binding = bindings.get(tier).copied().expect("only answers of declared tiers are taken");
        let header = Header { note: Some("answers given in production".to_owned()), ..Header::new(binding) };
        let path = path_of(set, tier)?;
        let mut open = Writer::open(&path, header, |there| there.other_answers(binding))?;
        open.writer.promise_at_most(binding.top_logprobs);
        opened.push((tier.clone(), path, open));
    }
    Ok(opened)
}

/// `position` is an example's place in the set, where it is not a new one.
fn write_answers(
    opened: Vec<(Arc<str>, PathBuf, Opened)>,
    taken: &[Taken],
    position: impl Fn(&str) -> Option<usize>,
) -> Result<(), FixtureError> {
    let places: BTreeMap<&Arc<str>, usize> = taken.iter().enumerate().map(|(at, taken)| (&taken.example.id, at)).collect();
    for (tier, path, Opened { writer, mut records, .. }) in opened {
        for taken in taken {
            if let Some(record) = taken.answers.get(&tier) {
                records.insert(record.id.clone(), RecordingLine::Asked(record.clone()));
            }
        }
        let mut ordered: Vec<&RecordingLine> = records.values().collect();
        // The set's examples, the new ones, and those that the set no longer has.
        ordered.sort_by_key(|entry| match (position(entry.id()), places.get(entry.id())) {
            (Some(at), _) => (0, at),
            (None, Some(at)) => (1, *at),
            (None, None) => (2, 0),
        });
        writer.finish(ordered.into_iter(), &path)?;
    }
    Ok(())
}
