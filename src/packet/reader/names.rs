//! Namespaces in XML 1.0, as far as a bounded document needs them.

/// What a namespace name means to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// QCVN 102:2016, with or without the trailing slash that some software adds.
    Edxml,
    /// XLink.
    Link,
    /// No namespace.
    None,
    /// Any other.
    Other(Box<str>),
}

const EDXML: &str = "http://www.mic.gov.vn/TBT/QCVN_102_2016";
const LINK: &str = "http://www.w3.org/1999/xlink";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

impl Space {
    fn of(uri: &str) -> Self {
        match uri {
            "" => Self::None,
            LINK => Self::Link,
            uri if uri.strip_suffix('/').unwrap_or(uri) == EDXML => Self::Edxml,
            uri => Self::Other(uri.into()),
        }
    }
}

/// The prefixes declared by the open elements, innermost last.
#[derive(Debug, Default)]
pub(super) struct Prefixes(Vec<Binding>);

#[derive(Debug)]
struct Binding {
    depth: usize,
    prefix: Box<str>,
    space: Space,
}

impl Prefixes {
    /// Declarations in force at one time; each element and attribute searches them all.
    pub(super) const MOST: usize = 64;

    /// Declares a prefix, or with an empty one the default namespace, at the element of this depth.
    /// False when there are too many.
    #[must_use]
    pub(super) fn declare(&mut self, depth: usize, prefix: &str, uri: &str) -> bool {
        if self.0.len() >= Self::MOST {
            return false;
        }
        self.0.push(Binding {
            depth,
            prefix: prefix.into(),
            space: Space::of(uri),
        });
        true
    }

    /// Forgets what elements deeper than this declared.
    pub(super) fn leave(&mut self, depth: usize) {
        while self.0.last().is_some_and(|binding| binding.depth > depth) {
            self.0.pop();
        }
    }

    /// The namespace of an element's prefix; `None` when it is not declared.
    pub(super) fn element(&self, prefix: Option<&str>) -> Option<Space> {
        let wanted = prefix.unwrap_or("");
        let found = self
            .0
            .iter()
            .rev()
            .find(|binding| *binding.prefix == *wanted);
        match (found, wanted) {
            (Some(binding), _) => Some(binding.space.clone()),
            (None, "") => Some(Space::None),
            (None, "xml") => Some(Space::of(XML)),
            (None, _) => None,
        }
    }

    /// The namespace of an attribute's prefix; without one it has none.
    pub(super) fn attribute(&self, prefix: Option<&str>) -> Option<Space> {
        match prefix {
            None => Some(Space::None),
            some => self.element(some),
        }
    }
}
