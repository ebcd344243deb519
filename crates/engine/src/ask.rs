//! What a caller puts to the engine.

use tierfall_core::request::{Message, Request, RequestId, UnixMillis};

/// A question, a conversation or a full request; without an id it gets one, which the trace returns.
#[derive(Clone, Debug)]
pub struct Ask {
    pub(crate) id: Option<RequestId>,
    pub(crate) request: Request,
}

impl Ask {
    /// Sets the id, which decides the ties and keys the trace.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<RequestId>) -> Self {
        self.id = Some(id.into());
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
        let id = Some(request.id.clone()).filter(|id| !id.as_str().is_empty());
        Self { id, request }
    }
}
