use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
};

/// Values by their type: at most one of each.
#[derive(Default)]
pub(crate) struct Extensions(HashMap<TypeId, (&'static str, Box<dyn Any + Send + Sync>)>);

impl Extensions {
    /// Puts a value in, in place of the one of the same type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), (type_name::<T>(), Box::new(value)));
    }

    /// The value of a type.
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>()).and_then(|(_, value)| value.downcast_ref())
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.values().map(|(name, _)| name)).finish()
    }
}
