//! What becomes of requests for which some rules hold, whatever they ask.

use std::sync::Arc;

use tierfall_core::cascade::Cascade;
use tierfall_core::plan::Plan;
use tierfall_core::request::Request;
use tierfall_core::rule::Rule;
use tierfall_core::rule::table::Condition;
use tierfall_core::segment::Segments;

/// Holds for every request.
#[derive(Debug)]
struct Always;

impl Condition for Always {
    fn holds(&self, _: &Request) -> bool {
        true
    }
}

/// A cascade that is asked under rules of one's choice.
pub(super) struct Under {
    /// Without rules, since each question copies it.
    bare: Cascade,
    /// One for every way in which the fit may cut.
    requests: Vec<Arc<Request>>,
}

/// Names the segment of a request, whatever the file says of segments.
const SEGMENT: &str = "segment";

impl Under {
    pub(super) fn new(cascade: &Cascade) -> Self {
        let segments = Segments { tag: Some(SEGMENT.to_owned()), rules: Vec::new() };
        let mut requests = vec![Request::new("check", "")];
        for point in cascade.points() {
            let mut at_point = Request::new("check", "");
            at_point.point = Some(point.name.clone());
            requests.extend(point.segments.keys().map(|segment| {
                let mut request = at_point.clone();
                request.tags.insert(SEGMENT.to_owned(), segment.to_string());
                request
            }));
            requests.push(at_point);
        }
        let bare = cascade.clone().with_rules(Vec::new()).with_segments(segments);
        Self { bare, requests: requests.into_iter().map(Arc::new).collect() }
    }

    /// The plan under these rules and no others: first of a request that names no operating point, then at every point and in every
    /// segment of the fit.
    pub(super) fn plans<'a>(&'a self, rules: &[&Rule]) -> impl Iterator<Item = Plan> + use<'a> {
        let always = |rule: &&Rule| Rule { when: Arc::new(Always), ..(*rule).clone() };
        let cascade = self.bare.clone().with_rules(rules.iter().map(always).collect());
        self.requests.iter().map(move |request| Plan::new(&cascade, request.clone()))
    }
}
