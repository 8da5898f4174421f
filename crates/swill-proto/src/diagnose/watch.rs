//! Where the diagnosis of a value stands, for those that cannot be told by an argument: errors, and checks of types that
//! decode themselves.

use super::MOST;
use crate::{Step, Value, Violation, validation::Findings};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
    static WATCH: RefCell<Seen> = RefCell::new(Seen::default());
}

/// What is known of the value that is being looked at.
#[derive(Default)]
pub(super) struct Seen {
    root: Rc<Value>,
    path: Vec<Step>,
    /// The same path by positions: which element, or which entry of a map. Names would have to be looked for.
    places: Vec<usize>,
    pub(super) constraints: Vec<Violation>,
    pub(super) left_out: Vec<Vec<Step>>,
    pub(super) forgiven: bool,
    pub(super) visited: usize,
}

/// A diagnosis that goes on. When it is dropped, be it by a panic, the one around it goes on.
pub(super) struct Watch {
    around: Option<Seen>,
    was_on: bool,
}

impl Watch {
    pub(super) fn begin(root: Rc<Value>, left_out: Vec<Vec<Step>>) -> Self {
        let seen = Seen { root, left_out, ..Seen::default() };
        Self { around: Some(WATCH.replace(seen)), was_on: ON.replace(true) }
    }

    pub(super) fn end(mut self) -> Seen {
        WATCH.replace(self.around.take().unwrap_or_default())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        ON.set(self.was_on);
        if let Some(around) = self.around.take() {
            WATCH.set(around);
        }
    }
}

/// Whether a value is being looked at in this thread.
#[inline]
pub(crate) fn is_on() -> bool {
    ON.get()
}

/// The path of the value that is being looked at.
pub(super) fn path() -> Vec<Step> {
    WATCH.with_borrow(|watch| watch.path.clone())
}

/// How long the path of the value is.
pub(super) fn depth() -> usize {
    WATCH.with_borrow(|watch| watch.path.len())
}

/// Counts one value.
pub(super) fn visit() {
    WATCH.with_borrow_mut(|watch| watch.visited += 1);
}

/// Whether what lies one step further is to be left out.
pub(super) fn leaves_out(step: &Step) -> bool {
    WATCH.with_borrow(|watch| {
        let same = |path: &Vec<Step>| {
            path.split_last().is_some_and(|(last, before)| last == step && before == &watch.path[..])
        };
        watch.left_out.iter().any(same)
    })
}

/// Does something one step further in the value, at this position of its elements or entries.
pub(super) fn inside<R>(step: Step, place: usize, run: impl FnOnce() -> R) -> R {
    WATCH.with_borrow_mut(|watch| {
        watch.path.push(step);
        watch.places.push(place);
    });
    let result = run();
    WATCH.with_borrow_mut(|watch| {
        watch.path.pop();
        watch.places.pop();
    });
    result
}

/// Runs the checks of what has just been decoded, and notes what they find.
pub(crate) fn check(all: bool, validate: impl FnOnce(&mut Findings<'_>)) {
    let (root, path, places, spoilt) = WATCH.with_borrow(|watch| {
        let spoilt = watch.constraints.iter().any(|it| it.path.starts_with(&watch.path));
        (Rc::clone(&watch.root), watch.path.clone(), watch.places.clone(), spoilt)
    });
    let mut findings = Findings::of(all, at(&root, &places), spoilt);
    validate(&mut findings);
    let (found, forgiven) = findings.into_parts();
    WATCH.with_borrow_mut(|watch| {
        watch.forgiven |= forgiven;
        for mut violation in found {
            if watch.constraints.len() < MOST {
                violation.path.splice(0..0, path.iter().cloned());
                watch.constraints.push(violation);
            }
        }
        if !all {
            keep_first(&mut watch.constraints, &path);
        }
    });
}

/// The value at these positions.
fn at<'v>(root: &'v Value, places: &[usize]) -> Option<&'v Value> {
    places.iter().try_fold(root, |value, place| match value {
        Value::List(list) => list.get(*place),
        Value::Map(entries) => entries.get(*place).map(|(_, value)| value),
        _ => None,
    })
}

/// Of the lists and maps that are fields of the struct at `place`, keeps what is wrong with the first bad element.
fn keep_first(violations: &mut Vec<Violation>, place: &[Step]) {
    let mut first: Vec<(Vec<Step>, Step)> = Vec::new();
    violations.retain(|violation| {
        let Some(below) = violation.path.strip_prefix(place) else { return true };
        if !matches!(below.first(), Some(Step::Name(_))) {
            return true;
        }
        let steps = below.iter().enumerate().skip(1);
        for (at, step) in steps.take_while(|(_, step)| !matches!(step, Step::Name(_))) {
            let container = &below[..at];
            match first.iter().find(|(known, _)| known == container) {
                Some((_, chosen)) if chosen != step => return false,
                Some(_) => {}
                None => first.push((container.to_vec(), step.clone())),
            }
        }
        true
    });
}
