use super::{Length, Number, Pattern, Zoned};
use crate::{Error, Expected, Rule, Step, Value, Violation, diagnose::MOST};
use std::{
    fmt::Display,
    ops::{Bound, RangeBounds},
};

/// What a [`Validate`](super::Validate) finds. Nothing is allocated as long as all is well.
///
/// ```
/// use swill_proto::validation::Findings;
///
/// let mut found = Findings::new(false);
/// found.field("age", &[], |found| found.ge(&17, 18));
/// found.field("tags", &[], |found| {
///     found.each(&["tea", ""], |found, tag, _| found.length(*tag, 1..));
/// });
/// let error = found.into_result().unwrap_err();
/// let paths: Vec<_> = error.violations().iter().map(|it| it.path_text()).collect();
/// assert_eq!(paths, ["age", "tags[1]"]);
/// ```
#[derive(Debug)]
pub struct Findings<'v> {
    found: Vec<Violation>,
    all: bool,
    /// What came, if that is known.
    came: Option<&'v Value>,
    /// Whether something below was found before.
    spoilt: bool,
    forgiven: bool,
}

impl Findings<'static> {
    /// Nothing found yet. `all` tells whether every bad element of a list or map is noted, or only the first of each. No
    /// list or map is looked at further when 100 things are wrong.
    pub const fn new(all: bool) -> Self {
        Self { found: Vec::new(), all, came: None, spoilt: false, forgiven: false }
    }
}

impl<'v> Findings<'v> {
    pub(crate) fn of(all: bool, came: Option<&'v Value>, spoilt: bool) -> Self {
        Self { found: Vec::new(), all, came, spoilt, forgiven: false }
    }

    pub(crate) fn into_parts(self) -> (Vec<Violation>, bool) {
        (self.found, self.forgiven)
    }

    #[inline]
    pub(crate) fn into_first(self) -> Option<Violation> {
        self.found.into_iter().next()
    }

    /// Whether all is well.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// What was found, as an error.
    ///
    /// # Errors
    ///
    /// Code 422 with all of it.
    pub fn into_result(self) -> crate::Result<()> {
        if self.found.is_empty() { Ok(()) } else { Err(Error::violations_of(self.found)) }
    }

    /// Checks a field. `name` is what it is called on the wire, and `aliases` are what it may be called, too. A field
    /// that has not come, and so has its default, is not checked, where that is known.
    #[inline]
    pub fn field(&mut self, name: &str, aliases: &[&str], check: impl FnOnce(&mut Self)) {
        let before = self.found.len();
        check(self);
        if self.found.len() > before {
            self.settle(before, name, aliases);
        }
    }

    #[cold]
    fn settle(&mut self, before: usize, name: &str, aliases: &[&str]) {
        if let Some(came @ Value::Map(_)) = self.came
            && came.get(name).is_none()
            && aliases.iter().all(|alias| came.get(alias).is_none())
        {
            self.found.truncate(before);
            self.forgiven = true;
        }
        self.below(before, &Step::Name(name.into()));
    }

    #[cold]
    fn below(&mut self, before: usize, step: &Step) {
        for violation in &mut self.found[before..] {
            violation.path.insert(0, step.clone());
        }
    }

    /// Checks each element of a list or tuple, with its index.
    #[inline]
    pub fn each<T>(
        &mut self,
        elements: impl IntoIterator<Item = T>,
        mut check: impl FnMut(&mut Self, T, usize),
    ) {
        for (index, element) in elements.into_iter().enumerate() {
            let before = self.found.len();
            check(self, element, index);
            if self.found.len() > before {
                self.below(before, &Step::Index(index));
                if self.is_enough() {
                    break;
                }
            }
        }
    }

    /// Checks each key of a map. What is wrong with one is noted without it.
    #[inline]
    pub fn keys<K, V>(
        &mut self,
        entries: impl IntoIterator<Item = (K, V)>,
        mut check: impl FnMut(&mut Self, K),
    ) {
        let before = self.found.len();
        for (key, _) in entries {
            check(self, key);
            if self.found.len() > before && self.is_enough() {
                break;
            }
        }
    }

    /// Checks each value of a map.
    #[inline]
    pub fn values<K: Display, V>(
        &mut self,
        entries: impl IntoIterator<Item = (K, V)>,
        mut check: impl FnMut(&mut Self, V),
    ) {
        for (key, value) in entries {
            let before = self.found.len();
            check(self, value);
            if self.found.len() > before {
                self.below(before, &Step::Key(key.to_string().into()));
                if self.is_enough() {
                    break;
                }
            }
        }
    }

    /// Whether the elements after a bad one need not be looked at.
    #[cold]
    fn is_enough(&self) -> bool {
        !self.all || self.found.len() >= MOST
    }

