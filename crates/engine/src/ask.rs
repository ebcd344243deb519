//! What a caller puts to the engine.

use std::time::Duration;

use tierfall_core::money::Money;
use tierfall_core::request::{Json, Message, Params, Request, RequestId, UnixMillis};
use tierfall_core::trace_context::TraceContext;

/// A question, a conversation or a full request; without an id it gets one, which the trace returns.
///
/// ```
/// use std::time::Duration;
/// use tierfall::Ask;
///
/// let ask = Ask::from("Where is my order 10234?")
///     .with_deadline(Duration::from_secs(5))
///     .with_budget("0.002".parse()?)
///     .with_response_format(serde_json::json!({ "type": "json_object" }))
///     .with_tag("segment", "orders");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ask {
    pub(crate) id: Option<RequestId>,
    pub(crate) request: Request,
}

impl Ask {
    /// Sets the id, which decides the ties and keys the trace. An empty one is none.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<RequestId>) -> Self {
        self.id = Some(id.into()).filter(|id| !id.as_str().is_empty());
        self
    }

    /// Sets the operating point that is to decide: its name, or a target like `loss<=0.02` that the cheapest certified point
    /// must meet.
    #[must_use]
    pub fn at_point(mut self, point: impl Into<std::sync::Arc<str>>) -> Self {
        self.request.point = Some(point.into());
        self
    }

    /// Sets when the request arrived. Without it the engine's clock says when it was put.
    #[must_use]
    pub fn at(mut self, at: impl Into<UnixMillis>) -> Self {
        self.request.at = Some(at.into());
        self
    }

    /// Sets who asks: the id of a user or a tenant, for which the caller vouches. Traces have it.
    #[must_use]
    pub fn by(mut self, principal: impl Into<std::sync::Arc<str>>) -> Self {
        self.request.principal = Some(principal.into());
        self
    }

    /// Sets in which distributed trace the request stands: what its headers said. Providers at HTTP addresses are told, and traces
    /// have its id.
    #[must_use]
    pub fn in_trace(mut self, context: impl Into<Option<TraceContext>>) -> Self {
        self.request.context = context.into();
        self
    }

    /// Sets the most time that the request may take, waiting for places included, where that is less than the policy allows.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.request.deadline = Some(deadline);
        self
    }

    /// Sets the most money that the request's calls may cost, where that is less than the policy allows. Every tier needs a price then.
    /// A person is asked whatever is left of it: what a review costs is in the trace, and held against nothing.
    #[must_use]
    pub fn with_budget(mut self, budget: Money) -> Self {
        self.request.budget = Some(budget);
        self
    }

    /// Declares tools: a JSON array as OpenAI's chat completions have it. Every dialect puts it in its own words. Anything else fails the
    /// request before any call.
    #[must_use]
    pub fn with_tools(mut self, tools: impl Into<Json>) -> Self {
        self.request.tools = Some(tools.into());
        self
    }

    /// Declares what structure the answer is to have: a JSON object, likewise.
    #[must_use]
    pub fn with_response_format(mut self, format: impl Into<Json>) -> Self {
        self.request.response_format = Some(format.into());
        self
    }

    /// Sets the sampling parameters, likewise. What a tier declares itself takes precedence, since its gate is bound to that.
    #[must_use]
    pub fn with_params(mut self, params: Params) -> Self {
        self.request.params = params;
        self
    }

    /// Sets a tag, which rules and segments read.
    #[must_use]
    pub fn with_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.tags.insert(key.into(), value.into());
        self
    }
}

impl From<&str> for Ask {
    fn from(question: &str) -> Self {
        Self::from(vec![Message::user(question)])
    }
}

impl From<String> for Ask {
    fn from(question: String) -> Self {
        Self::from(vec![Message::user(question)])
    }
}

impl From<Vec<Message>> for Ask {
    fn from(messages: Vec<Message>) -> Self {
        Self { id: None, request: Request::from_messages("", messages) }
    }
}

impl From<Request> for Ask {
    fn from(request: Request) -> Self {
        let id = request.id.clone();
        Self { id: None, request }.with_id(id)
    }
}