    /// Checks one element of a tuple.
    #[inline]
    pub fn element(&mut self, index: usize, check: impl FnOnce(&mut Self)) {
        let before = self.found.len();
        check(self);
        if self.found.len() > before {
            self.below(before, &Step::Index(index));
        }
    }

    /// Checks the struct as a whole, unless something in it is wrong already and not everything is wanted. It is noted
    /// under the name `*`.
    pub fn whole<T: ?Sized, E: Display>(&mut self, value: &T, check: impl FnOnce(&T) -> Result<(), E>) {
        if (self.found.is_empty() && !self.spoilt) || self.all {
            let before = self.found.len();
            self.with(value, check);
            self.below(before, &Step::Name("*".into()));
        }
    }

    /// Notes that a rule is broken here.
    #[cold]
    pub fn broken(&mut self, rule: Rule) {
        self.found.push(Violation::new(Vec::new(), rule));
    }

    /// Asks a function of the application, whose error says in its own words what is wrong.
    #[inline]
    pub fn with<T: ?Sized, E: Display>(&mut self, value: &T, check: impl FnOnce(&T) -> Result<(), E>) {
        if let Err(error) = check(value) {
            self.found.push(Violation::with_message(Vec::new(), Rule::Custom, error.to_string()));
        }
    }

    /// As [`with`](Self::with), for an element of a list and its index.
    #[inline]
    pub fn with_index<T: ?Sized, E: Display>(
        &mut self,
        value: &T,
        index: usize,
        check: impl FnOnce(&T, usize) -> Result<(), E>,
    ) {
        self.with(value, |value| check(value, index));
    }

    /// Asks a function of the application whether a value is right.
    #[inline]
    pub fn predicate<T: ?Sized>(&mut self, value: &T, holds: impl FnOnce(&T) -> bool) {
        self.holds(holds(value), || Rule::Predicate);
    }

    /// Checks that a number is greater than a limit.
    #[inline]
    pub fn gt<N: Number>(&mut self, value: &N, limit: N) {
        self.holds(*value > limit, || Rule::Gt(limit.to_value()));
    }

    /// Checks that a number is greater than a limit, or equal to it.
    #[inline]
    pub fn ge<N: Number>(&mut self, value: &N, limit: N) {
        self.holds(*value >= limit, || Rule::Ge(limit.to_value()));
    }

    /// Checks that a number is less than a limit.
    #[inline]
    pub fn lt<N: Number>(&mut self, value: &N, limit: N) {
        self.holds(*value < limit, || Rule::Lt(limit.to_value()));
    }

    /// Checks that a number is less than a limit, or equal to it.
    #[inline]
    pub fn le<N: Number>(&mut self, value: &N, limit: N) {
        self.holds(*value <= limit, || Rule::Le(limit.to_value()));
    }

    /// Checks that a number is a multiple of another.
    #[inline]
    pub fn multiple_of<N: Number>(&mut self, value: &N, of: N) {
        self.holds(value.is_multiple_of(of), || Rule::MultipleOf(of.to_value()));
    }

    /// Checks a length: characters of text, elements of a list, entries of a map.
    #[inline]
    pub fn length<T: Length + ?Sized>(&mut self, value: &T, range: impl RangeBounds<usize>) {
        let length = value.length();
        let (least, beyond) = bounds(&range);
        if let Some(least) = least {
            self.holds(length >= least, || Rule::MinLength(least));
        }
        if let Some(beyond) = beyond {
            self.holds(length < beyond, || Rule::MaxLength(beyond));
        }
    }

    /// Checks that a text matches a regular expression, from its start on.
    #[inline]
    pub fn regex<T: AsRef<str> + ?Sized>(&mut self, value: &T, pattern: &Pattern) {
        self.holds(pattern.matches(value.as_ref()), || Rule::Pattern(pattern.text().into()));
    }

    /// Checks that a point in time is written in a time zone such as `+01:00`.
    #[inline]
    pub fn timezone<T: Zoned + ?Sized>(&mut self, value: &T, zone: &str) {
        match value.is_in_zone(zone) {
            Some(holds) => self.holds(holds, || Rule::Timezone(zone.into())),
            None => self.broken(Rule::Type(Expected::Other)),
        }
    }

    #[inline]
    fn holds(&mut self, holds: bool, rule: impl FnOnce() -> Rule) {
        if !holds {
            self.broken(rule());
        }
    }
}

/// The least length, and the least that is too long.
pub(super) fn bounds(range: &impl RangeBounds<usize>) -> (Option<usize>, Option<usize>) {
    let least = match range.start_bound() {
        Bound::Included(&least) => Some(least),
        Bound::Excluded(&below) => Some(below.saturating_add(1)),
        Bound::Unbounded => None,
    };
    let beyond = match range.end_bound() {
        Bound::Included(&most) => Some(most.saturating_add(1)),
        Bound::Excluded(&beyond) => Some(beyond),
        Bound::Unbounded => None,
    };
    (least.filter(|least| *least > 0), beyond)
}
